"""The few values of a header that are read as text: what ``classify`` asks for, and who the patient and everybody else is."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from pydicom import charset
from pydicom.datadict import tag_for_keyword
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from edge.deidentify.elements import DamagedError, Elements, Raw, Reader

warnings.filterwarnings("ignore", module="pydicom")  # of character sets; here once, since filters belong to all threads alike

_CHARACTER_SET = 0x00080005
_NAMES = (
    "PatientName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "ResponsiblePerson",
    "ReferringPhysicianName",
    "ConsultingPhysicianName",
    "PhysiciansOfRecord",
    "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "RequestingPhysician",
    "ScheduledPerformingPhysicianName",
)
_NUMBERS = (
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "StudyID",
    "PatientTelephoneNumbers",
    "AdmissionID",
    "MedicalRecordLocator",
    "InsurancePlanIdentification",
    "PatientBirthDate",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
    "PerformedProcedureStepID",
    "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest",
)
_PHRASES = ("InstitutionName", "InstitutionAddress", "PatientAddress")
_WITH_MORE = ("OtherPatientIDsSequence", "RequestAttributesSequence")  # sequences in which there are more of them


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword  # noqa: S101  # a name in this module that the dictionary does not have
    return tag


_NAME_TAGS = tuple(map(_tag, _NAMES))
_NUMBER_TAGS = tuple(map(_tag, _NUMBERS))
_PHRASE_TAGS = tuple(map(_tag, _PHRASES))
_SEQUENCE_TAGS = tuple(map(_tag, _WITH_MORE))
_tag_of = lru_cache(maxsize=64)(_tag)


Texts = tuple[str, ...]


class Header:
    """The values of one object's header as text; nothing of it prints."""

    def __init__(self, elements: Elements, reader: Reader, meta: Mapping[str, str]) -> None:
        self._elements = elements
        self._reader = reader
        self._encodings = _encodings(self._bytes(elements.get(_CHARACTER_SET)))
        self.file_meta = meta

    def get(self, keyword: str) -> str | None:
        """The value of an attribute at the top, several parted by a backslash; None where there is none."""
        raw = self._elements.get(_tag_of(keyword))
        return self._text(raw) if raw is not None else None

    def telling(self) -> tuple[Texts, Texts, Texts]:
        """The names, the numbers and the phrases by which the patient could be told in what is kept."""
        levels = [self._elements, *self._more()]
        return self._found(levels, _NAME_TAGS), self._found(levels, _NUMBER_TAGS), self._found(levels, _PHRASE_TAGS)

    def _found(self, levels: Sequence[Elements], tags: Iterable[int]) -> Texts:
        texts = {self._text(level[tag]) for tag in tags for level in levels if tag in level}
        return tuple(sorted({each for text in texts for each in text.split("\\")}))

    def _more(self) -> Iterator[Elements]:
        for tag in _SEQUENCE_TAGS:
            raw = self._elements.get(tag)
            if raw is not None:
                yield from self._levels(raw)

    def _levels(self, raw: Raw) -> list[Elements]:
        inner = self._reader.of(raw.vr)
        try:
            return [inner.elements(item) for item in inner.items(raw)]
        except DamagedError:
            return []  # it is left behind in any case

    def _text(self, raw: Raw) -> str:
        value = self._bytes(raw)
        if value.isascii() and b"\x1b" not in value:
            return value.decode("ascii").strip(" \0")
        return _decoded(value, self._encodings).strip(" \0")

    def _bytes(self, raw: Raw | None) -> bytes:
        return self._reader.head[raw.start : raw.end] if raw is not None and raw.items is None else b""


@lru_cache(maxsize=64)
def _encodings(value: bytes) -> tuple[str, ...]:
    """The encodings of a Specific Character Set; Latin 1 where it names none that is known."""
    try:
        names = [name.strip(" \0") for name in value.decode("ascii").split("\\")]
        return tuple(charset.convert_encodings([name if name in charset.python_encoding else "ISO_IR 100" for name in names]))
    except (LookupError, ValueError):
        return ("latin-1",)


def _decoded(value: bytes, encodings: tuple[str, ...]) -> str:
    try:
        return charset.decode_bytes(value, list(encodings), set(PN_DELIMS | TEXT_VR_DELIMS))
    except (LookupError, ValueError):
        return value.decode("latin-1")
