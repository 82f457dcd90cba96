"""How many images a second are de-identified on one core: ours beside the packages that one would take instead.

    python -m tests.benchmarks.deidentify                      ours alone
    PYTHONPATH=OTHER python -m tests.benchmarks.deidentify     with dicom-anonymizer and deid, installed in the folder OTHER

Each takes the same encoded objects (a CT slice of 0.5 MB, a digital X-ray of 10 MB, with 120 attributes, private blocks and
sequences) and gives the bytes of a file. Processor time is counted, of the second half of the objects, so a busy machine matters
little. ``series``: 20 images of each patient; ``patients``: every image of another patient.
"""

import importlib
import importlib.util
import io
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator

import click
import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian

from edge.deidentify.deidentify import Deidentified, Deidentifier
from tests.edge_factories import CT, DX, PSEUDONYMISER, SITE

KINDS = {"CT 0.5 MB": (CT, "CT", 512, 512), "DX 10 MB": (DX, "DX", 2300, 2300)}
COUNTS = {"CT 0.5 MB": 400, "DX 10 MB": 40}
_TECHNIQUE = {
    "SliceThickness": "1.25",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "SoftwareVersions": "4.2.1",
    "ReconstructionDiameter": "350",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "154",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "210",
    "Exposure": "105",
    "FilterType": "FLAT",
    "GeneratorPower": "25",
    "FocalSpots": "1.2",
    "DateOfLastCalibration": "20200301",
    "TimeOfLastCalibration": "081500",
    "ConvolutionKernel": "Br40d\\3",
    "PatientPosition": "HFS",
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0,
    "SpiralPitchFactor": 0.6,
    "ExposureModulationType": "XYZ_EC",
    "EstimatedDoseSaving": 20.5,
    "CTDIvol": 4.3,
    "ImagePositionPatient": ["-160", "-160", "40.5"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "FrameOfReferenceUID": "1.2.826.0.1.999.5",
    "SliceLocation": "40.5",
    "PixelSpacing": ["0.68", "0.68"],
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["400", "1200"],
    "WindowCenterWidthExplanation": ["Soft", "Lung"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
}
_WORDS = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
    "AccessionNumber": "A999123",
    "Manufacturer": "Lumenray",
    "InstitutionName": "Invented Royal Infirmary",
    "InstitutionAddress": "1 Hospital Way, ZZ99 1AA",
    "ReferringPhysicianName": "Who^Doctor",
    "StationName": "CT01",
    "StudyDescription": "CT thorax with contrast",
    "SeriesDescription": "Thorax 1.25 lung",
    "InstitutionalDepartmentName": "Radiology",
    "PerformingPhysicianName": "Quincy^Jack",
    "OperatorsName": "Radiographer^A",
    "ManufacturerModelName": "Spiral 64",
    "PatientBirthDate": "19440607",
    "PatientSex": "F",
    "OtherPatientIDs": ["9994621785", "999 462 1785"],
    "OtherPatientNames": "Doe^J",
    "PatientAge": "075Y",
    "PatientSize": "1.62",
    "PatientWeight": "61",
    "PatientAddress": "9 Nowhere Street, ZZ99 2BB",
    "PatientTelephoneNumbers": "01632 960123",
    "EthnicGroup": "A",
    "AdditionalPatientHistory": "cough",
    "PatientComments": "NHS No. 999 462 1785",
    "ContrastBolusAgent": "Omnipaque 350",
    "BodyPartExamined": "CHEST",
    "DeviceSerialNumber": "SN42",
    "ProtocolName": "Thorax routine",
    "StudyID": "7",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "PositionReferenceIndicator": "",
    "ImageComments": "see report",
    "RequestingPhysician": "Who^Doctor",
    "RequestedProcedureDescription": "CT thorax",
    "PerformedProcedureStepStartDate": "20200507",
    "PerformedProcedureStepStartTime": "0930",
    "PerformedProcedureStepID": "P7",
    "PerformedProcedureStepDescription": "CT thorax",
    "BurnedInAnnotation": "NO",
    "PhotometricInterpretation": "MONOCHROME2",
}


def objects(kind: str, count: int, images_of_each: int) -> list[memoryview]:
    """Encoded data sets; all of them with their own UIDs."""
    made = _image(kind)
    given = []
    for at in range(count):
        patient, number = divmod(at, images_of_each)
        made.PatientID, made.PatientName = (
            f"RR999{patient:05d}",
            f"Doe{chr(65 + patient % 26)}^Jane{chr(65 + patient // 26 % 26)}",
        )
        made.StudyInstanceUID, made.SeriesInstanceUID = f"1.2.826.0.1.999.{patient}", f"1.2.826.0.1.999.{patient}.1"
        made.SOPInstanceUID, made.InstanceNumber = f"1.2.826.0.1.999.{patient}.1.{number}", number + 1
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, made, implicit_vr=False, little_endian=True)
        given.append(memoryview(buffer.getvalue()))
    return given


