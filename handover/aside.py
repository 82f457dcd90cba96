"""What has to be remembered of each patient while an export runs, on disk: memory does not grow with patients.

Each is a database of SQLite without a name: a temporary file that nobody else can open, and that is gone when it is closed. It
holds pseudonyms and places of rows, no clinical value.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_CACHE_KIB = 512  # of each database in memory; what is beyond lies in its file


class Kept(NamedTuple):
    """What is kept of one patient of a match."""

    patient: str
    person: str | None
    value: bytes | None  # None: known, and nothing is to be handed over


def _scratch(*statements: str) -> sqlite3.Connection:
    """A database that outlives nothing: no journal, no syncing, one transaction. Used by several threads, one at a time."""
    made = sqlite3.connect("", check_same_thread=False, isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        f"PRAGMA cache_size = -{_CACHE_KIB}",
        "BEGIN",
        *statements,
    ):
        made.execute(statement)
    return made


def _digest(entries: Iterable[object]) -> str:
    sha = hashlib.sha256()
    for entry in entries:
        sha.update(repr(entry).encode())
    return sha.hexdigest()


class Names:
    """A set of names."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._db = _scratch("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.executemany("INSERT OR IGNORE INTO names VALUES (?)", ((name,) for name in names))

    def add(self, *names: str) -> None:
        """Takes names in."""
        self._db.executemany("INSERT OR IGNORE INTO names VALUES (?)", ((name,) for name in names))

    def __contains__(self, name: str) -> bool:
        return self._db.execute("SELECT 1 FROM names WHERE name = ?", (name,)).fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        return (name for (name,) in self._db.execute("SELECT name FROM names ORDER BY name"))

    def digest(self) -> str:
        """Changes with the names."""
        return _digest(self)

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()


class Patients:
    """What is kept of each patient: the newest of each match, found by patient and by person."""

    def __init__(self) -> None:
        self._db = _scratch(
            "CREATE TABLE kept (match TEXT, patient TEXT, person TEXT, value BLOB)",
            "CREATE INDEX by_match ON kept (match)",
            "CREATE INDEX by_patient ON kept (patient)",
            "CREATE INDEX by_person ON kept (person)",
        )

    def put(self, match: str, those: Iterable[Kept]) -> None:
        """Takes what is kept of a match in place of what was."""
        self._db.execute("DELETE FROM kept WHERE match = ?", (match,))
        self._db.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", ((match, *each) for each in those))

    def drop(self, patient: str) -> None:
        """Forgets a patient."""
        self._db.execute("DELETE FROM kept WHERE patient = ?", (patient,))

    def drop_person(self, person: str) -> None:
        """Forgets all patients who are this person."""
        self._db.execute("DELETE FROM kept WHERE person = ?", (person,))

    def value(self, patient: str) -> bytes | None:
        """What is kept of a patient; None where nothing is to be handed over."""
        asked = "SELECT value FROM kept WHERE patient = ? AND value IS NOT NULL ORDER BY rowid DESC LIMIT 1"
        found = self._db.execute(asked, (patient,)).fetchone()
        return None if found is None else bytes(found[0])

    def of_person(self, person: str) -> tuple[str, ...]:
        """All patients who are this person."""
        asked = "SELECT DISTINCT patient FROM kept WHERE person = ? ORDER BY patient"
        return tuple(patient for (patient,) in self._db.execute(asked, (person,)))

    def __len__(self) -> int:
        """How many patients have a value."""
        (count,) = self._db.execute("SELECT COUNT(DISTINCT patient) FROM kept WHERE value IS NOT NULL").fetchone()
        return int(count)

    def digest(self) -> str:
        """Changes with what is kept, whatever the order in which it came."""
        return _digest(self._db.execute("SELECT match, patient, person, value FROM kept ORDER BY match, patient, value"))

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()
