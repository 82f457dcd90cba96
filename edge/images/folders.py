"""The files in the folders that a person names: each once, in order, with what is passed over told and not lost."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SYSTEM_FILES = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read, or why it is not read: ``excluded`` on purpose, or ``failed`` for a reason to put right."""

    path: Path
    excluded: str | None = None
    failed: str | None = None


def files(paths: Iterable[Path]) -> Iterator[Found]:
    """Every file under the paths, folders recursively and sorted by name; links are followed, each folder is entered once.

    A file that is named itself is always read. In a folder, hidden files and those of the operating system are excluded.
    """
    entered: set[tuple[int, int]] = set()
    for path in paths:
        yield from _under(path, entered) if path.is_dir() else _file(path)


def _under(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Found]:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            yield Found(here, failed=f"the folder cannot be opened ({error.strerror}); ask who owns it")
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue  # a link back to a folder that was read, or the same folder named twice
        entered.add((status.st_dev, status.st_ino))
        folders = []
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                yield Found(path, excluded="it is hidden or the operating system's own; to send it, name the file itself")
            elif entry.is_dir():
                folders.append(path)
            else:
                yield from _file(path)
        waiting.extend(reversed(folders))


def _file(path: Path) -> Iterator[Found]:
    if path.is_file():
        yield Found(path)
    elif path.is_symlink() or not path.exists():
        yield Found(path, failed="there is no such file, or the link leads nowhere; see whether the name is right")
    else:
        yield Found(path, failed="it is neither a file nor a folder")
