"""A snapshot of what the hub knows, so that a restart reads the topics' tail instead of everything.

One file: a line of JSON that says what it is (form, cluster, time, length and SHA-256 of the rest), then MessagePack. It is written
beside and put in place whole. What does not fit, is damaged, or is older than deleted records are remembered by the broker, is
left aside with a message: everything is then read from the topics.
"""

import datetime as dt
import hashlib
import itertools
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from monitoring.hub.known import Known
from monitoring.packed import FORM
from monitoring.view import Many
from schemas.topics import ALERTS, SITES

log = logging.getLogger(__name__)

_MARK = "nccid-hub-snapshot/1"
_OLDEST = dt.timedelta(hours=20)  # a compacted topic remembers deletions for a day (Kafka's delete.retention.ms)
_CHUNK = 5_000

_Entry = tuple[str, Many, tuple[bytes, ...], bytes | None]
"""A match, its patients, their statuses packed, and the whole record where no row has claimed its studies."""


class SnapshotUnusableError(Exception):
    """The snapshot is not used; says why."""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    mark: str
    form: str
    cluster: str
    taken_at: dt.datetime
    length: int
    digest: str


class _Rest(msgspec.Struct, frozen=True, array_like=True):
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
    packed: dict[str, bytes]
    unclaimed: dict[str, bytes]
    rest: _Rest


@dataclass(frozen=True)
class Snapshots:
    """The place of the snapshot, and the clock."""

    path: Path
    now: Callable[[], dt.datetime]

    def load(self) -> Known:
        """What the snapshot holds; nothing where there is none that can be used."""
        try:
            with self.path.open("rb") as file:
                return _read(file, self.now())
        except FileNotFoundError:
            return Known()
        except (SnapshotUnusableError, OSError) as error:
            log.warning("the snapshot %s is not used: %s; everything is read from the topics", self.path, error)
            return Known()

    @staticmethod
    def copied(known: Known, now: dt.datetime) -> Copied:
        """The state of this moment; to be called where nothing else changes it."""
        alerts = [(topic, key, payload) for (topic, key), payload in known.alerting.payloads.items()]
        rest = _Rest(
            offsets=[(*place, offset) for place, offset in known.offsets.items()],
            alerts=alerts + [(SITES.name, b"", payload) for payload in ()],
            held=[(key, *pair) for key, pair in known.held.items()],
            foreign=known.foreign,
        )
        view = known.view
        return Copied(known.cluster, now, dict(view.of_match), dict(view.packed), dict(view.unclaimed), rest)

    def save(self, copied: Copied) -> None:
        """Writes it. A disk that is full costs the snapshot, not the hub."""
        beside = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                _write(file, copied)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            log.warning("the snapshot %s cannot be written: %s", self.path, error.strerror)
