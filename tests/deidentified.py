"""What the tests of de-identification are made of: objects encoded byte by byte, so that they may be as wrong as one likes."""

import struct
from collections.abc import Iterable, Mapping

import pydicom
from pydicom.dataset import FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from edge.deidentify.deidentify import Answer, Deidentified, Deidentifier
from tests.edge_factories import CT, HOSPITAL_NUMBERS, PSEUDONYMISER, SITE

EXPLICIT, IMPLICIT, BIG = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian)
LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
DEIDENTIFIER = Deidentifier(SITE, PSEUDONYMISER)

Values = Mapping[int, tuple[str, bytes]]
"""Elements by tag: value representation and bytes."""


def order(syntax: str) -> str:
    return ">" if syntax == BIG else "<"


def element(tag: int, vr: str, value: bytes, syntax: str = EXPLICIT) -> bytes:
    value += b"\0" * (len(value) & 1) if vr in ("UI", "OB", "UN") else b" " * (len(value) & 1)
    start = struct.pack(f"{order(syntax)}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return start + struct.pack("<I", len(value)) + value
    if vr in LONG:
        return start + vr.encode() + b"\0\0" + struct.pack(f"{order(syntax)}I", len(value)) + value
    return start + vr.encode() + struct.pack(f"{order(syntax)}H", len(value)) + value


def number(value: int, syntax: str = EXPLICIT) -> bytes:
    return struct.pack(f"{order(syntax)}H", value)


def encoded(values: Values, syntax: str = EXPLICIT) -> bytes:
    return b"".join(element(tag, *values[tag], syntax) for tag in sorted(values))


def sequence(tag: int, items: Iterable[bytes], syntax: str = EXPLICIT, *, undefined: bool = False) -> bytes:
    """A sequence of encoded items."""
    mark = order(syntax)
    unknown, delimiter = 0xFFFFFFFF, struct.pack(f"{mark}HHI", 0xFFFE, 0xE00D, 0) if undefined else b""
    parts = [struct.pack(f"{mark}HHI", 0xFFFE, 0xE000, unknown if undefined else len(item)) + item + delimiter for item in items]
    content = b"".join(parts)
    start = struct.pack(f"{mark}HH", tag >> 16, tag & 0xFFFF) + (b"" if syntax == IMPLICIT else b"SQ\0\0")
    if undefined:
        return start + struct.pack(f"{mark}I", unknown) + content + struct.pack(f"{mark}HHI", 0xFFFE, 0xE0DD, 0)
    return start + struct.pack(f"{mark}I", len(content)) + content


def least(
    syntax: str = EXPLICIT, name: str = "Doe^Jane", number_of_patient: str = HOSPITAL_NUMBERS[0]
) -> dict[int, tuple[str, bytes]]:
    """The elements that make a CT image of eight by eight pixels one."""
    return {
        0x00080016: ("UI", CT.encode()),
        0x00080018: ("UI", b"1.2.826.0.1.999.4"),
        0x00080020: ("DA", b"20200507"),
        0x00080060: ("CS", b"CT"),
        0x00100010: ("PN", name.encode("latin-1")),
        0x00100020: ("LO", number_of_patient.encode()),
        0x0020000D: ("UI", b"1.2.826.0.1.999.2"),
        0x0020000E: ("UI", b"1.2.826.0.1.999.3"),
        0x00280002: ("US", number(1, syntax)),
        0x00280004: ("CS", b"MONOCHROME2"),
        0x00280010: ("US", number(8, syntax)),
        0x00280011: ("US", number(8, syntax)),
        0x00280100: ("US", number(16, syntax)),
        0x00280101: ("US", number(12, syntax)),
        0x00280102: ("US", number(11, syntax)),
        0x00280103: ("US", number(0, syntax)),
    }


PIXELS = bytes(range(128))


def pixels(syntax: str = EXPLICIT, values: bytes = PIXELS) -> bytes:
    return element(0x7FE00010, "OW", values, syntax)


def answer(data: bytes, syntax: str = EXPLICIT) -> Answer:
    return DEIDENTIFIER.object(memoryview(data), syntax)


def written(data: bytes, syntax: str = EXPLICIT) -> bytes:
    """The file that comes of a data set; a failure where none does."""
    given = answer(data, syntax)
    assert isinstance(given, Deidentified), given
    return b"".join(given.parts)


def read(file: bytes) -> FileDataset:
    return pydicom.dcmread(DicomBytesIO(file))


def result(values: Values | None = None, syntax: str = EXPLICIT, **names: str) -> FileDataset:
    """What becomes of the least image with these values besides."""
    given = {**least(syntax, **names), **(values or {})}
    return read(written(encoded(given, syntax) + pixels(syntax), syntax))
