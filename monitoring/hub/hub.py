"""The hub's state and its work in the background: follows the topics, tells watchers, keeps a snapshot."""

import asyncio
import datetime as dt
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from monitoring.hub.answers import site_json
from monitoring.hub.changes import Changes
from monitoring.hub.completeness import Completeness
from monitoring.hub.following import Following
from monitoring.hub.known import Known, Moved
from monitoring.hub.large_pages import keep_in_large_pages
from monitoring.hub.progress import Progress
from monitoring.hub.snapshot import Snapshots
from schemas.alerts import Alert
from schemas.kafka import KafkaSettings
from schemas.sites import Sites
from schemas.wire import Wire

_TELL_SECONDS = 0.2  # at most so often is a site's coverage told
_SNAPSHOT_SECONDS = 300.0
_LINE_SECONDS = 5.0
_LINE_LENGTH = 720  # an hour

Point = tuple[float, int, int]
"""Seconds since 1970, patients, complete ones."""


@dataclass
class Hub:
    """What every request looks at."""

    sites: Sites
    now: Callable[[], dt.datetime]
    progress: Progress
    following: Following = field(init=False)
    changes: Changes = field(default_factory=Changes)
    lines: dict[str, deque[Point]] = field(default_factory=dict)
    completeness: Completeness = field(default_factory=lambda: Completeness(None))
    _moved_sites: set[str] = field(default_factory=set)
    _turned: list[Alert] = field(default_factory=list)
    _snapshots: Snapshots | None = None
    _still: Known | None = None

    @classmethod
    def on(
        cls,
        kafka: KafkaSettings,
        sites: Sites,
        now: Callable[[], dt.datetime],
        snapshots: Snapshots | None = None,
        *,
        embedded: bool = False,
    ) -> "Hub":
        """The hub of a cluster, with what the snapshot knows."""
        hub = cls(sites, now, Progress(now), _snapshots=snapshots)
        known = snapshots.load() if snapshots else Known()
        wait = 60 if embedded else 250
        hub.following = Following(kafka, known, hub.progress, hub.moved, fetch_wait_ms=wait, ends_are_right=not embedded)
        return hub

    @property
    def known(self) -> Known:
        """All that is known now."""
        return self.following.known

    def moved(self, moved: Moved) -> None:
        """Remembers what to tell next. While old news is being read, alerts are not told one by one."""
        if self._still is not self.known:  # everything is read anew
            self._still = self.known
            self._moved_sites |= set(self.sites)
        self._moved_sites |= moved.sites
        if self.progress.caught_up:
            self._turned += moved.alerts

    async def run(self) -> None:
        """Works until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            counting = self.completeness.run(self.progress, lambda: tuple(sorted(self.known.offsets.items())))
            for work in (self.following.run(), self._tell(), self._draw(), self._keep(), counting, keep_in_large_pages()):
                tasks.create_task(work)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            if self._moved_sites or self._turned:
                self.tell()

    def tell(self) -> None:
        """Tells watchers what has changed since the last time."""
        sites, self._moved_sites = self._moved_sites, set()
        alerts, self._turned = self._turned, []
        for site in sorted(sites):
            self.changes.add("coverage", site, site_json(self.known.view, site, self.now().date()))
        for alert in alerts:
            self.changes.add("alert", alert.site, Wire.encode(alert))
        self.changes.tell()

    async def _draw(self) -> None:
        """Adds a point to the line of each site, for the chart of the last hour."""
        while True:
            if self.progress.caught_up:
                at = round(time.time(), 1)
                for code, counted in self.known.view.coverage().items():
                    line = self.lines.setdefault(code, deque(maxlen=_LINE_LENGTH))
                    line.append((at, counted.cases, counted.states["complete"]))
            await asyncio.sleep(_LINE_SECONDS)

    async def _keep(self) -> None:
        while self._snapshots is not None:
            await asyncio.sleep(_SNAPSHOT_SECONDS)
            await self.save()

    async def save(self) -> None:
        """Writes a snapshot, if there is a place for it and something to write, in a thread of its own."""
        if self._snapshots is not None and self.known.offsets:
            await asyncio.to_thread(self._snapshots.save, self._snapshots.copied(self.known, self.now()))
