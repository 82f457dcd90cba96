"""The outbox's SQLite file: made private, opened for several processes, durable at each commit, its troubles in plain words."""

import contextlib
import datetime as dt
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from schemas.problems import WorkFailedError

_SCHEMA = Path(__file__).with_name("schema.sql")
_VERSION = 3
_UPGRADES = {before: Path(__file__).with_name(f"from_{before}_to_{before + 1}.sql") for before in range(1, _VERSION)}
_BUSY_SECONDS = 60.0  # a writer waits for the other writers, of which each is done in a second or two
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class OutboxError(WorkFailedError):
    """The outbox cannot be opened, read or written. Says what to do; never holds what was to be stored."""


def connect(path: Path) -> sqlite3.Connection:
    """The file's connection; the file is made (0600, in a folder 0700) where there is none. Statements commit one by one.

    Raises:
        OutboxError: it cannot be made or read, is no outbox, or was made by another version.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    with explained(path):
        connection = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _prepare(connection)
        found = _version(connection)
    if found != _VERSION:
        connection.close()
        raise OutboxError(f"{path} was made by another version of this software (form {found}, not {_VERSION}); use that one")
    return connection


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite says into ``OutboxError``; SQLite names tables and columns, never values."""
    try:
        yield
    except sqlite3.Error as error:
        raise _unusable(path, str(error)) from error


def microseconds(instant: dt.datetime) -> int:
    """Microseconds since 1970, as the file keeps times."""
    return (instant - _EPOCH) // _MICROSECOND


def moment(instant: int) -> dt.datetime:
    """The time, in UTC, of what the file keeps."""
    return _EPOCH + instant * _MICROSECOND


def next_instant(connection: sqlite3.Connection, now: dt.datetime) -> dt.datetime:
    """The time of a transaction: now, or a microsecond after the last one where the machine's clock has stepped back."""
    connection.execute("UPDATE clock SET instant = max(?, instant + 1)", (microseconds(now),))
    (instant,) = connection.execute("SELECT instant FROM clock").fetchone()
    return moment(instant)


def _prepare(connection: sqlite3.Connection) -> None:
    """WAL, so that readers and a writer do not wait for each other; FULL, so that a commit outlives a power cut."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    give_up = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:  # SQLite does not wait here for another process that is changing the mode at this moment
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
    if _version(connection) == 0:
        connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
    while _version(connection) in _UPGRADES:
        _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    """One version on, all of it or nothing; another process may be about to do the same."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if script := _UPGRADES.get(_version(connection)):
            for statement in script.read_text(encoding="utf-8").split(";"):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def _unusable(path: Path, why: str | None) -> OutboxError:
    return OutboxError(f"{path} cannot be used ({why}): see that the disk has room and that the folder is yours")
