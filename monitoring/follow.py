"""Following the status topic: a view that is kept up to date in the background, for whatever is shown live."""

import asyncio
import threading
from typing import Self

from aiokafka.errors import KafkaError
from rich.console import Group, RenderableType

from monitoring.coverage import SiteCoverage, coverage
from monitoring.reading import StatusReader
from monitoring.view import StatusView
from monitoring.words import coverage_table, flags_table
from schemas.kafka import KafkaSettings

_AGAIN_SECONDS = 0.5


class Follower:
    """A thread that reads the status topic from its beginning and goes on; a broker that comes back is read anew."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._view = StatusView()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), name="status-follower", daemon=True)
        self.changes = 0
        """How many records were read so far."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def coverage(self) -> dict[str, SiteCoverage]:
        """The coverage by site, now."""
        with self._lock:
            return coverage(self._view)

    def tables(self) -> RenderableType:
        """The coverage, to be shown in a terminal."""
        sites = self.coverage()
        return Group(coverage_table(sites), flags_table(sites))

    async def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                async with StatusReader(self._kafka) as reader:
                    await self._read(reader)
            except (KafkaError, OSError):
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _read(self, reader: StatusReader) -> None:
        while not self._stop.is_set():
            records = await reader.poll()
            with self._lock:
                for record in records:
                    self._view.apply(record)
            self.changes += len(records)
