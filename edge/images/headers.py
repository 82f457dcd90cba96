"""One DICOM object in, and out of it an image of a patient's study, or why it is none. The edge's only reader of DICOM headers.

Headers are read up to the pixels; pixels are never decoded. No words of this module carry a value of a header, and what pydicom
would warn of (it quotes values) is kept from the terminal and from every log.
"""

import datetime as dt
import logging
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pydicom
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from edge.images.kinds import USUAL_MODALITIES, not_an_image
from edge.images.pixels import PixelsSeen, plausible
from identity import hospital
from identity.hospital import HospitalNumber, HospitalNumberProblem

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # values are judged here, not where they are read
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)

_DATES = ("StudyDate", "AcquisitionDate", "ContentDate")  # the first usable one counts
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
_TEXTS = ("PatientID", "PatientName", "Modality", "BodyPartExamined", "Manufacturer", "ManufacturerModelName")
_TAGS: list[BaseTag | int] = [Tag(keyword) for keyword in (*_DATES, *_UIDS, *_TEXTS)]
_DATE = re.compile(r"(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)")
_FIRST_YEAR = 1895  # of X-rays
_MODALITY = re.compile(r"[A-Z]{2,16}")
_BODY_PART = re.compile(r"[A-Z0-9 _]{1,16}")  # value representation CS
_TELLING = re.compile(r"[\^@\\]|\d{6}|[^\x20-\x7e]")  # what no name of a maker holds, but that of a person or a number may
_MAX_TEXT = 64

NOT_DICOM = "this is not a DICOM file; leave it out, or export it again as DICOM"
ENDS_EARLY = "the file holds no whole picture: it was probably not copied completely; copy or export it again"
DAMAGED = "the file is damaged and its header cannot be read; copy or export it again"
NO_PICTURE = "it holds no picture"
_CORRECT = "correct it in PACS and export the image again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One image: who it is of and what it belongs to. Prints nothing of a person."""

    study_uid: str = field(repr=False)
    instance_uid: str = field(repr=False)
    patient_id: HospitalNumber = field(repr=False)
    study_date: dt.date | None
    modality: str
    body_part: str | None
    manufacturer: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Excluded:
    """DICOM, but not an image: left out on purpose."""

    problem: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something to put right: the sender has to act."""

    problem: str


Answer = Instance | Excluded | Unusable


class Header(Protocol):
    """Whatever gives the values of a header by keyword: pydicom's data set, and the de-identifier's own."""

    def get(self, keyword: str, /) -> Any:  # noqa: ANN401  # values are of many types, and judged here
        """The value of an attribute; None where there is none."""


def read_image(path: Path) -> Answer:
    """What a file is. Never raises for what is in the file, or because it cannot be read."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not plausible(file):
                return Unusable(NOT_DICOM)
            pixels = PixelsSeen()
            header = read_partial(file, pixels, force=True, specific_tags=_TAGS)
            return classify(header, whole=pixels.whole(file, header))
    except OSError as error:
        return Unusable(f"the file cannot be read ({error.strerror or 'it is damaged'}); copy it again or ask who owns it")
    except Exception:  # noqa: BLE001  # pydicom raises whatever damaged bytes lead it to; its words may quote them
        return Unusable(DAMAGED)


def classify(header: Header, *, whole: bool) -> Answer:
    """What an object is, from its header.

    Args:
        header: the data set, with or without its file meta information.
        whole: whether its pixels are all there.
    """
    sop_class, modality = _uid(header, "SOPClassUID"), _text(header, "Modality")
    if reason := not_an_image(sop_class, modality):
        return Excluded(reason)
    if not whole:
        return Unusable(ENDS_EARLY) if _of_images(sop_class) else Excluded(NO_PICTURE)
    patient_id = hospital.parse(_text(header, "PatientID"))
    if isinstance(patient_id, HospitalNumberProblem):
        return Unusable(f"its Patient ID cannot be used, since {patient_id.words}; {_CORRECT}")
    study_uid, instance_uid = _uid(header, "StudyInstanceUID"), _uid(header, "SOPInstanceUID")
    if not (study_uid and instance_uid):
        missing = "Study Instance UID" if instance_uid else "SOP Instance UID"
        return Unusable(f"it has no {missing}, so it cannot be told apart from others; {_CORRECT}")
    return _instance(header, study_uid, instance_uid, patient_id)


def _instance(header: Header, study_uid: str, instance_uid: str, patient_id: HospitalNumber) -> Instance:
    names = set(re.split(r"[\^=\s,]+", _text(header, "PatientName").upper())) - {""}
    given = _text(header, "Modality")
    modality = given if given in USUAL_MODALITIES else _shown(given, _MODALITY, names)
    return Instance(
        study_uid=study_uid,
        instance_uid=instance_uid,
        patient_id=patient_id,
        study_date=next(filter(None, (_date(_text(header, keyword)) for keyword in _DATES)), None),
        modality=modality or "OT",
        body_part=_shown(_text(header, "BodyPartExamined").upper(), _BODY_PART, names),
        manufacturer=_shown(_text(header, "Manufacturer"), None, names),
        model=_shown(_text(header, "ManufacturerModelName"), None, names),
    )


def _of_images(sop_class: str) -> bool:
    return not sop_class or "Image Storage" in UID(sop_class).name


def _uid(header: Header, keyword: str) -> str:
    """A UID of the object; where only the file meta information has it, that one."""
    return _text(header, keyword) or _text(getattr(header, "file_meta", {}), f"MediaStorage{keyword}")


def _text(header: Header, keyword: str) -> str:
    """A value as text, several joined by the backslash that DICOM parts them with; empty where it cannot be read."""
    try:
        value = header.get(keyword)
    except Exception:  # noqa: BLE001  # as in read_image; one field that cannot be read is a field that is not there
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    texts = (each.decode("latin-1") if isinstance(each, bytes) else str(each) for each in values if each is not None)
    return "\\".join(texts).strip(" \0")


def _date(text: str) -> dt.date | None:
    found = _DATE.fullmatch(text)
    try:
        date = dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
    return date if date and date.year >= _FIRST_YEAR else None


def _shown(text: str, form: re.Pattern[str] | None, names: set[str]) -> str | None:
    """Text that may travel: short, of its form, with nothing like a patient's number and no word of the patient's name."""
    if not text or len(text) > _MAX_TEXT or _TELLING.search(text) or (form and not form.fullmatch(text)):
        return None
    return None if names & set(re.split(r"\W+", text.upper())) else text
