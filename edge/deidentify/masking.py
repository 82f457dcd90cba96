"""Parts of a native picture taken away: regions with text in them, and drawings in bits that no pixel uses."""

from collections.abc import Sequence
from typing import NamedTuple

from edge.deidentify.elements import Bytes


class Region(NamedTuple):
    """A rectangle, in pixels from the upper left corner."""

    x: int
    y: int
    width: int
    height: int


def masked(values: Bytes, regions: Sequence[Region], rows: int, columns: int, pixel: int) -> bytearray:
    """Native pixels with the regions set to zero, in every frame.

    Args:
        values: the pixels of all frames.
        regions: what to take away; what lies outside of the picture is of no account.
        rows: of the picture.
        columns: of the picture.
        pixel: its bytes, of all samples together.
    """
    copy = bytearray(values)
    line = columns * pixel
    for region in regions:
        start, end = min(region.x, columns) * pixel, min(region.x + region.width, columns) * pixel
        for frame in range(0, len(copy), rows * line):
            for row in range(region.y, min(region.y + region.height, rows)):
                at = frame + row * line
                copy[at + start : at + end] = bytes(end - start)
    return copy


def without_spare_bits(values: Bytes, stored: int, *, big: bool) -> bytearray:
    """Native pixels of two bytes, without sign, in whose upper bits there were drawings (retired overlays, PS3.5 section 8.1.2).

    Args:
        values: the pixels.
        stored: bits that a pixel uses, 8 to 16.
        big: whether the upper byte comes first.
    """
    copy = bytearray(values)
    upper = (1 << (stored - 8)) - 1
    table = bytes(value & upper for value in range(256))
    first = 0 if big else 1
    copy[first::2] = copy[first::2].translate(table)
    return copy
