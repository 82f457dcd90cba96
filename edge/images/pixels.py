"""Whether a file can be DICOM at all, and whether its pixels are all there, without decoding one of them."""

import os
from typing import BinaryIO

from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

_PIXELS = frozenset((0x7FE00010, 0x7FE00009, 0x7FE00008))  # PixelData, DoubleFloatPixelData, FloatPixelData
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_ENDS = b"\xfe\xff\xdd\xe0"
_FIRST_GROUPS = (0x0002, 0x0008)
_MAX_FIRST_LENGTH = 1024


def plausible(file: BinaryIO) -> bool:
    """Whether the file begins as DICOM does: with the preamble and ``DICM`` (PS3.10), or at once with a data element.

    Files without preamble are not conformant and yet common; they begin with an element of group 0002 or 0008.
    """
    head = file.read(132)
    file.seek(0)
    if head[128:] == b"DICM":
        return True
    return len(head) > 8 and any(_begins(head, order) for order in ("little", "big"))


def _begins(head: bytes, order: str) -> bool:
    group = int.from_bytes(head[:2], order)  # type: ignore[arg-type]  # a literal
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]  # a literal
    return group in _FIRST_GROUPS and (explicit or length <= _MAX_FIRST_LENGTH)


class PixelsSeen:
    """Stops the reader of a header at the pixels, and remembers how long they claim to be."""

    def __init__(self) -> None:
        self._length: int | None = None
        self._prefix = 0

    def __call__(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        """Whether the header ends before this element: the ``stop_when`` of pydicom."""
        if tag not in _PIXELS:
            return False
        self._length = length
        self._prefix = 12 if vr in EXPLICIT_VR_LENGTH_32 else 8  # PS3.5 section 7.1
        return True

    def whole(self, file: BinaryIO, header: FileDataset) -> bool:
        """Whether there were pixels and the file is long enough for them; the file stands where the reader stopped."""
        if not self._length:
            return False
        if header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return True  # the reader has inflated it all, which fails on a file that ends early
        start = file.tell() + self._prefix
        size = os.fstat(file.fileno()).st_size
        return _fragments_end(file, start, size) if self._length == _UNDEFINED else start + self._length <= size


def _fragments_end(file: BinaryIO, start: int, size: int) -> bool:
    """Whether encapsulated pixels, items one after the other, come to their end (PS3.5 annex A.4)."""
    while start < size:
        file.seek(start)
        tag, length = file.read(4), int.from_bytes(file.read(4), "little")
        if tag == _SEQUENCE_ENDS:
            return True
        if tag != _ITEM:
            return False
        start += 8 + length
    return False
