"""The pixels of an object: handed on as they are, from their first byte to their last and no further."""

import struct
from dataclasses import dataclass

from edge.deidentify.elements import UNDEFINED, DamagedError, Elements
from edge.deidentify.syntaxes import Syntax
from edge.deidentify.writing import Writer

_SIZES = {0x7FE00008: 32, 0x7FE00009: 64}  # bits of a float or double pixel (PS3.3 C.7.6.24, C.7.6.25)
_VRS = {0x7FE00008: (b"OF",), 0x7FE00009: (b"OD",), 0x7FE00010: (b"OB", b"OW")}
_ITEM, _ENDS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


Parts = tuple[bytes | memoryview, ...]
"""Pieces of a file, to be written one after the other."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How large the pixels are, as the header says."""

    rows: int
    columns: int
    samples: int
    bits: int
    frames: int
    photometric: str

    def size(self, tag: int) -> int:
        """The length of native pixels in bytes (PS3.5 section 8.1.1), without padding."""
        values = self.rows * self.columns * self.samples * self.frames
        if self.photometric.endswith("_422"):
            values = values * 2 // 3  # two of three samples are of two pixels (PS3.3 C.7.6.3.1.2)
        return (values * _SIZES.get(tag, self.bits) + 7) // 8


@dataclass(frozen=True, slots=True)
class PixelElement:
    """The element of the pixels: what it is, and where its value lies."""

    tag: int
    vr: bytes
    start: int
    length: int

    @property
    def encapsulated(self) -> bool:
        """Whether its value is items, as that of compressed pixels is (PS3.5 annex A.4)."""
        return self.length == UNDEFINED


def picture(head: bytes, elements: Elements, encoding: Syntax) -> Picture | None:
    """The size of the picture; None where the header does not give it."""

    def number(tag: int) -> int:
        raw = elements.get(tag)
        value = head[raw.start : raw.end] if raw else b""
        return int(encoding.short.unpack(value)[0]) if len(value) == 2 else 0

    def text(tag: int) -> bytes:
        raw = elements.get(tag)
        return head[raw.start : raw.end].strip(b" \0") if raw else b""

    frames = text(0x00280008)
    made = Picture(
        rows=number(0x00280010),
        columns=number(0x00280011),
        samples=number(0x00280002) or 1,
        bits=number(0x00280100),
        frames=int(frames) if frames.isdigit() else 1,
        photometric=text(0x00280004).decode("latin-1"),
    )
    return made if made.rows and made.columns and made.bits and made.frames else None


def pixel_element(data: memoryview, at: int, encoding: Syntax) -> PixelElement:
    """The element of the pixels, which begins at ``at``.

    Raises:
        DamagedError: it cannot be one of pixels.
    """
    try:
        if not encoding.explicit:
            group, element, length = encoding.element.unpack_from(data, at)
            tag = group << 16 | element
            return PixelElement(tag, _VRS[tag][-1], at + 8, length)
        group, element, vr, _ = encoding.element.unpack_from(data, at)
        length = encoding.long.unpack_from(data, at + 8)[0]
    except struct.error:
        raise DamagedError from None
    tag = group << 16 | element
    return PixelElement(tag, vr if vr in _VRS[tag] else _VRS[tag][-1], at + 12, length)


def fragments_end(data: memoryview, start: int) -> int | None:
    """Where the items of encapsulated pixels end, their delimiter included; None where they do not."""
    at, size = start, len(data)
    while at + 8 <= size:
        tag, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if tag == _ENDS:
            return at + 8
        if tag != _ITEM:
            return None
        at += 8 + length
    return None


def values_end(data: memoryview, pixels: PixelElement) -> int | None:
    """Where the value of the pixels ends; None where it does not, or where there is none."""
    if pixels.encapsulated:
        return fragments_end(data, pixels.start)
    end = pixels.start + pixels.length
    return end if pixels.length and end <= len(data) else None


def pixel_parts(
    data: memoryview, pixels: PixelElement, end: int, size: Picture, writer: Writer
) -> tuple[bytes | memoryview, ...]:
    """The element of the pixels, in pieces: without what stands after the last pixel."""
    if pixels.encapsulated:
        return writer.header(pixels.tag, pixels.vr, UNDEFINED), data[pixels.start : end]
    length = min(size.size(pixels.tag), pixels.length)
    padding = b"\0" * (length & 1)
    return writer.header(pixels.tag, pixels.vr, length + len(padding)), data[pixels.start : pixels.start + length], padding
