"""The fast runner: the steps of the topology on whole batches of records, strictly at least once.

One consumer a worker reads what its steps read, as many records at a time as there are. For each partition, a slice at a time:
fold every record, hand what follows to the partition's writer as whole batches. Every so often a partition is settled: when the
broker has all that was written for good, what is kept goes to disk, and only then may the offsets be committed. A write that
fails ends the process: its memory is ahead of the topics, and the next process folds the same records again.

Before a rebalance takes partitions away everything is settled and let go; what was read and not yet folded is dropped, and comes
again from the committed offsets. Who may fold and write what a step keeps is decided in ``streams.taking``. Faust runs this as a
service: its start and its end are the worker's.
"""

import asyncio
import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from agents.quarantine import Payload
from schemas.records import Source, Ticked
from streams.disk import DiskError
from streams.folding import Folding
from streams.steps import Emitted
from streams.taking import Held, Take
from streams.writing import end_worker

log = logging.getLogger(__name__)

SLICE = 500
"""Records that are folded in one go: some hundredths of a second, after which heartbeats and others have their turn."""

POLL_MS = 200
MOST_AT_ONCE = 4_000
"""Records that one poll brings."""

LOOK_SECONDS = 0.5
"""How often a worker looks at the clock, and at which partitions it has."""

SETTLE_SECONDS = 0.5
"""How often what was written is made last; readers see it before."""


@dataclass
class AtWork:
    """A step in this worker, with the partitions that it has."""

    folding: Folding
    take: Take
    held: dict[int, Held] = field(default_factory=dict)

    async def of(self, partition: int) -> Held:
        """The partition, taken if it is not ours yet."""
        held = self.held.get(partition)
        if held is None:
            try:
                held = self.held[partition] = await self.take(partition)
            except (KafkaError, DiskError) as error:
                end_worker(f"what {self.folding.step.name} keeps", error)
        return held

    async def settle(self, partition: int) -> None:
        """All that follows from what was folded is on the broker for good, and on disk."""
        held = self.held.get(partition)
        if held is not None:
            try:
                held.kept.settle(await held.writer.settle())
            except DiskError as error:
                end_worker(f"what {self.folding.step.name} keeps", error)

    async def let_go(self, partition: int) -> None:
        """It is not ours any more."""
        held = self.held.pop(partition, None)
        if held is not None:
            await held.close()


@dataclass(frozen=True, slots=True)
class Joined:
    """What the runner works with: clients, not yet started, and the steps; ``leave`` tells the group that we do not come back."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    steps: Sequence[AtWork]
    leave: Callable[[], Awaitable[None]]


Join = Callable[[], Awaitable[Joined]]
"""Makes it, in the runner's event loop."""


@dataclass
class Progress:
    """How far each partition was folded, and how far that can be lost no more; offsets of the next record."""

    folded: dict[TopicPartition, int] = field(default_factory=dict)
    times: dict[TopicPartition, list[float]] = field(default_factory=lambda: defaultdict(list))  # of records not yet settled
    settled: dict[TopicPartition, int] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)


