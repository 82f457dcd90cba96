"""Puts many records on topics quickly: whole batches, each record where Kafka's own partitioner would put it."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from bench.cluster import Cluster
from bench.fold import partition_of

_BATCH_BYTES = 512 * 1024
_AT_ONCE = 64

Placed = tuple[str, bytes, bytes]
"""Topic, key and value."""

Batch = tuple[Any, tuple[str, int]]
"""A batch as aiokafka sends it, and topic and partition that it is for."""


def batches(records: Iterable[Placed]) -> Iterator[Batch]:
    """The records in as few batches as hold them, those of a partition in their order."""
    filling: dict[tuple[str, int], Any] = {}
    for topic, key, value in records:
        place = (topic, partition_of(key))
        batch = filling.get(place)
        if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
            if batch is not None:
                yield batch, place
            filling[place] = BatchBuilder(_BATCH_BYTES, 0)
            filling[place].append(key=key, value=value, timestamp=None)
    yield from ((batch, place) for place, batch in filling.items())


async def fill(cluster: Cluster, filled: Iterable[Batch]) -> None:
    """Writes all of them, acknowledged by all copies."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, acks="all", enable_idempotence=not cluster.embedded, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        sent: list[Awaitable[object]] = []
        for batch, (topic, partition) in filled:
            batch.close()
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            if len(sent) >= _AT_ONCE:
                await asyncio.gather(*sent)
                sent.clear()
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
