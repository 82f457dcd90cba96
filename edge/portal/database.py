"""The portal's SQLite file: made private, shared by the threads of the portal and by the commands for accounts."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from schemas.problems import WorkFailedError

_SCHEMA = Path(__file__).with_name("schema.sql")
_VERSION = 1
_BUSY_SECONDS = 10.0

Value = str | int | bytes | None


class PortalDataError(WorkFailedError):
    """The portal's file cannot be opened, read or written; says what to do."""


class Database:
    """One connection, one statement or transaction at a time."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it (0600).

        Raises:
            PortalDataError: it cannot be made or read, or was made by another version.
        """
        self._path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None

    def _prepare(self) -> None:
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "secure_delete = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        (found,) = self._connection.execute("PRAGMA user_version").fetchone()
        if found == 0:
            self._connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
        elif found != _VERSION:
            raise PortalDataError(f"{self._path} was made by another version of this software (form {found}, not {_VERSION})")

    def query(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self._guarded():
            return self._connection.execute(sql, values).fetchall()

    def write(self, sql: str, *values: Value) -> int:
        """One statement.

        Returns:
            How many rows it changed.
        """
        with self._guarded():
            return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """All that is written inside, or nothing of it."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """One at a time; what SQLite says names tables and columns, never values."""
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as error:
                raise self._unusable(error) from None

    def _unusable(self, error: OSError | sqlite3.Error) -> PortalDataError:
        return PortalDataError(f"{self._path} cannot be used ({error}): see that the disk has room and that the folder is yours")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
