"""How a file is put: once, on whichever day; what an export that was killed put there already is taken over."""

import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path

from handover.destination import Destination, Digest, digest_of_content
from handover.ledger import File, What


class Once:
    """Puts files of this day, and knows the days on which an export was killed: there may be files that no ledger knows."""

    def __init__(self, destination: Destination, today: dt.date, unfinished: Iterable[dt.date]) -> None:
        self._to, self._today, self._unfinished = destination, today, sorted(unfinished)

    def version(self, path: Callable[[dt.date], str], what: What, content: bytes) -> list[File]:
        """Puts one version of a record, after those that a killed export put; what is there of today stays, whatever it holds."""
        files = []
        for day in self._unfinished:
            if (there := self._to.digest(path(day))) is not None:
                files.append(file(path(day), what, day, there))
                if day == self._today or there == digest_of_content(content):
                    return files
        self._to.put(path(self._today), content)
        return [*files, file(path(self._today), what, self._today, digest_of_content(content))]

    def put(self, path: Callable[[dt.date], str], what: What, content: bytes | Path, source: str) -> File:
        """Puts one image, or takes over the one that a killed export put there."""
        digest = digest_of_content(content)
        for day in self._unfinished:
            if self._to.digest(path(day)) == digest:
                return file(path(day), what, day, digest, source)
        self._to.put(path(self._today), content)
        return file(path(self._today), what, self._today, digest, source)


def file(path: str, what: What, day: dt.date, digest: Digest, source: str = "") -> File:
    """A file as the ledger remembers it."""
    return File(path=path, what=what, day=day, sha256=digest.sha256, size=digest.size, source=source)
