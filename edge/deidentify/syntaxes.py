"""Transfer syntaxes: how a data set is encoded, and in what its pixels are compressed (DICOM PS3.5 annex A)."""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Compression = Literal["none", "rle", "jpeg", "jpeg-ls", "jpeg-2000", "unknown"]

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

_NATIVE = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG)
_RLE = "1.2.840.10008.1.2.5"
_JPEG = "1.2.840.10008.1.2.4."
_FAMILIES: dict[Compression, range] = {"jpeg": range(50, 71), "jpeg-ls": range(80, 82), "jpeg-2000": range(90, 94)}
_HIGH_THROUGHPUT = range(201, 204)  # JPEG 2000 of another entropy coder: the same code stream


@dataclass(frozen=True)
class Syntax:
    """One transfer syntax."""

    uid: str
    explicit: bool
    big: bool

    @cached_property
    def compression(self) -> Compression:
        """In what the pixels are compressed; ``unknown`` where we cannot look into it."""
        if self.uid in _NATIVE:
            return "none"
        if self.uid == _RLE:
            return "rle"
        last = self.uid.removeprefix(_JPEG)
        number = int(last) if self.uid.startswith(_JPEG) and last.isdecimal() else 0
        families = (family for family, numbers in _FAMILIES.items() if number in numbers)
        return next(families, "jpeg-2000" if number in _HIGH_THROUGHPUT else "unknown")

    @cached_property
    def element(self) -> struct.Struct:
        """The first eight bytes of an element: group, element, and VR with length or length alone (PS3.5 section 7.1)."""
        return struct.Struct(f"{self._order}HH2sH" if self.explicit else f"{self._order}HHI")

    @cached_property
    def item(self) -> struct.Struct:
        """Tag and length of an item, which has no VR in any syntax."""
        return struct.Struct(f"{self._order}HHI")

    @cached_property
    def short(self) -> struct.Struct:
        """A length of two bytes; also a number in a US element."""
        return struct.Struct(f"{self._order}H")

    @cached_property
    def long(self) -> struct.Struct:
        """A length of four bytes."""
        return struct.Struct(f"{self._order}I")

    @property
    def _order(self) -> str:
        return ">" if self.big else "<"


def syntax(uid: str) -> Syntax:
    """The syntax of a UID; all compressed ones, and those that nobody knows, are explicit and little endian."""
    return Syntax(uid, explicit=uid != IMPLICIT_LITTLE, big=uid == EXPLICIT_BIG)


def guess(start: bytes) -> Syntax:
    """The syntax of a data set that says none, from its first element."""
    named = start[4:6].isalpha() and start[4:6].isupper()
    if named and start[0] == 0 and start[1]:
        return syntax(EXPLICIT_BIG)
    return syntax(EXPLICIT_LITTLE if named else IMPLICIT_LITTLE)
