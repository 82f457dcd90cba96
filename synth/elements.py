"""Encodes DICOM data sets element by element, so that what many images share is encoded once.

A data set of an image is the union of what its equipment, its study and the image itself say (the levels of DICOM's information
model, PS3.3 chapter 7). Each level is encoded by pydicom and kept as bytes by tag; writing an image is putting them in order.
"""

import struct
from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.uid import UID, ExplicitVRLittleEndian

Encoded = Mapping[int, bytes]
"""Elements by tag."""

_PREAMBLE = b"\0" * 128 + b"DICM"
_IMPLEMENTATION = "2.25.271828182845904523536028747135266249"
_CHARACTER_SET = "ISO_IR 100"
_PYTHON_ENCODING = ["latin_1"]


def encoded(values: Dataset) -> Encoded:
    """The elements of a data set in explicit VR little endian."""
    return {int(element.tag): _element(values, int(element.tag)) for element in values}


def dataset(**values: object) -> Dataset:
    """A data set from keywords and values."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def file_of(sop_class: UID, uid: str, *levels: Encoded) -> bytes:
    """A whole DICOM file (PS3.10): preamble, file meta information, and the elements of all levels in order of their tags."""
    meta = b"".join(
        _short(element, vr, text)
        for element, vr, text in (
            (0x0002, b"UI", sop_class),
            (0x0003, b"UI", uid),
            (0x0010, b"UI", ExplicitVRLittleEndian),
            (0x0012, b"UI", _IMPLEMENTATION),
            (0x0013, b"SH", "INVENTED_1"),
        )
    )
    version = struct.pack("<HH2sHI2s", 2, 1, b"OB", 0, 2, b"\0\1")
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(version) + len(meta))
    together = {tag: data for level in levels for tag, data in level.items()}
    return b"".join((_PREAMBLE, length, version, meta, *(together[tag] for tag in sorted(together))))


def _short(element: int, vr: bytes, text: str) -> bytes:
    data = text.encode("ascii")
    data += (b"\0" if vr == b"UI" else b" ") * (len(data) % 2)
    return struct.pack("<HH2sH", 2, element, vr, len(data)) + data


def _element(values: Dataset, tag: int) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_data_element(buffer, values[tag], _PYTHON_ENCODING)
    return buffer.getvalue()
