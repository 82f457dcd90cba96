"""A snapshot of what the hub knows, so that a restart reads the topics' tail instead of everything.

One file (``monitoring.hub.snapshot_file``), written beside and put in place whole. What does not fit, is damaged, or is older
than deleted records are remembered by the broker, is left aside with a message: everything is then read from the topics.
"""

import datetime as dt
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitoring.hub.known import Known
from monitoring.hub.snapshot_file import Copied, Rest, SnapshotUnusableError, read, write

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshots:
    """The place of the snapshot, and the clock."""

    path: Path
    now: Callable[[], dt.datetime]

    def load(self) -> Known:
        """What the snapshot holds; nothing where there is none that can be used."""
        try:
            with self.path.open("rb") as file:
                return read(file, self.now())
        except FileNotFoundError:
            return Known()
        except (SnapshotUnusableError, msgspec.MsgspecError, OSError) as error:
            log.warning("the snapshot %s is not used: %s; everything is read from the topics", self.path, error)
            return Known()

    @staticmethod
    def copied(known: Known, now: dt.datetime) -> Copied:
        """The state of this moment; to be called where nothing else changes it."""
        alerts = [(topic, key, payload) for (topic, key), payload in known.alerting.payloads.items()]
        rest = Rest(
            offsets=[(*place, offset) for place, offset in known.offsets.items()],
            alerts=alerts,
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
                write(file, copied)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            log.warning("the snapshot %s cannot be written: %s", self.path, error.strerror)
