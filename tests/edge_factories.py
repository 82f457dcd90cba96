"""What the edge's tests are made of: keys, two sites, rows and DICOM files. Every number is from the never-issued 999 range."""

import datetime as dt
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from edge.spreadsheets.rows import Row
from identity import hospital, numbers
from identity.hospital import HospitalNumber
from identity.keyring import Keyring
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.sites import EXAMPLE, Site, read_sites

KEYRING = Keyring({1: b"a secret of thirty-two bytes ...."})
PSEUDONYMISER = Pseudonymiser(KEYRING)
SEALER = Sealer(KEYRING)

_SITES = read_sites(EXAMPLE)
SITE: Site = _SITES["RDGM"]
NHS_SITE: Site = next(site for site in _SITES.values() if site.pacs_identifier == "nhs")

NOON = dt.datetime(2020, 5, 7, 12, 0, tzinfo=dt.UTC)
NHS_NUMBERS = ("9994621785", "9995451018", "9995181630", "9995202697")
HOSPITAL_NUMBERS = ("RR99912345", "RR99954321", "RR99900001", "RR99900002")

CT = "1.2.840.10008.5.1.4.1.1.2"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
PIXELS = b"\1\2" * 64


def nhs(text: str = NHS_NUMBERS[0]) -> NhsNumber:
    number = numbers.parse(text)
    assert isinstance(number, NhsNumber)
    return number


def hospital_number(text: str = HOSPITAL_NUMBERS[0]) -> HospitalNumber:
    number = hospital.parse(text)
    assert isinstance(number, HospitalNumber)
    return number


def row(number: int = 2, nhs_number: str | None = NHS_NUMBERS[0], hospital_text: str | None = HOSPITAL_NUMBERS[0]) -> Row:
    return Row(
        number=number,
        nhs=nhs(nhs_number) if nhs_number else None,
        hospital=hospital_number(hospital_text) if hospital_text else None,
        swab_date=dt.date(2020, 5, 7),
        result=None,
        values={"Sex": "1"},
    )


def header(**values: Any) -> Dataset:  # noqa: ANN401  # as pydicom's own setters
    """The header of a CT image; a keyword given as None is left out."""
    given: dict[str, object] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": "1.2.3.1.1",
        "StudyDate": "20200507",
        "Modality": "CT",
        "PatientID": HOSPITAL_NUMBERS[0],
        "PatientName": "Doe^Jane",
        "StudyInstanceUID": "1.2.3.1",
    }
    dataset = Dataset()
    for keyword, value in (given | values).items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def dicom_file(
    path: Path,
    syntax: str = ExplicitVRLittleEndian,
    pixels: bytes | None = PIXELS,
    **values: Any,  # noqa: ANN401  # as pydicom's own setters
) -> Path:
    """A DICOM file with that header, and pixels of eight by eight."""
    dataset = header(**values)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta.MediaStorageSOPClassUID = UID(str(dataset.get("SOPClassUID", CT)))
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(str(dataset.get("SOPInstanceUID", "1.2.3.9")))
    if pixels is not None:
        dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.SamplesPerPixel = 8, 8, 16, 1
        dataset.PixelData = pixels
        dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path
