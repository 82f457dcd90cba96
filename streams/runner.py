"""The one runner: puts the steps of the topology on Faust, strictly at least once.

For each message: run the guarded step, hand what follows to the producer, keep it in the table, and acknowledge the message only
when the broker has acknowledged the write. A failed write ends the process: its memory is ahead of the changelog, and the next
process folds the message again. One agent a step reads all its topics, one message after the other: a fold and its write are one.
"""

import asyncio
import datetime as dt
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import faust

from agents.quarantine import Payload, Reason
from schemas.records import Source, Ticked
from schemas.topics import TICKS, AnyTopic
from schemas.wire import UndecodableError
from streams.deadlines import Deadlines
from streams.guard import guarded
from streams.limits import LIMIT_REACHED, VARIABLE, Limits, reason_of
from streams.steps import Emitted, Given, Message, Step, Topology, Working
from streams.table import published_table

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""How often the clock is looked at."""

Clock = Callable[[], dt.datetime]
"""The time, in UTC."""

WRITE_FAILED = 70
"""Exit status of a worker whose write was not acknowledged (EX_SOFTWARE)."""


def attach(app: faust.App, topology: Topology, names: tuple[str, ...], given: Given, clock: Clock, limits: Limits) -> None:
    """Attaches the steps of these names to the application."""
    publish = Publisher(app)
    for name in names:
        step = topology.step(name)
        table = published_table(app, step.name, step.keeps) if step.keeps else None
        running = Running(step, step.build(given), table, publish, limits)
        channel = app.topic(
            *(topic.name for topic in step.all_read), key_type=bytes, value_type=bytes, partitions=step.reads[0].partitions
        )
        app.agent(channel, name=step.name)(running.run)
        if step.ticks is not None and running.table is not None:
            running.table.on_recover(running.index)
            app.timer(TICK_SECONDS)(_ticker(app, running, step.ticks, clock))


@dataclass
class Publisher:
    """Sends records and calls back when the broker has them; ends the process when it does not take one."""

    app: faust.App
    _topics: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, emitted: Emitted, partition: int | None, done: Callable[[], object]) -> None:
        """Hands the record to the producer; ``done`` is called when the broker has acknowledged it."""
        topic = self._topics.get(emitted.topic.name)
        if topic is None:
            topic = self._topics[emitted.topic.name] = self.app.topic(emitted.topic.name, key_type=bytes, value_type=bytes)
        future = await topic.send(key=emitted.key, value=emitted.value, partition=partition)
        future.add_done_callback(lambda written: _acknowledged(written, emitted.topic.name, done))
        if emitted.first:
            await asyncio.wait([future])


def _acknowledged(written: "asyncio.Future[object]", topic: str, done: Callable[[], object]) -> None:
    error = written.exception() if not written.cancelled() else asyncio.CancelledError()
    if error is None:
        done()
        return
    log.critical(
        "a write to %s was not acknowledged (%s); this worker ends and starts again from its last commit",
        topic,
        type(error).__name__,
    )
    logging.shutdown()
    os._exit(WRITE_FAILED)


@dataclass
class Running:
    """A step at work in this process."""

    step: Step
    working: Working
    table: Any  # Faust's type
    publish: Publisher
    limits: Limits
    deadlines: Deadlines = field(default_factory=Deadlines)
    ticking: set[int] = field(default_factory=set)  # partitions with a tick on its way

    async def run(self, stream: Any) -> None:  # noqa: ANN401  # Faust's type
        """The agent: one message after the other, each acknowledged when all that follows from it is."""
        events: AsyncIterator[Any] = stream.noack().events()
        async for event in events:
            source = event.message
            acknowledge = Acknowledgement(event.ack)
            reason: Reason | None = None
            for message in self._messages(source):
                for emitted in guarded(self.step.name, self.working, message, _payload(source)):
                    reason = reason_of(emitted) or reason
                    keeps = emitted.topic == self.step.keeps
                    await self.publish(emitted, source.partition if keeps else None, acknowledge.one_more())
                    if keeps:
                        self.table[emitted.key] = emitted.value
                        self.deadlines.note(emitted.key, emitted.deadline)
            if self.limits.reached((self.step.name, source.topic, source.partition), source.offset, reason):
                _stop_at_limit(source, reason, self.limits.most)
            acknowledge.all_sent()

    async def index(self) -> None:
        """After recovery: the deadlines of all that is kept."""
        self.ticking.clear()
        if self.working.deadline is not None:
            for key, kept in self.table.items():
                self.deadlines.note(key, self.working.deadline(kept))

    def _messages(self, source: Any) -> list[Message]:  # noqa: ANN401  # Faust's type
        """The message itself; a tick once for each key that it is for."""
        key, value = source.key or b"", source.value or b""
        if self.step.ticks is None or source.topic != self.step.ticks.name:
            return [Message(key, value, self._kept(key))]
        self.ticking.discard(source.partition)
        try:
            tick = TICKS.wire.decode(value)
        except UndecodableError:
            return [Message(key, b"")]  # the guard finds that it is nothing, whatever else it may be, and quarantines it
        return [Message(due, value, self._kept(due)) for due in self.deadlines.due(source.partition, tick.at)]

    def _kept(self, key: bytes) -> bytes | None:
        kept: bytes | None = self.table.get(key) if self.table is not None else None
        return kept


def _ticker(app: faust.App, running: Running, topic: AnyTopic, clock: Clock) -> Callable[[], Awaitable[None]]:
    """Announces that deadlines have passed, to the partitions that this process has; an idle topic gets no ticks."""

    async def tick() -> None:
        now = clock()
        for partition in sorted(tp.partition for tp in app.consumer.assignment() if tp.topic == topic.name):
            if partition not in running.ticking and running.deadlines.is_due(partition, now):
                running.ticking.add(partition)
                emitted = Emitted(topic, b"", topic.wire.encode(Ticked(at=now)))
                await running.publish(emitted, partition, lambda: None)

    return tick


class Acknowledgement:
    """Calls back once: when everything that was counted has been acknowledged and no more will come."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._open = 1

    def one_more(self) -> Callable[[], None]:
        """Counts one write; what is returned is called when it is acknowledged."""
        self._open += 1
        return self.all_sent

    def all_sent(self) -> None:
        """One less to wait for."""
        self._open -= 1
        if self._open == 0:
            self._call()


def _stop_at_limit(message: Any, reason: Reason | None, most: int) -> None:  # noqa: ANN401  # Faust's type
    """Ends the process before the message is acknowledged: the next one begins with it, or a little before."""
    log.critical(
        "stopped at %s, partition %d, offset %d: more than %d of the last %d messages could not be used, the latest for %s (%s). "
        "See `nccid quarantine list`, mend the cause and start again; %s raises the limit, 0 lifts it",
        message.topic,
        message.partition,
        message.offset,
        most,
        2 * most,
        reason,
        reason.words if reason else "",
        VARIABLE,
    )
    logging.shutdown()
    os._exit(LIMIT_REACHED)


def _payload(message: Any) -> Payload:  # noqa: ANN401  # as above
    at = dt.datetime.fromtimestamp(message.timestamp, dt.UTC)
    source = Source(topic=message.topic, partition=message.partition, offset=message.offset)
    return Payload(source, at, message.value or b"", message.key or b"")
