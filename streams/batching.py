"""Writers for the fast runner: what follows from many messages goes to the broker in whole batches, one for each partition.

A write that fails ends the process, and what is kept is written under the name of its owner, as in ``streams.writing``.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic
from streams.partitions import partition_of
from streams.steps import Emitted
from streams.writing import TRANSACTION_ERRORS, end_worker, owners_producer

BATCH_BYTES = 512 * 1024
"""How large a batch becomes; a broker takes 1 MiB unless it was told otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step keeps: a partition of its compacted topic."""

    topic: AnyTopic
    partition: int


class BatchWriter(Protocol):
    """Takes records on their way; after ``settle`` none of those handed over before can be lost."""

    async def write(self, records: Iterable[Emitted]) -> None:
        """Hands records over, in order within each partition."""
        ...

    async def settle(self) -> int | None:
        """Waits until all is on the broker for good; the offset behind the last record that is kept, if there was one."""
        ...

    async def close(self) -> None:
        """Lets go; what was not settled is undone, or comes again."""
        ...


@dataclass
class _Batches:
    """Records on their way through one producer, as whole batches."""

    producer: AIOKafkaProducer
    own: Place | None
    _on_their_way: list[tuple[bool, int, "asyncio.Future[Any]"]] = field(
        default_factory=list
    )  # own?, how many, when acknowledged

    async def hand_over(self, records: Iterable[Emitted]) -> None:
        """Builds a batch for each partition and gives it to the producer; waits while one for the same partition waits there."""
        open_batches: dict[tuple[str, int], Any] = {}
        kept, own = (None, 0) if self.own is None else (self.own.topic, self.own.partition)
        for record in records:
            topic = record.topic
            place = (topic.name, own if topic is kept else partition_of(record.key, topic.partitions))
            batch = open_batches.get(place)
            if batch is None:
                batch = open_batches[place] = self.producer.create_batch()
            if batch.append(timestamp=None, key=record.key, value=record.value) is None:
                await self._give(batch, place)
                batch = open_batches[place] = self.producer.create_batch()
                batch.append(timestamp=None, key=record.key, value=record.value)
        for place, batch in open_batches.items():
            await self._give(batch, place)

    async def arrived(self) -> int | None:
        """Waits until all is acknowledged; the offset behind the last of our own records."""
        on_their_way, self._on_their_way = self._on_their_way, []
        behind = None
        for is_own, count, future in on_their_way:
            written = await future
            if is_own:
                behind = written.offset + count
        return behind

    async def _give(self, batch: Any, place: tuple[str, int]) -> None:  # noqa: ANN401  # aiokafka has no types
        batch.close()
        future = await self.producer.send_batch(batch, place[0], partition=place[1])
        future.add_done_callback(lambda done: _failed(done, place[0]))
        is_own = self.own is not None and place == (self.own.topic.name, self.own.partition)
        self._on_their_way.append((is_own, batch.record_count(), future))


class PlainBatches:
    """For records that do no harm when they come twice or late, and for the embedded broker."""

    def __init__(self, producer: AIOKafkaProducer, own: Place | None) -> None:
        self._batches = _Batches(producer, own)

    async def write(self, records: Iterable[Emitted]) -> None:
        """Hands records over; what has to be there first is waited for."""
        behind: list[Emitted] = []
        try:
            for record in records:
                behind.append(record)
                if record.first:
                    await self._batches.hand_over(behind)
                    await self._batches.arrived()
                    behind.clear()
            await self._batches.hand_over(behind)
        except TRANSACTION_ERRORS as error:
            end_worker("a write", error)

    async def settle(self) -> int | None:
        """Waits until all is acknowledged."""
        try:
            return await self._batches.arrived()
        except TRANSACTION_ERRORS as error:
            end_worker("a write", error)

    async def close(self) -> None:
        """Nothing: the worker ends its producer."""


class OwnersBatches:
    """In the transactions of the partition's owner, as ``streams.writing.OwnersWriter``."""

    def __init__(self, kafka: KafkaSettings, name: str, own: Place) -> None:
        self._name = name
        self._producer = owners_producer(kafka, name, max_batch_size=BATCH_BYTES)
        self._batches = _Batches(self._producer, own)
        self._is_open = False

    async def take_over(self) -> None:
        """From now on nobody else can write under this name; what the one before had not committed is undone.

        Raises:
            KafkaError: the broker does not let us.
        """
        await self._producer.start()

    async def write(self, records: Iterable[Emitted]) -> None:
        """Hands records over, in the transaction that is open."""
        try:
            if not self._is_open:
                await self._producer.begin_transaction()
                self._is_open = True
            await self._batches.hand_over(records)
        except TRANSACTION_ERRORS as error:
            end_worker(f"what {self._name} writes", error)

    async def settle(self) -> int | None:
        """Ends the transaction, and waits until all of it is on the broker for good."""
        if not self._is_open:
            return None
        try:
            await self._producer.commit_transaction()
            behind = await self._batches.arrived()
        except TRANSACTION_ERRORS as error:
            end_worker(f"what {self._name} wrote", error)
        self._is_open = False
        return behind

    async def close(self) -> None:
        """Lets go; what is in an open transaction will be undone by whoever takes over."""
        await self._producer.stop()


def _failed(written: "asyncio.Future[Any]", topic: str) -> None:
    error = asyncio.CancelledError() if written.cancelled() else written.exception()
    if error is not None:
        end_worker(f"a write to {topic}", error)
