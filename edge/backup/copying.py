"""Files copied for a back-up: private, whole, synced, never over another one; and the digests by which one sees that they are."""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from edge.sending.database import explained
from schemas.problems import UnusableInputError

LIST = "backup.json"
"""The list of what is in a back-up; written last, so that what has none is not finished."""

_PART = 1024 * 1024


class BackupError(UnusableInputError):
    """A back-up cannot be made or used; says why and what to do."""


def make_folder(folder: Path) -> None:
    """A new folder for its owner alone.

    Raises:
        BackupError: something is there already.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise BackupError(f"{folder} is there already; name a new folder. Nothing was changed") from None


def copy(source: Path, target: Path) -> None:
    """A copy of a file that does not change meanwhile."""
    with source.open("rb") as reading:
        _make_private(target.parent)
        with _new(target) as writing:
            shutil.copyfileobj(reading, writing, _PART)
            _sync(writing)


def write(path: Path, content: bytes) -> None:
    """A new file.

    Raises:
        BackupError: something is there already.
    """
    try:
        with _new(path) as file:
            file.write(content)
            _sync(file)
    except FileExistsError:
        raise BackupError(f"{path} is there already; name a new file. Nothing was changed") from None


def copy_database(source: Path, target: Path) -> None:
    """A SQLite file as it was at one moment, while others write to it: by SQLite itself, without a log beside the copy."""
    _make_private(target.parent)
    _new(target).close()
    with explained(source), closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as one_file:
        live.backup(one_file)
        one_file.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb") as file:
        _sync(file)


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file under a folder, the list left out, with its SHA-256."""
    for path in files(folder):
        name = path.relative_to(folder).as_posix()
        if name != LIST:
            with path.open("rb") as file:
                yield name, hashlib.file_digest(file, "sha256").hexdigest()


def files(folder: Path) -> Iterator[Path]:
    """Every file under a folder."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))


def _make_private(folder: Path) -> None:
    """The folder, and those on the way to it that are not there, for their owner alone."""
    for each in reversed((folder, *folder.parents)):
        if not each.exists():
            each.mkdir(mode=0o700)


def _new(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