class FastRunner(Service, ConsumerRebalanceListener):  # type: ignore[misc]  # neither ships types
    """Reads, folds, writes, settles, commits."""

    def __init__(self, join: Join, when_ready: Callable[[], None]) -> None:
        super().__init__()
        self._join, self._when_ready = join, when_ready
        self._consumer: AIOKafkaConsumer
        self._producer: AIOKafkaProducer
        self._leave: Callable[[], Awaitable[None]]
        self._steps: Sequence[AtWork] = ()
        self._readers: dict[str, list[AtWork]] = {}  # by topic
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)  # one a partition: a fold and its write are one
        self._assigned: set[TopicPartition] = set()
        self._times_assigned = 0
        self._has_joined = False
        self._progress = Progress()
        self._is_ready = False

    # --- as Faust starts and stops it

    async def on_start(self) -> None:
        """Joins the group."""
        try:
            joined = await self._join()
            self._consumer, self._producer = joined.consumer, joined.producer
            self._steps, self._leave = joined.steps, joined.leave
            topics = {topic for step in self._steps for topic in step.folding.step.all_read}
            self._readers = {
                topic.name: [each for each in self._steps if topic in each.folding.step.all_read] for topic in topics
            }
            await self._producer.start()
            self._consumer.subscribe(sorted(self._readers), listener=self)
            await self._consumer.start()
        except KafkaError as error:
            end_worker("the group", error)
        for task in (self._read(), self._keep_settling(), self._keep_looking()):
            self.add_future(_ending(task))

    async def on_stop(self) -> None:
        """Makes all last, and lets go."""
        await self._give_up()
        await self._consumer.stop()
        await self._producer.stop()
        await self._leave()

    # --- as the group gives and takes partitions

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ANN401, ARG002  # aiokafka has no types; all are taken
        """Makes all last before others may have it."""
        try:
            await self._give_up()
        except Exception as error:  # noqa: BLE001  # aiokafka would log it and go on
            end_worker("what was folded", error)

    async def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ANN401  # aiokafka has no types
        """Begins anew, at what was committed."""
        self._times_assigned += 1
        self._assigned = set(assigned)
        self._progress = Progress()
        self._has_joined = True

    async def _give_up(self) -> None:
        gone, self._assigned = self._assigned, set()
        self._times_assigned += 1
        for partition in sorted({place.partition for place in gone}):
            async with self._locks[partition]:
                await self._settle(partition)
        await self._commit()
        for step in self._steps:
            for partition in list(step.held):
                async with self._locks[partition]:
                    await step.let_go(partition)

    # --- reading and folding

    async def _read(self) -> None:
        while not self.should_stop:
            found = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=MOST_AT_ONCE)
            times = self._times_assigned  # not before: a rebalance may have come and gone while it waited
            if found:
                await asyncio.gather(*(self._fold(place, records, times) for place, records in found.items()))

    async def _fold(self, place: TopicPartition, records: list[Any], times: int) -> None:
        for begin in range(0, len(records), SLICE):
            async with self._locks[place.partition]:
                if times != self._times_assigned or place not in self._assigned:
                    return  # given to others in the meantime, or to us again: it comes once more
                await self._fold_slice(place, records[begin : begin + SLICE])

    async def _fold_slice(self, place: TopicPartition, records: list[Any]) -> None:
        payloads = [_payload(record) for record in records]
        for step in self._readers[place.topic]:
            held = await step.of(place.partition)
            held.kept.expect([payload.key for payload in payloads])
            following: list[Emitted] = []
            for payload in payloads:
                follows, reason = step.folding.follows(payload, held)
                following += follows
                if step.folding.is_at_limit(payload, reason):
                    await self._stop_at_limit(held, following, payload)
                    step.folding.stop_at_limit(payload, reason)
            if following:
                await held.writer.write(following)
        self._progress.folded[place] = records[-1].offset + 1
        self._progress.times[place] += [record.timestamp / 1000 for record in records]

    async def _stop_at_limit(self, held: Held, following: list[Emitted], payload: Payload) -> None:
        """What came before it is not lost, nor is the word about it."""
        await held.writer.write(following)
        place = TopicPartition(payload.source.topic, payload.source.partition)
        self._progress.folded[place] = payload.source.offset
        await self._settle(place.partition)
        await self._commit()

    # --- making it last

    async def _keep_settling(self) -> None:
        """One partition after the other, so that the others go on."""
        while not self.should_stop:
            partitions = sorted({place.partition for place in self._assigned}) or [0]
            for partition in partitions:
                await asyncio.sleep(SETTLE_SECONDS / len(partitions))
                async with self._locks[partition]:
                    await self._settle(partition)
            await self._commit()

    async def _settle(self, partition: int) -> None:
        """With the partition's lock held."""
        progress = self._progress
        places = [place for place, folded in progress.folded.items() if place.partition == partition]
        if all(progress.settled.get(place) == progress.folded[place] for place in places):
            return
        for step in self._steps:
            await step.settle(partition)
        for place in places:
            progress.settled[place] = progress.folded[place]
            self._count(place, progress.times.pop(place, []))

    async def _commit(self) -> None:
        """Offsets of what can be lost no more. Refused when the partition is another worker's by now: then it folds again."""
        progress = self._progress
        new = {place: offset for place, offset in progress.settled.items() if progress.committed.get(place) != offset}
        if not new:
            return
        try:
            await self._consumer.commit(new)
        except KafkaError as error:
            log.warning("offsets were not committed (%s); what was folded since comes once more", type(error).__name__)
            return
        progress.committed.update(new)

    # --- looking around

    async def _keep_looking(self) -> None:
        while not self.should_stop:
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Takes what the group gave, announces deadlines that have passed, and counts."""
        times, assigned = self._times_assigned, self._assigned
        await asyncio.gather(*(self._take(partition, times) for partition in sorted({place.partition for place in assigned})))
        if times != self._times_assigned or not self._has_joined:
            return
        for step in self._steps:
            await self._tick(step)
            self._count_held(step)
        if not self._is_ready:
            self._is_ready = True
            self._when_ready()

    async def _take(self, partition: int, times: int) -> None:
        async with self._locks[partition]:
            for step in self._steps:
                if times == self._times_assigned:
                    await step.of(partition)

    async def _tick(self, step: AtWork) -> None:
        """An idle topic gets no ticks."""
        topic, now = step.folding.step.ticks, step.folding.around.clock()
        if topic is None:
            return
        for held in list(step.held.values()):
            if not held.is_ticking and held.kept.is_due(now):
                held.is_ticking = True
                await self._producer.send(topic.name, topic.wire.encode(Ticked(at=now)), b"", held.partition)

    def _count(self, place: TopicPartition, times: list[float]) -> None:
        for step in self._readers[place.topic]:
            metrics, now = step.folding.around.metrics, step.folding.around.clock()
            if metrics is not None:
                metrics.done(step.folding.step.name, place.topic, times, now)

    def _count_held(self, step: AtWork) -> None:
        metrics = step.folding.around.metrics
        if metrics is not None:
            metrics.has(step.folding.step.name, step.held.values(), self._lags(step))

    def _lags(self, step: AtWork) -> dict[tuple[str, int], int]:
        """By topic and partition, how many messages a step has not taken; on the embedded broker a batch too few."""
        ours = {topic.name for topic in step.folding.step.all_read}
        lags = {}
        for place, folded in self._progress.folded.items():
            end = self._consumer.highwater(place) if place.topic in ours and place in self._assigned else None
            if end is not None:
                lags[place.topic, place.partition] = max(0, end - folded)
        return lags


async def _ending(task: Any) -> None:  # noqa: ANN401  # a coroutine
    """A task of a worker never fails by itself."""
    try:
        await task
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is: half a worker is worse than none
        end_worker("the stream", error)


def _payload(record: Any) -> Payload:  # noqa: ANN401  # aiokafka has no types
    at = dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC)
    source = Source(topic=record.topic, partition=record.partition, offset=record.offset)
    return Payload(source, at, record.value or b"", record.key or b"")
