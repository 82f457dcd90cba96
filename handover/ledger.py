"""The ledger: what was delivered of each patient, kept in the destination itself, one small file a patient.

It is what makes an export idempotent, and it outlives the topics: after an opt-out these know nothing of the patient any more,
but what was delivered must still be found and deleted.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from handover.destination import Destination
from handover.layout import LEDGER, Side
from schemas.problems import UnusableInputError

What = Literal["data", "status", "cleaned", "image", "metadata"]
CLINICAL: tuple[What, ...] = ("data", "status")


class LedgerError(UnusableInputError):
    """The destination's own memory cannot be used; says what to do."""


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file that was delivered."""

    path: str
    what: What
    day: dt.date
    sha256: str
    size: int
    source: str  # of an image: where the store has it, below the patient; else empty


class Delivered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was delivered of a patient."""

    patient: str
    site: str
    person: str | None = None
    side: Side | None = None  # where the layout has sides
    files: tuple[File, ...] = ()
    withdrawn_on: dt.date | None = None  # when it was noticed; the files are to be deleted, or are already

    @property
    def latest(self) -> File | None:
        """The clinical record that counts: the one of the latest day."""
        return max((file for file in self.files if file.what in CLINICAL), key=lambda file: file.day, default=None)

    def more(self, files: Sequence[File]) -> "Delivered":
        """The same with more files."""
        return replace(self, files=(*self.files, *files))


_decoder = msgspec.json.Decoder(Delivered)
_encoder = msgspec.json.Encoder()


def path_of(patient: str) -> str:
    """Where the destination keeps what was delivered of a patient."""
    return f"{LEDGER}{patient}.json"


def read(destination: Destination, patient: str) -> Delivered | None:
    """What was delivered of a patient; None where nothing was.

    Raises:
        LedgerError: what is kept there is damaged.
    """
    content = destination.get(path_of(patient))
    if content is None:
        return None
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError:
        raise LedgerError(f"{path_of(patient)} in the destination is damaged; restore it from a copy, or export afresh") from None


def write(destination: Destination, delivered: Delivered) -> None:
    """Remembers what was delivered of a patient."""
    destination.put(path_of(delivered.patient), _encoder.encode(delivered))


def patients(destination: Destination) -> Iterator[str]:
    """Everybody of whom something was delivered, in the destination's own order."""
    for path in destination.paths(LEDGER):
        yield path.removeprefix(LEDGER).removesuffix(".json")
