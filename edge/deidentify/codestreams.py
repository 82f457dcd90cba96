"""Compressed pixels searched for what was written between them: comments and application data of JPEG, JPEG-LS and JPEG 2000.

A code stream can hold text that no viewer shows: a comment, EXIF, a thumbnail, whatever stands after its end. What is known to be
the signature of an encoder stays; the rest is blanked in place, so that every length and offset, and every pixel, stays as it is.
(ISO/IEC 10918-1 annex B, 14495-1 annex C, 15444-1 annex A.)
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from edge.deidentify.elements import Bytes
from edge.deidentify.syntaxes import Compression

ENCODERS = Path(__file__).with_name("encoders.txt")

Range = tuple[int, int]
"""First byte and the one after the last, in a code stream."""


class OpaqueError(ValueError):
    """The code stream cannot be followed to its end. Says nothing of what is in it."""


_HEADERS = re.compile(  # of file formats: what they say of the picture in numbers
    rb"JFIF\0\x01[\0-\x02][\0-\x02].{4}\0\0"  # no thumbnail
    rb"|Adobe\0[\0de][\0-\x03\x80\xc0]{3,4}[\0-\x02]"  # how colours are transformed
    rb"|SPIFF\0[\0-\x02]{2}[\0-\x04][\x01-\x04](?:\0\0..){2}[\0-\x0f].[\0-\x06][\0-\x02](?:\0\0..){2}"
    rb"|\0\0\0\x01\xff\xd8",  # where the header of SPIFF ends
    re.DOTALL,
)
_WORDS = re.compile(rb"[A-Za-z0-9]+")
_NOT_OF_WORDS = re.compile(rb"[^A-Za-z0-9 ,.;:()/_+\-\0]")
_VERSION = re.compile(rb"[vV]?\d{1,3}[a-z]?")
_MAX_SIGNATURE = 64
_DIGITS = re.compile(rb"\d")
_MAX_DIGITS = 8
_SCAN_ENDS: dict[Compression, re.Pattern[bytes]] = {
    "jpeg": re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]"),  # in the scan FF is followed by 00 or a restart
    "jpeg-ls": re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]"),  # or by a byte whose first bit is 0
}
_ENDS_2000 = re.compile(rb"\xff\xd9")
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APPLICATION = frozenset((*range(0xE0, 0xF0), *range(0xF0, 0xF7), *range(0xF9, 0xFE)))  # and what is reserved for extensions
_KNOWN_2000 = frozenset((0x50, 0x51, 0x52, 0x53, 0x55, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63, 0x64, 0x90))
_NO_MARKERS = frozenset((0, *range(2, 0xC0), _SOI))
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SOC, _SOT, _SOD, _EOC, _COM_2000 = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF64


def to_blank(stream: Bytes, compression: Compression) -> list[Range]:
    """The ranges of a code stream that hold what need not be there.

    Raises:
        OpaqueError: it cannot be followed.
    """
    return list(_SEARCHES[compression](stream)) if compression in _SEARCHES else []


def _jpeg(stream: Bytes, scan_ends: re.Pattern[bytes]) -> Iterator[Range]:
    at = _after(stream, 0, b"\xff\xd8")
    while at < len(stream):
        code = _marker(stream, at)
        if code == 0xFF:
            at += 1  # fill bytes may stand before any marker
        elif code in _STANDALONE:
            at += 2
        elif code == _EOI:
            yield from _behind(stream, at + 2)
            return
        else:
            end = at + 2 + _number(stream, at + 2, 2)
            if code in _APPLICATION or code == _COM:
                yield from _unless_harmless(stream, at + 4, end)
            at = end if code != _SOS else _scan_end(stream, end, scan_ends)
    raise OpaqueError  # without an end, who knows what the last bytes are


def _marker(stream: Bytes, at: int) -> int:
    if stream[at] != 0xFF or at + 1 >= len(stream) or stream[at + 1] in _NO_MARKERS:
        raise OpaqueError
    return stream[at + 1]


def _scan_end(stream: Bytes, start: int, scan_ends: re.Pattern[bytes]) -> int:
    found = scan_ends.search(stream, start)
    return found.start() if found else len(stream)


def _jpeg_2000(stream: Bytes) -> Iterator[Range]:
    at, tile_ends = _after(stream, 0, b"\xff\x4f"), 0
    while at < len(stream):
        marker = _number(stream, at, 2)
        if marker == _EOC:
            yield from _behind(stream, at + 2)
            return
        if marker == _SOD:
            tile_ends = tile_ends or _next_end(stream, at)
            if tile_ends <= at:
                raise OpaqueError
            at = tile_ends
            continue
        if marker >> 8 != 0xFF or marker & 0xFF not in _KNOWN_2000:
            raise OpaqueError
        end = at + 2 + _number(stream, at + 2, 2)
        if marker == _SOT:
            length = _number(stream, at + 6, 4)
            tile_ends = at + length if length else 0
        elif marker == _COM_2000:
            yield from _unless_harmless(stream, at + 6, end)
        at = end
    raise OpaqueError  # without an end, who knows what the last bytes are


def _next_end(stream: Bytes, at: int) -> int:
    """Where the end marker is, for a last tile-part that says no length; no packet can hold one (ISO/IEC 15444-1 annex B.10)."""
    found = _ENDS_2000.search(stream, at)
    return found.start() if found else 0


def _after(stream: Bytes, at: int, expected: bytes) -> int:
    if bytes(stream[at : at + len(expected)]) != expected:
        raise OpaqueError
    return at + len(expected)


def _number(stream: Bytes, at: int, size: int) -> int:
    if at + size > len(stream):
        raise OpaqueError
    return int.from_bytes(stream[at : at + size], "big")


def _unless_harmless(stream: Bytes, start: int, end: int) -> Iterator[Range]:
    if end > len(stream):
        raise OpaqueError
    if start < end and (end - start > _MAX_SIGNATURE or not harmless(bytes(stream[start:end]))):
        yield start, end


@cache
def _encoders() -> frozenset[bytes]:
    lines = ENCODERS.read_text(encoding="ascii").splitlines()
    return frozenset(word.upper().encode() for line in lines if not line.startswith("#") for word in line.split())


def harmless(value: bytes) -> bool:
    """Whether a comment or application data is nothing but the header of a format, or the signature of a known encoder."""
    if _HEADERS.fullmatch(value):
        return True
    words = _WORDS.findall(value)
    known = all(word.upper() in _encoders() or _VERSION.fullmatch(word) for word in words)
    return known and not _NOT_OF_WORDS.search(value) and len(_DIGITS.findall(value)) <= _MAX_DIGITS


def _behind(stream: Bytes, start: int) -> Iterator[Range]:
    """What stands behind the end of the code stream, unless it is padding."""
    if len(stream) - start > 1 and bytes(stream[start:]).strip(b"\0"):
        yield start, len(stream)


_SEARCHES: dict[Compression, Callable[[Bytes], Iterator[Range]]] = {
    "jpeg": lambda stream: _jpeg(stream, _SCAN_ENDS["jpeg"]),
    "jpeg-ls": lambda stream: _jpeg(stream, _SCAN_ENDS["jpeg-ls"]),
    "jpeg-2000": _jpeg_2000,
}
