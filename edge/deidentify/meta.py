"""The beginning of a DICOM file (PS3.10 chapter 7): read for its transfer syntax and UIDs only, and written new, never copied."""

import io

from edge.deidentify.elements import Bytes, Elements, Reader
from edge.deidentify.syntaxes import DEFLATED, EXPLICIT_LITTLE, Syntax, guess, syntax
from edge.deidentify.writing import writer
from edge.images.pixels import plausible as image_plausible

PREAMBLE = 128
_MAGIC = b"DICM"
_WRITER = writer(explicit=True, big=False)  # of all file meta information
_IMPLEMENTATION = _WRITER.element(0x00020012, b"UI", b"2.25.126950585105902076115961249874833643434")
_VERSION_NAME = _WRITER.element(0x00020013, b"SH", b"NCCID-DEID 1")
_VERSION = _WRITER.element(0x00020001, b"OB", b"\0\1")
_TRANSFER_SYNTAX = 0x00020010
_NAMED = {"MediaStorageSOPClassUID": 0x00020002, "MediaStorageSOPInstanceUID": 0x00020003}


def plausible(data: memoryview) -> bool:
    """Whether a file begins as DICOM does: with the preamble and ``DICM``, or at once with a data element."""
    return image_plausible(io.BytesIO(data[: PREAMBLE + len(_MAGIC)]))


def read(data: Bytes) -> tuple[int, Syntax, dict[str, str]]:
    """Where the data set of a file begins, its transfer syntax, and the UIDs that its meta information has by keyword.

    Raises:
        DamagedError: the elements of its meta information cannot be told apart.
    """
    start = PREAMBLE + len(_MAGIC) if bytes(data[PREAMBLE : PREAMBLE + 4]) == _MAGIC else 0
    meta, start = _group2(data, start)
    texts = {tag: bytes(data[raw.start : raw.end]).decode("latin-1").strip(" \0") for tag, raw in meta.items()}
    named = {keyword: texts[tag] for keyword, tag in _NAMED.items() if tag in texts}
    declared = texts.get(_TRANSFER_SYNTAX)
    seen = guess(bytes(data[start : start + 8]))
    chosen = syntax(declared) if declared else seen
    if chosen.uid == DEFLATED or chosen.explicit == seen.explicit:
        return start, chosen, named
    return start, seen, named


def _group2(data: Bytes, start: int) -> tuple[Elements, int]:
    """The elements of group 0002, always explicit and little endian, and where they end."""
    at = start
    found: Elements = {}
    reader = Reader(data, syntax(EXPLICIT_LITTLE))
    while bytes(data[at : at + 2]) == b"\2\0":
        at = reader.one(at, found)
    return found, at


def written(sop_class: str, sop_instance: str, encoding: str) -> bytes:
    """Preamble, prefix and file meta information of a file; nothing in it is of the original but its kind and syntax."""
    meta = b"".join(
        (
            _VERSION,
            _WRITER.element(0x00020002, b"UI", sop_class.encode()),
            _WRITER.element(0x00020003, b"UI", sop_instance.encode()),
            _WRITER.element(_TRANSFER_SYNTAX, b"UI", encoding.encode()),
            _IMPLEMENTATION,
            _VERSION_NAME,
        )
    )
    length = _WRITER.element(0x00020000, b"UL", len(meta).to_bytes(4, "little"))
    return b"".join((b"\0" * PREAMBLE, _MAGIC, length, meta))
