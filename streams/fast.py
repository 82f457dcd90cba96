"""The fast runner: the steps of the topology on whole batches of records, strictly at least once.

One consumer a worker reads what its steps read, as many records at a time as there are, and gives them to the lanes of their
partitions (``streams.lane``). There, a slice at a time, every record is folded, and what follows is handed to the partition's
writer as whole batches. Every so often a lane is settled: when the broker has all that was written for good, what is kept goes to
disk, and only then may the offsets be committed. A write that fails ends the process: its memory is ahead of the topics, and the
next process folds the same records again.

Before a rebalance takes partitions away all lanes are settled and end. A lane that is busy, or still taking its partition over,
is not read for meanwhile, so nothing piles up, and the others go on. The service library of Faust (``mode``) starts and stops it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from schemas.records import Ticked
from streams.lane import AtWork, Lane
from streams.writing import end_worker

log = logging.getLogger(__name__)

POLL_MS = 200
MOST_AT_ONCE = 4_000
"""Records that one poll brings."""

BUSY_SECONDS = 0.01
"""How long to wait for a lane that is busy, when there is nothing for the others."""

LOOK_SECONDS = 0.5
"""How often a worker looks at the clock, and at which partitions it has."""

SETTLE_SECONDS = 0.5
"""How often what was written is made last; readers see it before."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What the runner works with: clients, not yet started, and the steps; ``leave`` tells the group that we do not come back."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    steps: Sequence[AtWork]
    leave: Callable[[], Awaitable[None]]


Join = Callable[[], Awaitable[Joined]]
"""Makes it, in the runner's event loop."""


