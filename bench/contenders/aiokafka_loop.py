"""A plain loop on aiokafka: whole batches in, whole batches out, the states in a dictionary. No recovery, no rebalance."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.fold import STATUS, Emitted, Fold, partition_of, the_fold
from schemas.topics import IMAGES, ROWS

_BATCH_BYTES = 512 * 1024
_COMMIT_SECONDS = 0.25


class Writer:
    """Collects records into a batch for each partition, and sends batches that are full."""

    def __init__(self, producer: Any) -> None:  # noqa: ANN401  # aiokafka has no types
        self._producer = producer
        self._open: dict[tuple[str, int], Any] = {}
        self._on_their_way: list[Awaitable[object]] = []

    async def write(self, emitted: Emitted) -> None:
        """Takes one record."""
        place = (emitted.topic.name, partition_of(emitted.key))
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._producer.create_batch()
        if batch.append(key=emitted.key, value=emitted.value, timestamp=None) is None:
            await self._send(place)
            await self.write(emitted)

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._open.pop(place)
        batch.close()
        self._on_their_way.append(await self._producer.send_batch(batch, place[0], partition=place[1]))

    async def send_all(self) -> None:
        """Sends what there is."""
        for place in list(self._open):
            await self._send(place)

    async def flush(self) -> None:
        """Sends what there is and waits until all is acknowledged."""
        await self.send_all()
        await asyncio.gather(*self._on_their_way)
        self._on_their_way.clear()


async def run(bootstrap: str, group: str, _folder: str, idempotent: str) -> None:
    """Folds for ever."""
    consumer = AIOKafkaConsumer(
        ROWS.name, IMAGES.name, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=4 * 1024**2,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=bool(idempotent), max_batch_size=_BATCH_BYTES
    )
    await asyncio.gather(consumer.start(), producer.start())
    fold, kept, writer, committed = the_fold(), dict[bytes, bytes](), Writer(producer), time.monotonic()
    while True:
        for messages in (await consumer.getmany(timeout_ms=200, max_records=4_000)).values():
            await _fold_all(fold, kept, messages, writer)
        await writer.send_all()
        if time.monotonic() > committed + _COMMIT_SECONDS:
            await writer.flush()
            await consumer.commit()
            committed = time.monotonic()


async def _fold_all(fold: Fold, kept: dict[bytes, bytes], messages: Iterable[Any], writer: Writer) -> None:
    for message in messages:
        for emitted in fold(message.key, message.value, kept.get(message.key)):
            if emitted.topic.name == STATUS:
                kept[emitted.key] = emitted.value
            await writer.write(emitted)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:5]))
