"""How complete the clinical data are: counts that another process has made, looked after in the background.

Rows hold clinical values, and reading all of them takes its time. So the hub neither reads nor holds them: whoever starts it
gives it something that counts (``Count``), and what comes back is what may be told, small numbers suppressed already. It is
asked when the hub has caught up, then when somebody looks or some time has passed; never while it is at it, seldom enough that it
costs at most a tenth of the time, and only if something was published since. A file that others write is looked at all the time.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from monitoring.hub.progress import Progress
from schemas.completeness import GroupCounted, decode
from schemas.problems import WorkFailedError

log = logging.getLogger(__name__)

_REST_SECONDS = 30.0  # between two counts at least
_REST_SHARE = 9  # and so many times what the last one took
_UNASKED_SECONDS = 900.0  # after which it is counted though nobody looks
_LOOK_SECONDS = 0.5


class Counted(NamedTuple):
    """What was counted: the JSON of ``nccid completeness``, and as of when."""

    content: bytes
    at: dt.datetime


Count = Callable[[], Awaitable[Counted]]
"""Counts, outside of this process. Raises WorkFailedError where that cannot be done."""


@dataclass
class Completeness:
    """The latest counts."""

    count: Count | None  # None: nothing is counted here
    is_free: bool = False  # counting costs nothing, since somebody else does it: then it is asked each time
    groups: tuple[GroupCounted, ...] = ()
    at: dt.datetime | None = None  # None: not counted yet
    trouble: str = ""  # why the last count was in vain
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _seen: Hashable = None

    def ask(self) -> None:
        """Somebody looks: it is counted anew as soon as that may be."""
        self._wanted.set()

    async def run(self, progress: Progress, published: Callable[[], Hashable]) -> None:
        """Counts from time to time, until it is cancelled.

        Args:
            progress: nothing is counted before it has caught up.
            published: what changes when something is published that may change the counts.
        """
        while self.count is not None:
            while not progress.caught_up:  # noqa: ASYNC110  # several set it, and it may be unset again
                await asyncio.sleep(_LOOK_SECONDS)
            began = time.monotonic()
            await self.turn(published(), progress.now())
            await asyncio.sleep(max(_REST_SECONDS, _REST_SHARE * (time.monotonic() - began)))
            if self.is_free:
                continue
            self._wanted.clear()
            try:
                await asyncio.wait_for(self._wanted.wait(), _UNASKED_SECONDS)
            except TimeoutError:
                continue

    async def turn(self, published: Hashable, now: dt.datetime) -> None:
        """Counts once, unless nothing was published since the last time; what goes wrong is told, and the counts before stay."""
        if self.count is None:
            return
        if self.at is not None and not self.is_free and not self.trouble and published == self._seen:
            self.at = max(self.at, now)
            return
        try:
            counted = await self.count()
            self.groups, self.at = decode(counted.content).lines, counted.at
            self._seen, self.trouble = published, ""
        except WorkFailedError as error:
            self._failed(str(error))
        except msgspec.MsgspecError:
            self._failed("what was counted is not of this version; it is counted by another one")

    def _failed(self, why: str) -> None:
        if why != self.trouble:
            log.warning("completeness cannot be counted: %s", why)
        self.trouble = why

    def of(self, site: str) -> list[GroupCounted]:
        """The counts of a site, or of ``all``, in the order of the sheets and their groups."""
        return [group for group in self.groups if group.site == site]
