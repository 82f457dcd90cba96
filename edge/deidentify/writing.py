"""Elements as bytes, in one transfer syntax (DICOM PS3.5 section 7.1)."""

import struct
from collections.abc import Sequence
from functools import cache

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

_LONG = frozenset(vr.encode() for vr in EXPLICIT_VR_LENGTH_32)
_MAX_SHORT = 0xFFFE
_ITEM = (0xFFFE, 0xE000)


class Writer:
    """Writes elements of known VR; sequences and items always with their lengths."""

    def __init__(self, *, explicit: bool, big: bool) -> None:
        order = ">" if big else "<"
        self.explicit = explicit
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H").pack
        self._long = struct.Struct(f"{order}I").pack
        self._item = self._tag.pack(*_ITEM)
        self._starts: dict[tuple[int, bytes], bytes] = {}

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """One element, padded to an even length; nothing where its VR cannot hold so much.

        Args:
            tag: its tag.
            vr: its VR, of no account where the syntax is implicit.
            value: its value.
        """
        if len(value) & 1:
            value += b"\0" if vr == b"UI" else b" "
        start = self._starts.get((tag, vr)) or self._start(tag, vr)
        if not self.explicit or vr in _LONG:
            return start + self._long(len(value)) + value
        return start + self._short(len(value)) + value if len(value) <= _MAX_SHORT else b""

    def header(self, tag: int, vr: bytes, length: int) -> bytes:
        """An element up to its value, of a VR whose length takes four bytes."""
        return self._start(tag, vr) + self._long(length)

    def sequence(self, tag: int, levels: Sequence[bytes]) -> bytes:
        """A sequence of these items."""
        return self.element(
            tag, b"SQ", b"".join(part for level in levels for part in (self._item, self._long(len(level)), level))
        )

    def _start(self, tag: int, vr: bytes) -> bytes:
        """All of an element before its length; made once."""
        start = self._tag.pack(tag >> 16, tag & 0xFFFF)
        if self.explicit:
            start += vr + (b"\0\0" if vr in _LONG else b"")
        self._starts[tag, vr] = start
        return start


@cache
def writer(*, explicit: bool, big: bool) -> Writer:
    """The writer of an encoding; shared, and safe to be used by several threads at once."""
    return Writer(explicit=explicit, big=big)
