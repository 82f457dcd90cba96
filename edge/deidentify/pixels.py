"""The pixels of an object: handed on as they are, from their first byte to their last and no further."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edge.deidentify.codestreams import OpaqueError
from edge.deidentify.elements import UNDEFINED, DamagedError, Elements
from edge.deidentify.encapsulation import cleaned, fragments
from edge.deidentify.masking import Region, masked, without_spare_bits
from edge.deidentify.syntaxes import Syntax
from edge.deidentify.writing import writer

_SIZES = {0x7FE00008: 32, 0x7FE00009: 64}  # bits of a float or double pixel (PS3.3 C.7.6.24, C.7.6.25)
_COMPRESSED_VR = b"OB"  # PS3.5 section A.4
_OVERLAY_POSITIONS = tuple((0x6000 + group) << 16 | 0x0102 for group in range(0, 0x20, 2))  # Overlay Bit Position
_VRS = {0x7FE00008: (b"OF",), 0x7FE00009: (b"OD",), 0x7FE00010: (b"OB", b"OW")}


Parts = tuple[bytes | memoryview, ...]
"""Pieces of a file, to be written one after the other."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How large the pixels are, as the header says."""

    rows: int
    columns: int
    samples: int
    bits: int
    stored: int
    signed: bool
    frames: int
    photometric: str
    drawings: bool  # whether overlays lie in bits of the pixels that no pixel uses

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

    def value(tag: int) -> bytes:
        raw = elements.get(tag)
        return head[raw.start : raw.end] if raw else b""

    def number(tag: int) -> int:
        given = value(tag)
        return int(encoding.short.unpack(given)[0]) if len(given) == 2 else 0

    frames = value(0x00280008).strip(b" \0")
    made = Picture(
        rows=number(0x00280010),
        columns=number(0x00280011),
        samples=number(0x00280002) or 1,
        bits=number(0x00280100),
        stored=number(0x00280101),
        signed=number(0x00280103) == 1,
        frames=int(frames) if frames.isdigit() else 1,
        photometric=value(0x00280004).strip(b" \0").decode("latin-1"),
        drawings=any(number(tag) for tag in _OVERLAY_POSITIONS if tag in elements),
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


def values_end(data: memoryview, pixels: PixelElement) -> int | None:
    """Where the value of the pixels ends, without the delimiter of items; None where it does not, or where there is none."""
    if pixels.encapsulated:
        found = fragments(data, pixels.start)
        return found[1] if found else None
    end = pixels.start + pixels.length
    return end if pixels.length and end <= len(data) else None


def pixel_parts(data: memoryview, pixels: PixelElement, size: Picture, encoding: Syntax, mask: Sequence[Region]) -> Parts:
    """The element of the pixels, in pieces: without what stands after the last pixel, untouched unless masked.

    Raises:
        DamagedError: the items of compressed pixels do not end.
        OpaqueError: they cannot be searched, or would have to be masked.
    """
    write = writer(explicit=encoding.explicit, big=encoding.big)
    if pixels.encapsulated:
        found = fragments(data, pixels.start)
        if found is None or encoding.compression == "none":
            raise DamagedError
        if mask or size.drawings:
            raise OpaqueError
        return write.header(pixels.tag, _COMPRESSED_VR, UNDEFINED), *cleaned(data, *found, encoding.compression, size.frames)
    length = min(size.size(pixels.tag), pixels.length)
    padding = b"\0" * (length & 1)
    values = _native(data[pixels.start : pixels.start + length], size, mask, big=encoding.big)
    return write.header(pixels.tag, pixels.vr, length + len(padding)), values, padding


def _native(values: memoryview, size: Picture, mask: Sequence[Region], *, big: bool) -> bytes | memoryview:
    """Native pixels, with what has to be taken away from them taken away."""
    if size.drawings:
        if size.bits != 16 or size.signed or not 8 <= size.stored < 16:
            raise OpaqueError
        values = memoryview(without_spare_bits(values, size.stored, big=big))
    if mask:
        if size.bits % 8:
            raise OpaqueError
        values = memoryview(masked(values, mask, size.rows, size.columns, size.samples * size.bits // 8))
    return values
