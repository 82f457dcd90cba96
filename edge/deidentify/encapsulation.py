"""Compressed pixels in their items (DICOM PS3.5 annex A.4): the same items, what need not be there blanked in place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.deidentify.codestreams import to_blank
from edge.deidentify.elements import DamagedError
from edge.deidentify.syntaxes import Compression

_ITEM, _ENDS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
DELIMITER = _ENDS + b"\0\0\0\0"
_STARTS: dict[Compression, bytes] = {"jpeg": b"\xff\xd8\xff", "jpeg-ls": b"\xff\xd8\xff", "jpeg-2000": b"\xff\x4f\xff\x51"}
_EMPTY_TABLE = _ITEM + b"\0\0\0\0"
_RLE_HEADER, _RLE_SEGMENTS = 64, 15


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item: where its value lies."""

    start: int
    end: int


def fragments(data: memoryview, start: int) -> tuple[list[Fragment], int] | None:
    """The items that begin at ``start``, the table of offsets first, and where their delimiter begins; None where none comes."""
    found: list[Fragment] = []
    at, size = start, len(data)
    while at + 8 <= size:
        tag, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if tag == _ENDS:
            return found, at
        if tag != _ITEM:
            return None
        found.append(Fragment(at + 8, at + 8 + length))
        at += 8 + length
    return None


def cleaned(
    data: memoryview, items: Sequence[Fragment], end: int, compression: Compression, frames: int
) -> Iterator[bytes | memoryview]:
    """The items as they are written, in pieces; the pixels' own bytes untouched wherever there is nothing to blank.

    Raises:
        DamagedError: there is no table of offsets before the pixels.
        OpaqueError: a code stream cannot be followed.
    """
    if not items:
        raise DamagedError
    table, pixels = items[0], items[1:]
    yield data[table.start - 8 : table.end] if _is_table(data, table, pixels, frames) else _EMPTY_TABLE
    blanks = [each for stream in _streams(data, pixels, compression) for each in _blanks(data, stream, compression)]
    yield _blanked(data, table.end, end, blanks) if blanks else data[table.end : end]
    yield DELIMITER


def _is_table(data: memoryview, table: Fragment, pixels: Sequence[Fragment], frames: int) -> bool:
    """Whether the first item is a table of offsets: of each frame, where its first item begins."""
    if table.end - table.start not in (0, 4 * frames):
        return False
    begins = {each.start - 8 - table.end for each in pixels}
    offsets = memoryview(bytes(data[table.start : table.end])).cast("I")
    return all(offset in begins for offset in offsets)


def _streams(data: memoryview, pixels: Sequence[Fragment], compression: Compression) -> Iterator[list[Fragment]]:
    """The items of each code stream; of RLE each item is one (PS3.5 annex A.4.2)."""
    begin = _STARTS.get(compression, b"")
    stream: list[Fragment] = []
    for each in pixels:
        if stream and data[each.start : each.start + len(begin)] == begin:
            yield stream
            stream = []
        stream.append(each)
    if stream:
        yield stream


def _blanks(data: memoryview, stream: Sequence[Fragment], compression: Compression) -> Iterator[Fragment]:
    """What is to be blanked in one code stream, by its place in the data."""
    if compression == "rle":
        yield from (part for each in stream for part in _unused(data, each))
    elif len(stream) == 1:
        start = stream[0].start
        for first, last in to_blank(data[start : stream[0].end], compression):
            yield Fragment(start + first, start + last)
    else:
        joined = b"".join(data[each.start : each.end] for each in stream)
        for first, last in to_blank(joined, compression):
            yield from _placed(stream, first, last)


def _placed(stream: Sequence[Fragment], first: int, last: int) -> Iterator[Fragment]:
    """A range of a code stream, where it lies in its items."""
    before = 0
    for each in stream:
        start, end = max(first - before, 0), min(last - before, each.end - each.start)
        if start < end:
            yield Fragment(each.start + start, each.start + end)
        before += each.end - each.start


def _unused(data: memoryview, item: Fragment) -> Iterator[Fragment]:
    """The places of an RLE header that belong to no segment (PS3.5 annex G.5)."""
    header = bytes(data[item.start : item.start + _RLE_HEADER])
    segments = int.from_bytes(header[:4], "little")
    if len(header) < _RLE_HEADER or segments > _RLE_SEGMENTS:
        raise DamagedError
    if header[4 + 4 * segments :].strip(b"\0"):
        yield Fragment(item.start + 4 + 4 * segments, item.start + _RLE_HEADER)


def _blanked(data: memoryview, start: int, end: int, blanks: Sequence[Fragment]) -> bytes:
    copy = bytearray(data[start:end])
    for each in blanks:
        copy[each.start - start : each.end - start] = bytes(each.end - each.start)
    return bytes(copy)
