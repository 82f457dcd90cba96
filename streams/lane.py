"""A lane: one partition in a worker from when the group gives it to when it takes it away, for all steps that read it.

What is folded in a lane, written, settled and let go of happens one after the other, under the lane's lock; lanes do not wait
for each other. A lane that is over does nothing more: what was read for it and not yet folded comes again, to whoever has it.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaError

from agents.quarantine import Payload
from schemas.records import Source
from streams.disk import DiskError
from streams.folding import Folding
from streams.keeping import Part
from streams.steps import Emitted
from streams.taking import Held, Take
from streams.writing import end_worker

SLICE = 1_000
"""Records that are folded in one go: less than a tenth of a second, after which heartbeats and others have their turn."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """A step in this worker, and how it takes a partition."""

    folding: Folding
    take: Take

    @property
    def name(self) -> str:
        """The step's."""
        return self.folding.step.name


@dataclass
class Lane:
    """One partition; offsets are those of the next record, by topic."""

    number: int
    steps: Sequence[AtWork]
    readers: Mapping[str, Sequence[AtWork]]  # by topic
    folded: dict[str, int] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    is_over: bool = False
    is_settling: bool = False
    _held: dict[str, Held] = field(default_factory=dict)  # by step
    _times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by topic, of records not yet settled
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _taking: "asyncio.Task[None] | None" = None

    def parts(self) -> Iterable[tuple[AtWork, Part]]:
        """The steps that have taken it."""
        return [(step, self._held[step.name]) for step in self.steps if step.name in self._held]

    @property
    def is_taken(self) -> bool:
        """Whether all steps have."""
        return len(self._held) == len(self.steps)

    async def take(self) -> None:
        """Takes the partition for all steps; may take as long as it takes to read what they keep. Not when the lane is over."""
        if self.is_over:
            return  # it is another worker's by now, whom taking it would put out
        if self._taking is None:
            self._taking = asyncio.create_task(self._take())
        await asyncio.wait([self._taking])
        if not self._taking.cancelled():
            self._taking.result()

    async def fold(self, topic: str, records: Sequence[Any], before_stop: Callable[[], Any]) -> None:
        """Folds records of a topic, and hands over what follows; ``before_stop`` is awaited where a limit stops the worker."""
        await self.take()
        for begin in range(0, len(records), SLICE):
            async with self._lock:
                if self.is_over:
                    return
                await self._fold_slice(topic, records[begin : begin + SLICE], before_stop)

    async def settle(self) -> None:
        """All that follows from what was folded is on the broker for good, and what is kept on disk."""
        if self.is_settling:
            return
        self.is_settling = True
        try:
            async with self._lock:
                await self._settle()
        finally:
            self.is_settling = False

    async def end(self) -> None:
        """Makes last what was folded; nothing more is."""
        self.is_over = True
        if self._taking is not None:
            self._taking.cancel()
        async with self._lock:
            await self._settle()

    async def let_go(self) -> None:
        """Closes what was taken."""
        async with self._lock:
            for held in self._held.values():
                await held.close()
            self._held.clear()

    async def _take(self) -> None:
        async with self._lock:
            for step in self.steps:
                try:
                    self._held[step.name] = await step.take(self.number)
                except (KafkaError, DiskError) as error:
                    end_worker(f"what {step.name} keeps", error)

    async def _fold_slice(self, topic: str, records: Sequence[Any], before_stop: Callable[[], Any]) -> None:
        payloads = [_payload(record) for record in records]
        for step in self.readers[topic]:
            held = self._held[step.name]
            held.kept.expect([payload.key for payload in payloads])
            window = step.folding.window(payloads[0].source)
            following: list[Emitted] = []
            for payload in payloads:
                follows, reason = step.folding.follows(payload, held)
                following += follows
                if window.reached(payload.source.offset, reason):
                    await self._last(held, following, payload)
                    await before_stop()
                    step.folding.stop_at_limit(payload, reason)
            if following:
                await held.writer.write(following)
        self.folded[topic] = records[-1].offset + 1
        self._times[topic] += [record.timestamp / 1000 for record in records]

    async def _last(self, held: Held, following: list[Emitted], payload: Payload) -> None:
        """Before a limit stops the worker: what came before the message is not lost, nor is the word about it."""
        await held.writer.write(following)
        self.folded[payload.source.topic] = payload.source.offset
        await self._settle()

    async def _settle(self) -> None:
        if self.settled == self.folded:
            return
        for held in self._held.values():
            try:
                held.kept.settle(await held.writer.settle())
            except DiskError as error:
                end_worker("what is kept", error)
        self.settled = dict(self.folded)
        for topic, times in self._times.items():
            for step in self.readers[topic]:
                if metrics := step.folding.around.metrics:
                    metrics.done(step.name, topic, times, step.folding.around.clock())
        self._times.clear()


def _payload(record: Any) -> Payload:  # noqa: ANN401  # aiokafka has no types
    at = dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC)
    source = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    return Payload(source, at, record.value or b"", record.key or b"")
