"""Puts many records on topics quickly: whole batches, each record where Kafka's own partitioner would put it."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

from bench.cluster import Cluster
from bench.fold import partition_of

_BATCH_BYTES = 512 * 1024
_AT_ONCE = 64

Placed = tuple[str, bytes, bytes]
"""Topic, key and value."""


async def fill(cluster: Cluster, records: Iterable[Placed]) -> int:
    """Writes all of them, acknowledged by all; how many they were."""
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap, acks="all", enable_idempotence=not cluster.embedded, max_batch_size=_BATCH_BYTES
    )
    await producer.start()
    try:
        return await _fill(producer, records)
    finally:
        await producer.stop()


async def _fill(producer: Any, records: Iterable[Placed]) -> int:  # noqa: ANN401  # aiokafka has no types
    batches: dict[tuple[str, int], Any] = {}
    sent: list[Awaitable[object]] = []
    count = 0
    for count, (topic, key, value) in enumerate(records, 1):  # noqa: B007  # it is what is returned
        place = (topic, partition_of(key))
        batch = batches.get(place)
        if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
            if batch is not None:
                sent.append(await _send(producer, batch, place))
            batches[place] = batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
            if len(sent) >= _AT_ONCE:
                await asyncio.gather(*sent)
                sent.clear()
    sent += [await _send(producer, batch, place) for place, batch in batches.items()]
    await asyncio.gather(*sent)
    return count


async def _send(producer: Any, batch: Any, place: tuple[str, int]) -> Awaitable[object]:  # noqa: ANN401  # as above
    batch.close()
    future: Awaitable[object] = await producer.send_batch(batch, place[0], partition=place[1])
    return future
