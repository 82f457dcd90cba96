"""The stock runner: puts the steps of the topology on Faust's agents, one message after the other, strictly at least once.

For each message: fold it, hand what follows to the writer, and acknowledge the message only when the broker has what follows for
good, and what follows from those before it. A write that fails ends the process: its memory is ahead of the topics, and the next
process folds the message again. One agent a step reads all its topics: a fold and its write are one. Who may fold and write what
a step keeps is in ``streams.ownership``. Workers use ``streams.fast`` unless they are told otherwise; both pass the same tests.
"""

import asyncio
import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import faust
from aiokafka.errors import KafkaError

from agents.quarantine import Payload
from schemas.records import Source, Ticked
from schemas.topics import AnyTopic
from streams.acknowledging import Acknowledgement, InOrder
from streams.counting import WorkerMetrics
from streams.folding import Around, Folding
from streams.ownership import Owned, Ownership, fenced, unfenced
from streams.steps import Emitted, Given, Step, Topology
from streams.writing import SharedWriter, end_worker

LOOK_SECONDS = 0.5
"""How often a worker looks at the clock, and at which partitions it has."""

COMMIT_SECONDS = 0.25
"""How often what was written is made last; readers see it before."""


def attach(
    app: faust.App,
    topology: Topology,
    names: tuple[str, ...],
    given: Given,
    around: Around,
) -> list["Running"]:
    """Attaches the steps of these names to the application."""
    shared = SharedWriter(app)
    cluster = around.cluster
    attached = []
    for name in names:
        step = topology.step(name)
        working = step.build(given)
        take_over = fenced(cluster, name, step.keeps, working) if cluster and step.keeps else unfenced(shared)
        ownership = Ownership(take_over, lasting=cluster is None or not step.keeps)
        running = Running(app, Folding(step, working, around), ownership, shared)
        channel = app.topic(
            *(topic.name for topic in step.all_read), key_type=bytes, value_type=bytes, partitions=step.reads[0].partitions
        )
        app.agent(channel, name=step.name)(running.run)
        app.timer(LOOK_SECONDS)(_named(running.look, f"{name}-look"))
        app.task(_named(running.keep_committing, f"{name}-commit"))
        attached.append(running)
    app.on_before_shutdown.connect(_closing(attached))
    return attached


@dataclass
class Running:
    """A step at work in this process."""

    app: faust.App
    folding: Folding
    ownership: Ownership
    shared: SharedWriter
    taken: dict[tuple[str, int], int] = field(default_factory=dict)  # by topic and partition, the offset of the last message
    in_order: dict[tuple[str, int], InOrder] = field(default_factory=lambda: defaultdict(InOrder))

    @property
    def step(self) -> Step:
        """Which step it is."""
        return self.folding.step

    @property
    def metrics(self) -> WorkerMetrics | None:
        """Where things are counted, if anywhere."""
        return self.folding.around.metrics

    async def run(self, stream: Any) -> None:  # noqa: ANN401  # Faust's type
        """The agent: one message after the other, each acknowledged when all that follows from it is."""
        events: AsyncIterator[Any] = stream.noack().events()
        async for event in events:
            source = event.message
            self.taken[source.topic, source.partition] = source.offset
            done = self._counted(source, event.ack)
            acknowledge = Acknowledgement(self.in_order[source.topic, source.partition].take(done))
            owned = await self._owned(source.partition, source.generation_id)
            payload = _payload(source)
            records, reason = self.folding.follows(payload, owned)
            for emitted in records:
                own = owned.partition if emitted.topic is self.step.keeps else None
                await owned.writer.send(emitted, own, acknowledge.one_more())
            if self.folding.window(payload.source).reached(source.offset, reason):
                self.folding.stop_at_limit(payload, reason)
            acknowledge.all_sent()

    async def look(self) -> None:
        """Takes over what this worker was given, lets go of what it has lost, and announces deadlines that have passed."""
        if self.app.rebalancing:
            return
        try:
            await self.ownership.only(self.assigned(), self.app.consumer_generation_id)
        except KafkaError as error:
            end_worker(f"what {self.step.name} keeps", error)
        if self.metrics:
            ours = self.assigned()  # a step that keeps nothing never lets go of what it once had
            self.metrics.has(self.step.name, [each for each in self.ownership.all if each.partition in ours], self._lags())
        if self.step.ticks is not None:
            await self._tick(self.step.ticks)

    async def keep_committing(self) -> None:
        """Until the very end: unlike a timer of Faust, which stops before the messages that are under way are through."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.ownership.commit()

    def assigned(self) -> set[int]:
        """The partitions that this worker was given."""
        return {place.partition for place in self.app.consumer.assignment() if place.topic == self.step.reads[0].name}

    def _counted(self, source: Any, acknowledge: Callable[[], object]) -> Callable[[], object]:  # noqa: ANN401  # Faust's type
        """Acknowledges, and counts that it did."""
        metrics = self.metrics
        if metrics is None:
            return acknowledge

        def done() -> None:
            acknowledge()
            metrics.done(self.step.name, source.topic, [source.timestamp], self.folding.around.clock())

        return done

    def _lags(self) -> dict[tuple[str, int], int]:
        """By topic and partition, how many messages this step has not taken; on the embedded broker a batch too few."""
        ours = self.assigned()
        self.taken = {place: offset for place, offset in self.taken.items() if place[1] in ours}
        lags = {}
        for place in self.app.consumer.assignment():
            if place.topic in {topic.name for topic in self.step.all_read}:
                end = self.app.consumer.highwater(place)
                last = self.taken.get((place.topic, place.partition))
                if end is not None and last is not None:
                    lags[place.topic, place.partition] = max(0, end - last - 1)
        return lags

    async def _owned(self, partition: int, generation: int) -> Owned:
        try:
            return await self.ownership.of(partition, generation)
        except KafkaError as error:
            end_worker(f"what {self.step.name} keeps", error)

    async def _tick(self, topic: AnyTopic) -> None:
        """An idle topic gets no ticks."""
        now = self.folding.around.clock()
        for owned in self.ownership.all:
            if not owned.is_ticking and owned.kept.is_due(now):
                owned.is_ticking = True
                await self.shared.send(Emitted(topic, b"", topic.wire.encode(Ticked(at=now))), owned.partition, lambda: None)


def _named(call: Callable[[], Awaitable[None]], name: str) -> Callable[[], Awaitable[None]]:
    """A coroutine function of its own, which Faust names its tasks after."""

    async def task() -> None:
        await call()

    task.__qualname__ = task.__name__ = name
    return task


def _closing(attached: list[Running]) -> Callable[..., Awaitable[None]]:
    async def close(*_: object, **__: object) -> None:
        await asyncio.gather(*(running.ownership.close() for running in attached))

    return close


def _payload(message: Any) -> Payload:  # noqa: ANN401  # as above
    at = dt.datetime.fromtimestamp(message.timestamp, dt.UTC)
    source = Source(topic=message.topic, partition=message.partition, offset=message.offset)
    return Payload(source, at, message.value or b"", message.key or b"")
