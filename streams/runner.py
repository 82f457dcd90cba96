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

from agents.quarantine import Payload
from schemas.records import Source
from streams.guard import guarded
from streams.table import published_table
from streams.topology import Emitted, Given, Message, Step, Topology

log = logging.getLogger(__name__)

WRITE_FAILED = 70
"""Exit status of a worker whose write was not acknowledged (EX_SOFTWARE)."""


def attach(app: faust.App, topology: Topology, names: tuple[str, ...], given: Given) -> None:
    """Attaches the steps of these names to the application."""
    publish = Publisher(app)
    for name in names:
        step = topology.step(name)
        table = published_table(app, step.name, step.keeps) if step.keeps else None
        channel = app.topic(
            *(topic.name for topic in step.reads), key_type=bytes, value_type=bytes, partitions=step.reads[0].partitions
        )
        app.agent(channel, name=step.name)(_agent(step, step.build(given), table, publish))


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


def _agent(step: Step, working: Any, table: Any, publish: Publisher) -> Callable[[Any], Awaitable[None]]:  # noqa: ANN401  # Faust's types
    async def run(stream: Any) -> None:  # noqa: ANN401  # as above
        events: AsyncIterator[Any] = stream.noack().events()
        async for event in events:
            source = event.message
            kept = table.get(source.key) if table is not None else None
            emitted = guarded(step.name, working, Message(source.key or b"", source.value or b"", kept), _payload(source))
            keeps = emitted.topic == step.keeps
            await publish(emitted, source.partition if keeps else None, event.ack)
            if keeps:
                table[emitted.key] = emitted.value

    run.__name__ = step.name
    return run


def _payload(message: Any) -> Payload:  # noqa: ANN401  # as above
    at = dt.datetime.fromtimestamp(message.timestamp, dt.UTC)
    return Payload(Source(topic=message.topic, partition=message.partition, offset=message.offset), at, message.value or b"")
