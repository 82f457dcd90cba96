"""Images to send: the sizes that hospitals have, with a header about as long as real ones. Invented, pixels of noise."""

import random
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

_ROOT = "1.2.826.0.1.3680043.10.1999"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of image."""

    name: str
    sop_class: str
    modality: str
    rows: int
    columns: int


CT = Form("CT, 0.5 MB", "1.2.840.10008.5.1.4.1.1.2", "CT", 512, 512)
DX = Form("DX, 10 MB", "1.2.840.10008.5.1.4.1.1.1.1", "DX", 2500, 2000)
SMALL = Form("CT, 8 kB", "1.2.840.10008.5.1.4.1.1.2", "CT", 64, 64)


def write_images(folder: Path, form: Form, count: int, folders: int, first: int = 0, in_study: int = 1 << 40) -> list[Path]:
    """Writes so many images into folders; those that are numbered from another ``first`` are others.

    Args:
        folder: in which the folders are made.
        form: of each image.
        count: how many images.
        folders: into how many folders, in turn.
        first: number of the first image.
        in_study: so many images in turn have one patient and study in each folder; else each folder is one study.

    Returns:
        The folders.
    """
    chance = random.Random(1)
    pixels = chance.randbytes(form.rows * form.columns * 2)
    made = [folder / str(number) for number in range(folders)]
    for number in range(first, first + count):
        part = number % folders
        made[part].mkdir(parents=True, exist_ok=True)
        _image(form, part + folders * (number // in_study), number, pixels).save_as(
            made[part] / f"{number:06d}.dcm", enforce_file_format=True
        )
    return made


def _image(form: Form, part: int, number: int, pixels: bytes) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.Modality = form.sop_class, form.modality
    dataset.StudyInstanceUID = f"{_ROOT}.{form.rows}.{part}"
    dataset.SeriesInstanceUID = f"{dataset.StudyInstanceUID}.1"
    dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number + 1}"
    _patient(dataset, part)
    _equipment(dataset)
    dataset.ReferencedImageSequence = [_reference(dataset, each) for each in range(4)]
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = form.rows, form.columns, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PhotometricInterpretation, dataset.PixelSpacing, dataset.ImageType = (
        "MONOCHROME2",
        [0.7, 0.7],
        ["ORIGINAL", "PRIMARY"],
    )
    dataset.InstanceNumber, dataset.RescaleIntercept, dataset.RescaleSlope = number + 1, -1024, 1
    dataset.PixelData = pixels
    dataset["PixelData"].VR = "OW"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _patient(dataset: Dataset, part: int) -> None:
    texts = {
        "PatientID": f"RR999{part:05d}",
        "PatientName": "Doe^Jane",
        "PatientBirthDate": "19500101",
        "PatientSex": "F",
        "PatientAge": "070Y",
        "AccessionNumber": "A123",
        "ReferringPhysicianName": "Roe^Richard",
        "StudyID": "1",
        "StudyDescription": "CHEST",
        "SeriesDescription": "THORAX",
        "InstitutionName": "Invented Hospital",
        "OperatorsName": "Poe^Pat",
        "PatientComments": "none",
    }
    for keyword, value in texts.items():
        setattr(dataset, keyword, value)
    for what in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{what}Date", "20200507")
        setattr(dataset, f"{what}Time", "101112")


def _equipment(dataset: Dataset) -> None:
    texts: dict[str, object] = {
        "Manufacturer": "Imaging Ltd",
        "ManufacturerModelName": "X 1000",
        "StationName": "ROOM1",
        "DeviceSerialNumber": "4711",
        "SoftwareVersions": "1.2",
        "BodyPartExamined": "CHEST",
        "KVP": 120,
        "SliceThickness": 1.5,
        "ExposureTime": 500,
        "XRayTubeCurrent": 200,
        "ConvolutionKernel": "B31f",
        "PatientPosition": "HFS",
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "FrameOfReferenceUID": f"{_ROOT}.9",
        "WindowCenter": 40,
        "WindowWidth": 400,
    }
    for keyword, value in texts.items():
        setattr(dataset, keyword, value)
    block = dataset.private_block(0x0029, "INVENTED CSA 1.0", create=True)
    block.add_new(0x10, "OB", b"\0" * 4096)


def _reference(dataset: Dataset, number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = dataset.SOPClassUID
    item.ReferencedSOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number + 1}"
    return item