def _image(kind: str) -> Dataset:
    sop_class, modality, rows, columns = KINDS[kind]
    made = Dataset()
    for keyword, value in {**_WORDS, **_TECHNIQUE}.items():
        setattr(made, keyword, value)
    made.SOPClassUID, made.Modality, made.Rows, made.Columns = sop_class, modality, rows, columns
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(made, keyword, "20200507")
        setattr(made, keyword.replace("Date", "Time"), "093015.250")
    made.SamplesPerPixel, made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 1, 16, 12, 11, 0
    reference, request, other = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, "1.2.826.0.1.999.77"
    request.RequestedProcedureID, request.ScheduledProcedureStepID, request.AccessionNumber = "R7", "S7", "A999123"
    other.PatientID, other.IssuerOfPatientID = "9994621785", "NHS"
    made.ReferencedImageSequence, made.SourceImageSequence = [reference] * 3, [reference]
    made.RequestAttributesSequence, made.OtherPatientIDsSequence = [request], [other]
    for group, creator in ((0x0019, "INVENTED CT 1.0"), (0x0029, "INVENTED CSA 1.0")):
        block = made.private_block(group, creator, create=True)
        for at in range(8):
            block.add_new(at, "LO", f"private {at}")
    made.PixelData = bytes(range(256)) * (rows * columns * 2 // 256)
    made["PixelData"].VR = "OW"
    return made


def ours_in_parts() -> Callable[[memoryview], Deidentified]:
    """This project's, as the node uses it: the parts of a file, pixels not copied."""
    deidentifier = Deidentifier(SITE, PSEUDONYMISER)

    def run(data: memoryview) -> Deidentified:
        answer = deidentifier.object(data, ExplicitVRLittleEndian)
        if not isinstance(answer, Deidentified):
            raise TypeError(answer)
        return answer

    return run


def ours() -> Callable[[memoryview], bytes]:
    """This project's, put together as one file."""
    run = ours_in_parts()
    return lambda data: b"".join(run(data).parts)


def _dataset(data: memoryview) -> Dataset:
    return pydicom.dcmread(DicomBytesIO(bytes(data)), force=True)


def _encoded(made: Dataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def dicom_anonymizer() -> Callable[[memoryview], bytes]:
    """The package dicom-anonymizer, with its own rules."""
    simple = importlib.import_module("dicomanonymizer.simpledicomanonymizer")

    def run(data: memoryview) -> bytes:
        made = _dataset(data)
        simple.anonymize_dataset(made, delete_private_tags=True)
        return _encoded(made)

    return run


def deid() -> Callable[[memoryview], bytes]:
    """The package deid, blanking what its own recipe does."""
    header = importlib.import_module("deid.dicom.header")

    def run(data: memoryview) -> bytes:
        made = _dataset(data)
        return _encoded(header.replace_identifiers(dicom_files=[made], save=False, strip_sequences=True, remove_private=True)[0])

    return run


PACKAGES: dict[str, tuple[Callable[[], Callable[[memoryview], object]], str | None]] = {
    "ours, in parts": (ours_in_parts, None),
    "ours": (ours, None),
    "dicom-anonymizer": (dicom_anonymizer, "dicomanonymizer"),
    "deid": (deid, "deid"),
}


def measured() -> Iterator[tuple[str, str, str, float]]:
    """Package, kind of image, mix of patients, images a second of processor time."""
    for kind in KINDS:
        for mix, images_of_each in (("series", 20), ("patients", 1)):
            for name, (make, needed) in PACKAGES.items():
                if needed is None or importlib.util.find_spec(needed):
                    count = COUNTS[kind] // (1 if needed is None else 10)
                    run, given = make(), objects(kind, count, images_of_each)
                    half = count // 2
                    for data in given[:half]:
                        run(data)
                    before = time.process_time()
                    for data in given[half:]:
                        run(data)
                    yield name, kind, mix, (count - half) / (time.process_time() - before)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ["MESSAGELEVEL"] = "QUIET"  # deid prints a warning for each image
    logging.disable(logging.CRITICAL)
    click.echo(f"{len(list(_image('CT 0.5 MB').iterall()))} attributes, those in sequences counted")
    for name, kind, mix, rate in measured():
        click.echo(f"{name:18}{kind:12}{mix:10}{rate:10.1f} a second")
