"""The manifest of a day: every file with its SHA-256, the counts, and what is to be deleted; in one pass, however long."""

import contextlib
import datetime as dt
import tempfile
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from handover.destination import Destination
from handover.layout import manifest
from handover.ledger import Delivered

_encoder = msgspec.json.Encoder()
_WHY_DELETE = "withdrawn"


class Spool:
    """What a manifest is made of, on disk until it is written: memory does not grow with it."""

    def __init__(self, day: dt.date, layout: str) -> None:
        self.day = day
        self._layout = layout
        self._files: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the spool
        self._deletions: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # as above
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._files.close()
        self._deletions.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said of this day."""
        return not self._counts

    def add(self, delivered: Delivered) -> None:
        """Takes what was delivered of a patient on this day, or what has to go since it."""
        if delivered.withdrawn_on is not None:
            if delivered.withdrawn_on == self.day:
                self._counts["withdrawn"] += 1
                for file in delivered.files:
                    self._counts["to_delete"] += 1
                    self._write(self._deletions, {"path": file.path, "reason": _WHY_DELETE})
            return
        files = [file for file in delivered.files if file.day == self.day]
        self._counts["patients"] += bool(files)
        for file in files:
            self._counts[file.what] += 1
            self._counts["bytes"] += file.size
            self._write(self._files, {"path": file.path, "sha256": file.sha256, "size": file.size})
        self._counts = +self._counts

    @staticmethod
    def _write(lines: IO[bytes], entry: dict[str, object]) -> None:
        lines.write((b",\n" if lines.tell() else b"\n") + _encoder.encode(entry))

    def write(self, destination: Destination) -> None:
        """Puts the manifest in its place."""
        with tempfile.NamedTemporaryFile() as whole:
            head = {"day": self.day, "layout": self._layout, "counts": dict(sorted(self._counts.items()))}
            whole.write(_encoder.encode(head)[:-1])
            for name, lines in (("files", self._files), ("delete", self._deletions)):
                whole.write(b',\n"%s": [' % name.encode())
                lines.seek(0)
                for line in lines:
                    whole.write(line)
                whole.write(b"]")
            whole.write(b"}\n")
            whole.flush()
            destination.put(manifest(self.day), Path(whole.name))


def spools(days: set[dt.date], layout: str, stack: contextlib.ExitStack) -> list[Spool]:
    """A spool for each of these days, closed with the stack."""
    return [stack.enter_context(Spool(day, layout)) for day in sorted(days)]
