"""Where the records of a step go: to the producer that all share, or to one that only the owner of a partition can have.

A write that fails ends the process: what it has in memory is ahead of the topics, and the next process folds the message again.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced

from schemas.kafka import KafkaSettings
from streams.steps import Emitted

log = logging.getLogger(__name__)

WRITE_FAILED = 70
"""Exit status of a worker whose write was not acknowledged (EX_SOFTWARE)."""

Done = Callable[[], object]

_TRANSACTION_TIMEOUT_MS = 15_000  # after which the broker undoes what a worker that hangs has begun

TRANSACTION_ERRORS = (KafkaError, AssertionError)
"""What aiokafka raises; it asserts its states."""


class Writer(Protocol):
    """Takes records on their way; ``done`` is called when a record can be lost no more."""

    async def send(self, emitted: Emitted, partition: int | None, done: Done) -> None:
        """Hands a record over."""
        ...

    async def commit(self) -> None:
        """Makes what was handed over last."""
        ...

    async def close(self) -> None:
        """Lets go; what was not made last is undone."""
        ...


class SharedWriter:
    """The application's own producer: for records that do no harm when they come twice or late."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._topics: dict[str, Any] = {}

    async def send(self, emitted: Emitted, partition: int | None, done: Done) -> None:
        """Hands the record to the producer; ``done`` is called when the broker has acknowledged it."""
        name = emitted.topic.name
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = self._app.topic(name, key_type=bytes, value_type=bytes)
        future = await topic.send(key=emitted.key, value=emitted.value, partition=partition)
        future.add_done_callback(lambda written: _acknowledged(written, name, done))
        if emitted.first:
            await asyncio.wait([future])

    async def commit(self) -> None:
        """Nothing: each record is acknowledged by itself."""

    async def close(self) -> None:
        """Nothing: the application ends its producer."""


class OwnersWriter:
    """A producer whose name the broker gives to one process at a time: whoever had it before can write no more.

    What it writes is in transactions, for the sake of the name: a worker that was paused, and wakes up after another one has
    taken its partitions over, is refused by the broker instead of putting old state behind new. ``done`` is called after the
    commit, since compaction drops what was never committed.
    """

    def __init__(self, kafka: KafkaSettings, name: str) -> None:
        self._name = name
        self._producer = owners_producer(kafka, name, linger_ms=5, max_batch_size=256 * 1024)
        self._lock = asyncio.Lock()
        self._is_open = False
        self._waiting: list[Done] = []

    async def take_over(self) -> None:
        """From now on nobody else can write under this name; what the one before had not committed is undone.

        Raises:
            KafkaError: the broker does not let us.
        """
        await self._producer.start()

    async def send(self, emitted: Emitted, partition: int | None, done: Done) -> None:
        """Hands the record to the producer, in the transaction that is open."""
        async with self._lock:
            try:
                if not self._is_open:
                    await self._producer.begin_transaction()
                    self._is_open = True
                future = await self._producer.send(emitted.topic.name, key=emitted.key, value=emitted.value, partition=partition)
            except TRANSACTION_ERRORS as error:
                end_worker(f"a write to {emitted.topic.name}", error)
            self._waiting.append(done)
        future.add_done_callback(lambda written: _acknowledged(written, emitted.topic.name, lambda: None))

    async def commit(self) -> None:
        """Ends the transaction, waits until all of it is on the broker for good, and says so for each record."""
        async with self._lock:
            if not self._is_open:
                return
            try:
                await self._producer.commit_transaction()
            except TRANSACTION_ERRORS as error:
                end_worker(f"what {self._name} wrote", error)
            self._is_open = False
            waiting, self._waiting = self._waiting, []
        for done in waiting:
            done()

    async def close(self) -> None:
        """Lets go; what is in an open transaction will be undone by whoever takes over."""
        await self._producer.stop()


def owners_producer(kafka: KafkaSettings, name: str, **settings: int) -> AIOKafkaProducer:
    """A producer of which the broker lets only the latest with this name write, from its ``start`` on."""
    return AIOKafkaProducer(
        **kafka.aiokafka_settings, transactional_id=name, transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS, **settings
    )


def _acknowledged(written: "asyncio.Future[object]", topic: str, done: Done) -> None:
    error = written.exception() if not written.cancelled() else asyncio.CancelledError()
    if error is None:
        done()
    else:
        end_worker(f"a write to {topic}", error)


def end_worker(what: str, error: BaseException) -> NoReturn:
    """Ends the process at once; the next one begins with the last commit."""
    if isinstance(error, ProducerFenced):
        log.critical(
            "another worker has taken over: %s was refused; this one ends, and joins the others when it is started again", what
        )
    else:
        log.critical(
            "%s was not acknowledged (%s); this worker ends and starts again from its last commit", what, type(error).__name__
        )
    logging.shutdown()
    os._exit(WRITE_FAILED)
