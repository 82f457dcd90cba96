"""One DICOM object in, and out of it the same image without who it is of, as the parts of a new file; or why there is none."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from edge.deidentify import meta
from edge.deidentify.codestreams import OpaqueError
from edge.deidentify.elements import DamagedError, Elements, Reader
from edge.deidentify.header import Header, Texts
from edge.deidentify.holding import OPAQUE, judged
from edge.deidentify.pixels import Parts, picture, pixel_element, pixel_parts, values_end
from edge.deidentify.rewriting import Patient, Rewriter
from edge.deidentify.syntaxes import DEFLATED, EXPLICIT_LITTLE, Syntax, syntax
from edge.deidentify.telling import telling
from edge.deidentify.writing import writer
from edge.images.headers import DAMAGED, NOT_DICOM, Excluded, Instance, Unusable, classify
from identity.hospital import HospitalNumber
from identity.pseudonyms import Pseudonymiser
from schemas.sites import Site

_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_UIDS_KEPT = 512
_STUDIES_KEPT = 16  # as many as are on their way at once, not more: what is remembered stays in memory for good
_NO_SIZE = "its header does not give the size of the picture; correct it in PACS and export the image again"
_MAX_INFLATED = 1 << 30


@dataclass(frozen=True, slots=True)
class Deidentified:
    """An image that may be stored: where, and the bytes of its file."""

    instance: Instance  # of the ORIGINAL object: for the study book, which seals it
    patient: str
    study: str
    series: str
    sop_instance: str
    parts: tuple[bytes | memoryview, ...] = field(repr=False)  # one after the other, a whole file as of PS3.10


@dataclass(frozen=True, slots=True)
class Held:
    """An image that may show who it is of, or cannot be made safe: it is not stored, and the sender is told."""

    problem: str


Answer = Deidentified | Excluded | Unusable | Held


class Deidentifier:
    """De-identifies what one site sends. Safe to be used by several threads at once."""

    def __init__(self, site: Site, pseudonymiser: Pseudonymiser) -> None:
        self._site = site
        self._pseudonymiser = pseudonymiser
        self._uid = lru_cache(_UIDS_KEPT)(pseudonymiser.uid)
        self._rewriter = lru_cache(_STUDIES_KEPT)(self._new_rewriter)

    def object(self, encoded: memoryview, transfer_syntax: str) -> Answer:
        """De-identifies a data set as it comes over C-STORE. Never raises for what is in it.

        Args:
            encoded: the data set, without file meta information. The answer keeps parts of it, so it must not change.
            transfer_syntax: the UID of the syntax that was agreed.
        """
        return self._guarded(encoded, 0, syntax(transfer_syntax), {})

    def file(self, path: Path) -> Answer:
        """De-identifies a DICOM file, also one without preamble. Never raises for what is in it, or where it cannot be read."""
        try:
            data = memoryview(path.read_bytes())
        except OSError as error:
            return Unusable(f"the file cannot be read ({error.strerror or 'it is damaged'}); copy it again or ask who owns it")
        try:
            if not meta.plausible(data):
                return Unusable(NOT_DICOM)
            start, encoding, named = meta.read(data)
        except DamagedError:
            return Unusable(DAMAGED)
        return self._guarded(data, start, encoding, named)

    def _guarded(self, data: memoryview, start: int, encoding: Syntax, named: Mapping[str, str]) -> Answer:
        try:
            if encoding.uid == DEFLATED:
                data, start, encoding = _inflated(data[start:]), 0, syntax(EXPLICIT_LITTLE)
            return self._answer(data, start, encoding, named)
        except Exception:  # noqa: BLE001  # what cannot be read is damaged, whatever it led to; the words of an error may quote it
            return Unusable(DAMAGED)

    def _answer(self, data: memoryview, start: int, encoding: Syntax, named: Mapping[str, str]) -> Answer:
        """What becomes of a data set that begins at ``start``."""
        reader = Reader(data, encoding)
        elements, at = reader.top(start)
        header = Header(elements, reader, named)
        pixels = None if at is None else pixel_element(data, at, encoding)
        end = None if pixels is None else values_end(data, pixels)
        instance = classify(header, whole=end is not None)
        if not isinstance(instance, Instance):
            return instance
        size = picture(reader.head, elements, encoding)
        if pixels is None or end is None or size is None:
            return Unusable(_NO_SIZE)
        whole = _Whole(elements, reader, header, instance)
        judgement = judged(header, whole.sop_class, encoding, size)
        if judgement.hold:
            return Held(judgement.hold)
        try:
            return self._written(whole, pixel_parts(data, pixels, size, encoding, judgement.mask))
        except OpaqueError:
            return Held(OPAQUE)

    def _written(self, whole: "_Whole", pixels: Parts) -> Deidentified:
        """The new file."""
        header, instance, encoding = whole.header, whole.instance, whole.reader.encoding
        rewriter = self._rewriter(instance.patient_id, *header.telling(), encoding.explicit, encoding.big)
        study, sop_instance = self._uid(instance.study_uid), self._uid(instance.instance_uid)
        series = self._uid(header.get("SeriesInstanceUID") or f"{instance.study_uid}/series")
        uids = {_SOP_CLASS: whole.sop_class, _SOP_INSTANCE: sop_instance, _STUDY: study, _SERIES: series}
        top = rewriter.top(whole.elements, whole.reader, uids)
        parts = (meta.written(whole.sop_class, sop_instance, encoding.uid), top, *pixels)
        return Deidentified(instance, rewriter.pseudonym, study, series, sop_instance, parts)

    def _new_rewriter(
        self,
        identifier: HospitalNumber,
        names: Texts,
        numbers: Texts,
        phrases: Texts,
        explicit: bool,  # noqa: FBT001  # a key of the memory of rewriters, as is the next
        big: bool,  # noqa: FBT001
    ) -> Rewriter:
        """Who rewrites the images of one patient and study in one encoding."""
        patient = Patient(
            pseudonym=self._pseudonymiser.patient(self._site, identifier),
            days=self._pseudonymiser.days(self._site, identifier),
            uid=self._uid,
            telling=telling(names, numbers, phrases),
        )
        return Rewriter(writer(explicit=explicit, big=big), patient)


@dataclass(frozen=True, slots=True)
class _Whole:
    """One object, read."""

    elements: Elements = field(repr=False)
    reader: Reader = field(repr=False)
    header: Header = field(repr=False)
    instance: Instance

    @property
    def sop_class(self) -> str:
        """The kind of object."""
        return self.header.get("SOPClassUID") or self.header.file_meta.get("MediaStorageSOPClassUID", "")


def _inflated(data: memoryview) -> memoryview:
    """A deflated data set as it was before (PS3.5 annex A.5).

    Raises:
        DamagedError: it cannot be inflated, ends early, or would be larger than any image.
    """
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = engine.decompress(data, _MAX_INFLATED)
    except zlib.error:
        raise DamagedError from None
    if not engine.eof:
        raise DamagedError
    return memoryview(inflated)
