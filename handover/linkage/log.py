"""The audit log of linkage: one line a deed, each bound to the one before by its SHA-256; what was changed later shows.

A line is written, and synced, before the deed: nothing is opened that the log does not know of. Lines cut off at the end do not
show in the log itself; each deed therefore tells the log's head, to be noted down elsewhere.
"""

import datetime as dt
import fcntl
import hashlib
import os
from pathlib import Path

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import Record, Time

_BEGINNING = "0" * 64


class LogBrokenError(UnusableInputError):
    """The log is not as it was written; says at which line."""


class Deed(Record, frozen=True, kw_only=True):
    """One line: what was done, by whom, about which request; no number, and no pseudonym."""

    at: Time
    what: str
    who: str
    details: dict[str, str | int]
    previous: str  # SHA-256 of the line before


def read(path: Path) -> list[Deed]:
    """All deeds, oldest first; none where there is no log yet.

    Raises:
        LogBrokenError: a line was changed, taken out or put in.
    """
    if not path.exists():
        return []
    return _checked(path.read_bytes(), path)


def head(path: Path) -> str:
    """What tells the log from any other: the SHA-256 of its last line."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return _digest(lines[-1]) if lines else _BEGINNING


def append(path: Path, now: dt.datetime, what: str, who: str, details: dict[str, str | int]) -> str:
    """Writes one deed, after all before it were found as they were written.

    Returns:
        The log's head.

    Raises:
        LogBrokenError: as ``read``; nothing is written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        _checked(content, path)
        lines = content.splitlines()
        previous = _digest(lines[-1]) if lines else _BEGINNING
        line = msgspec.json.encode(Deed(at=now, what=what, who=who, details=details, previous=previous))
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return _digest(line)


def _checked(content: bytes, path: Path) -> list[Deed]:
    deeds, previous = [], _BEGINNING
    for number, line in enumerate(content.splitlines(), 1):
        try:
            deed = msgspec.json.decode(line, type=Deed)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise LogBrokenError(f"{path}, line {number}: this is no line of the log; find out who changed it") from None
        if deed.previous != previous:
            raise LogBrokenError(f"{path}, line {number}: a line before it was changed or taken out; find out by whom")
        deeds.append(deed)
        previous = _digest(line)
    return deeds


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