class FastRunner(Service, ConsumerRebalanceListener):  # type: ignore[misc]  # neither ships types
    """Reads, has lanes fold and settle, commits."""

    def __init__(self, join: Join, when_ready: Callable[[], None]) -> None:
        super().__init__()
        self._join, self._when_ready = join, when_ready
        self._joined: Joined
        self._readers: Mapping[str, Sequence[AtWork]] = {}  # by topic
        self.lanes: dict[int, Lane] = {}
        self._assigned: set[TopicPartition] = set()
        self._committed: dict[TopicPartition, int] = {}
        self._busy: dict[TopicPartition, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_joined = self._is_ready = False

    # --- as the worker starts and stops it

    async def on_start(self) -> None:
        """Joins the group."""
        try:
            self._joined = await self._join()
            steps, consumer = self._joined.steps, self._joined.consumer
            topics = {topic for step in steps for topic in step.folding.step.all_read}
            self._readers = {topic.name: [each for each in steps if topic in each.folding.step.all_read] for topic in topics}
            await self._joined.producer.start()
            consumer.subscribe(sorted(self._readers), listener=self)
            await consumer.start()
        except KafkaError as error:
            end_worker("the group", error)
        for task in (self._read(), self._keep_settling(), self._keep_looking()):
            self._start(task)

    async def on_stop(self) -> None:
        """Makes all last, and lets go."""
        await self._give_up()
        for task in self._tasks:
            task.cancel()
        await self._joined.consumer.stop()
        await self._joined.producer.stop()
        await self._joined.leave()

    # --- as the group gives and takes partitions

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ANN401, ARG002  # aiokafka has no types; all are taken
        """Makes all last before others may have it."""
        try:
            await self._give_up()
        except Exception as error:  # noqa: BLE001  # aiokafka would log it and go on
            end_worker("what was folded", error)

    async def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ANN401  # aiokafka has no types
        """Begins anew, at what was committed. Nothing may be awaited here: what is read from now on is for the new lanes."""
        self._assigned, self._committed, self._has_joined = set(assigned), {}, True
        numbers = {place.partition for place in self._assigned}
        self.lanes = {number: Lane(number, self._joined.steps, self._readers) for number in sorted(numbers)}

    async def _give_up(self) -> None:
        lanes, self.lanes = self.lanes, {}
        await asyncio.gather(*(lane.end() for lane in lanes.values()))
        await self._commit(lanes.values())
        await asyncio.gather(*(lane.let_go() for lane in lanes.values()))

    # --- reading

    async def _read(self) -> None:
        while not self.should_stop:
            found = await self._found()
            lanes = self.lanes  # not before: a rebalance may have come and gone while it waited
            for place, records in found.items():
                lane = lanes.get(place.partition)
                if lane is not None:
                    self._busy[place] = self._start(lane.fold(place.topic, records, self._commit_now))

    async def _found(self) -> dict[TopicPartition, list[Any]]:
        """Records of partitions whose lanes are free, by partition."""
        self._busy = {place: task for place, task in self._busy.items() if not task.done()}
        busy = {place.partition for place in self._busy} | {lane.number for lane in self.lanes.values() if not lane.is_taken}
        free = [place for place in self._assigned if place.partition not in busy]
        consumer = self._joined.consumer
        found: dict[TopicPartition, list[Any]] = {}
        if free:
            found = await consumer.getmany(*free, timeout_ms=0 if self._busy else POLL_MS, max_records=MOST_AT_ONCE)
        if not found and (self._busy or not free):
            await asyncio.wait(
                [*self._busy.values(), asyncio.create_task(asyncio.sleep(BUSY_SECONDS))], return_when="FIRST_COMPLETED"
            )
        return found

    # --- making it last

    async def _keep_settling(self) -> None:
        """One lane after the other, so that an event waits for one commit at the most."""
        while not self.should_stop:
            lanes = list(self.lanes.values())
            for lane in lanes:
                await asyncio.sleep(SETTLE_SECONDS / len(lanes))
                if not (lane.is_over or lane.is_settling):
                    self._start(lane.settle())
            await asyncio.sleep(0 if lanes else SETTLE_SECONDS)
            await self._commit(lanes)

    async def _commit_now(self) -> None:
        await self._commit(self.lanes.values())

    async def _commit(self, lanes: Any) -> None:  # noqa: ANN401  # an iterable of lanes
        """Offsets of what can be lost no more. Refused when the partition is another worker's by now: then it folds again."""
        settled = {TopicPartition(topic, lane.number): offset for lane in lanes for topic, offset in lane.settled.items()}
        new = {place: offset for place, offset in settled.items() if self._committed.get(place) != offset}
        if not new:
            return
        try:
            await self._joined.consumer.commit(new)
        except KafkaError as error:
            log.warning("offsets were not committed (%s); what was folded since comes once more", type(error).__name__)
            return
        self._committed.update(new)

    # --- looking around

    async def _keep_looking(self) -> None:
        while not self.should_stop:
            for lane in self.lanes.values():
                if not lane.is_taken:
                    self._start(lane.take())
            for step in self._joined.steps:
                await self._tick(step)
                self._count(step)
            if self._has_joined and not self._is_ready and all(lane.is_taken for lane in self.lanes.values()):
                self._is_ready = True
                self._when_ready()
            await asyncio.sleep(LOOK_SECONDS if self._is_ready else BUSY_SECONDS)

    async def _tick(self, step: AtWork) -> None:
        """Announces deadlines that have passed; an idle topic gets no ticks."""
        topic, now = step.folding.step.ticks, step.folding.around.clock()
        if topic is None:
            return
        for part in self._parts(step):
            if not part.is_ticking and part.kept.is_due(now):
                part.is_ticking = True
                await self._joined.producer.send(topic.name, topic.wire.encode(Ticked(at=now)), b"", part.partition)

    def _count(self, step: AtWork) -> None:
        if metrics := step.folding.around.metrics:
            metrics.has(step.name, self._parts(step), self._lags(step))

    def _parts(self, step: AtWork) -> list[Any]:
        return [part for lane in self.lanes.values() for each, part in lane.parts() if each is step]

    def _lags(self, step: AtWork) -> dict[tuple[str, int], int]:
        """By topic and partition, how many messages a step has not taken; on the embedded broker a batch too few."""
        lags = {}
        for lane in self.lanes.values():
            for topic, folded in lane.folded.items():
                end = self._joined.consumer.highwater(TopicPartition(topic, lane.number))
                if end is not None and step in self._readers[topic]:
                    lags[topic, lane.number] = max(0, end - folded)
        return lags

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(_ending(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _ending(work: Awaitable[None]) -> None:
    """A task of a worker never fails by itself: half a worker is worse than none."""
    try:
        await work
    except Exception as error:  # noqa: BLE001  # whatever it is
        end_worker("the stream", error)
