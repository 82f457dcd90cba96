"""What changed, as it is told to those who watch: one short log for all of them, so that a slow watcher costs nothing.

Nobody has a queue. Each watcher knows up to where it was told, and is told the rest when it is ready for more: of a site only the
latest coverage, and where it has fallen behind the log, or comes from another run of the hub, that it has to look again.
"""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

_KEPT = 2_000

Kind = Literal["coverage", "alert", "again"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed at a site; ``data`` is its JSON."""

    number: int
    kind: Kind
    site: str
    data: bytes


@dataclass
class Changes:
    """The latest changes, numbered. The name of the run stands before each number: after a restart numbers begin anew."""

    run: str = field(default_factory=lambda: secrets.token_hex(4))
    _log: deque[Change] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _latest: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, kind: Kind, site: str, data: bytes) -> None:
        """Appends a change. Watchers are told with ``tell``."""
        self._latest = next(self._numbers)
        self._log.append(Change(self._latest, kind, site, data))

    def tell(self) -> None:
        """Wakes those who wait."""
        self._more.set()
        self._more = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Waits until there may be more, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            return

    def mark(self, number: int | None = None) -> str:
        """The id of a change, or of the latest."""
        return f"{self.run}.{self._latest if number is None else number}"

    def after(self, mark: str) -> list[Change] | None:
        """What changed after the change of this id, of each site the latest coverage only; None where nobody can say."""
        run, _, number = mark.partition(".")
        if run != self.run or not (number.isascii() and number.isdecimal()):
            return None
        told = int(number)
        oldest = self._log[0].number if self._log else self._latest + 1
        if told + 1 < oldest or told > self._latest:
            return None
        found = [change for change in self._log if change.number > told]
        latest = {change.site: change.number for change in found if change.kind == "coverage"}
        return [change for change in found if change.kind != "coverage" or latest[change.site] == change.number]
