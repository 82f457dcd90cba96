"""How a snapshot lies on disk: what is written, and what of it is believed when it is read.

A line of JSON that says what it is (form, cluster, time), pieces of MessagePack, each after its length, and a SHA-256 of all
before it.
"""

import datetime as dt
import hashlib
import itertools
import os
from dataclasses import dataclass
from typing import IO

import msgspec

from monitoring.hub.known import Known
from monitoring.packed import FORM, Packed, repack
from monitoring.view import Many

_MARK = "nccid-hub-snapshot/2"
_OLDEST = dt.timedelta(hours=20)  # a compacted topic remembers deletions for a day (Kafka's delete.retention.ms)
_CHUNK = 5_000  # matches in a piece
_LENGTH_BYTES = 4
_DIGEST_BYTES = hashlib.sha256().digest_size

_Parts = tuple[str, str | None, int, str, int]
"""A status: patient, person, the number of what it has in common with others, times, first day."""

_Entry = tuple[str, tuple[_Parts, ...], bytes | None]
"""A match, its statuses, and the whole record where no row has claimed its studies."""


class SnapshotUnusableError(Exception):
    """The snapshot is not used; says why."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    mark: str
    form: str
    cluster: str
    taken_at: dt.datetime


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    """Some matches, and what their statuses have in common with others that no piece before has told: numbered on and on."""

    alike: list[str]
    entries: list[_Entry]


class Rest(msgspec.Struct, frozen=True, array_like=True):
    """The last part of the body: all but the statuses."""

    offsets: list[tuple[str, int, int]]
    alerts: list[tuple[str, bytes, bytes]]
    held: list[tuple[bytes, str, str]]
    foreign: int


@dataclass(frozen=True)
class Copied:
    """What is written: shallow copies, all of the same moment."""

    cluster: str
    taken_at: dt.datetime
    of_match: dict[str, Many]
    packed: dict[str, Packed]
    unclaimed: dict[str, bytes]
    rest: Rest


class _Hashed:
    """A file that is written or read while its digest is computed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, content: bytes) -> None:
        self._hash.update(content)
        self._file.write(content)

    def write_piece(self, content: bytes) -> None:
        self.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
        self.write(content)

    def digest(self) -> bytes:
        return self._hash.digest()


def write(file: IO[bytes], copied: Copied) -> None:
    """Writes all of it."""
    hashed = _Hashed(file)
    header = _Header(mark=_MARK, form=FORM, cluster=copied.cluster, taken_at=copied.taken_at)
    hashed.write(msgspec.json.encode(header) + b"\n")
    matches, numbers = iter(copied.of_match), _Numbers()
    while chunk := list(itertools.islice(matches, _CHUNK)):
        before = len(numbers)
        entries = [_entry(copied, match, numbers) for match in chunk]
        hashed.write_piece(msgspec.msgpack.encode(_Piece(list(numbers)[before:], entries)))
    hashed.write_piece(b"")
    hashed.write_piece(msgspec.msgpack.encode(copied.rest))
    file.write(hashed.digest())


class _Numbers(dict[str, int]):
    """Numbers what has none yet, in order."""

    def __missing__(self, text: str) -> int:
        return self.setdefault(text, len(self))


def _entry(copied: Copied, match: str, numbers: _Numbers) -> _Entry:
    patients = copied.of_match[match]
    several = [copied.packed[patient] for patient in ((patients,) if isinstance(patients, str) else patients)]
    parts = tuple((each.patient, each.person, numbers[each.alike.text], each.times, each.first_day) for each in several)
    return match, parts, copied.unclaimed.get(match)


def read(file: IO[bytes], now: dt.datetime) -> Known:
    """What it holds.

    Raises:
        SnapshotUnusableError: it is damaged, too old, or of another version.
        msgspec.MsgspecError: it is whole, and not what this version writes.
    """
    _require_whole(file)
    header = msgspec.json.decode(file.readline(), type=_Header)
    if (header.mark, header.form) != (_MARK, FORM):
        raise SnapshotUnusableError("it was written by another version")
    if not dt.timedelta(0) <= now - header.taken_at <= _OLDEST:
        raise SnapshotUnusableError(f"it is from {header.taken_at:%d/%m/%Y %H:%M} UTC")
    known = Known(cluster=header.cluster)
    decode, alike = msgspec.msgpack.Decoder(_Piece).decode, list[str]()
    while content := _piece(file):
        piece = decode(content)
        alike += piece.alike
        for match, parts, unclaimed in piece.entries:
            packed = [repack(patient, person, alike[number], times, day) for patient, person, number, times, day in parts]
            known.view.restore(match, packed, unclaimed)
    _put_back(known, msgspec.msgpack.decode(_piece(file), type=Rest))
    return known


def _put_back(known: Known, rest: Rest) -> None:
    known.offsets = {(topic, partition): offset for topic, partition, offset in rest.offsets}
    for topic, key, payload in rest.alerts:
        known.alerting.apply(topic, key, payload)
    known.held = {key: (reason, digest) for key, reason, digest in rest.held}
    known.foreign = rest.foreign


def _require_whole(file: IO[bytes]) -> None:
    """The digest at the end is that of all before it; the file is then read from its beginning."""
    digest, left = hashlib.sha256(), os.fstat(file.fileno()).st_size - _DIGEST_BYTES
    while left > 0 and (content := file.read(min(left, 1024 * 1024))):
        digest.update(content)
        left -= len(content)
    if left or file.read() != digest.digest():
        raise SnapshotUnusableError("it is damaged")
    file.seek(0)


def _piece(file: IO[bytes]) -> bytes:
    return file.read(int.from_bytes(file.read(_LENGTH_BYTES), "big"))
