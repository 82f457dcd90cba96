"""Reading what a step kept: one partition of its compacted topic, from the first record to the last."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic
from schemas.wire import UndecodableError

_POLL_MS = 200


async def read_kept(kafka: KafkaSettings, topic: AnyTopic, partition: int) -> dict[bytes, bytes]:
    """The latest record of each key, as it was committed. What is no record of this topic is passed over; the audit tells of it.

    To be called by the owner of the partition alone, before it writes: nothing may come while it reads.

    Raises:
        KafkaError: the topic cannot be read.
    """
    consumer = AIOKafkaConsumer(
        **kafka.aiokafka_settings,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024**2,
    )
    await consumer.start()
    try:
        place = TopicPartition(topic.name, partition)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        return await _read(consumer, place, topic)
    finally:
        await consumer.stop()


async def _read(consumer: Any, place: TopicPartition, topic: AnyTopic) -> dict[bytes, bytes]:  # noqa: ANN401  # aiokafka has no types
    kept: dict[bytes, bytes] = {}
    end = (await consumer.end_offsets([place]))[place]
    while await consumer.position(place) < end:
        for messages in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
            for message in messages:
                _apply(kept, topic, message.key or b"", message.value)
        await asyncio.sleep(0)  # a long read leaves room for others
    return kept


def _apply(kept: dict[bytes, bytes], topic: AnyTopic, key: bytes, value: bytes | None) -> None:
    if value is None:
        kept.pop(key, None)
        return
    try:
        topic.wire.decode(value)
    except UndecodableError:
        return
    kept[key] = value
