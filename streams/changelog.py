"""Reading what a step kept: one partition of its compacted topic, from where the copy ends to the last record."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic
from schemas.wire import UndecodableError
from streams.keeping import Kept
from streams.steps import Working

_POLL_MS = 200
_FETCH_BYTES = 8 * 1024**2


class BeyondTheEndError(Exception):
    """The copy goes further than the topic: the topic is another one than that it is a copy of."""


async def read_kept(kafka: KafkaSettings, topic: AnyTopic, working: Working, into: Kept, place: tuple[int, int]) -> int:
    """Puts the latest committed record of each key into ``into``; how many records that were.

    To be called by the owner of the partition alone, before it writes: nothing may come while it reads. What is no record of this
    topic is passed over; the audit tells of it.

    Args:
        kafka: the cluster.
        topic: the compacted topic.
        working: the step that keeps there; it knows the deadlines.
        into: where to put them.
        place: partition, and the offset from which on to read.

    Raises:
        KafkaError: the topic cannot be read.
        BeyondTheEndError: the topic ends before that offset.
    """
    consumer = AIOKafkaConsumer(
        **kafka.aiokafka_settings,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",  # what lay at the offset may have been compacted away, to the beginning
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    await consumer.start()
    try:
        return await _read(consumer, TopicPartition(topic.name, place[0]), place[1], _apply(topic, working, into), into)
    finally:
        await consumer.stop()


async def _read(
    consumer: Any,  # noqa: ANN401  # aiokafka has no types
    place: TopicPartition,
    start: int,
    apply: Callable[[bytes, bytes | None], None],
    into: Kept,
) -> int:
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    if start > end:
        raise BeyondTheEndError
    begin = (await consumer.beginning_offsets([place]))[place]
    consumer.seek(place, max(start, begin))
    count = 0
    while await consumer.position(place) < end:
        for messages in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
            for message in messages:
                apply(message.key or b"", message.value)
            count += len(messages)
        await _settled(into, await consumer.position(place))
    return count


async def _settled(into: Kept, position: int) -> None:
    """Beside the loop: a long read leaves room for others. Nobody else uses what is being read, and none closes it meanwhile."""
    writing = asyncio.create_task(asyncio.to_thread(into.settle, position))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise


def _apply(topic: AnyTopic, working: Working, into: Kept) -> Callable[[bytes, bytes | None], None]:
    deadline_of = working.deadline

    def apply(key: bytes, value: bytes | None) -> None:
        if value is None:
            into.forget(key)
            return
        try:
            if deadline_of is None:
                topic.wire.decode(value)
                into.put(key, value, None)
            else:
                into.put(key, value, deadline_of(value))
        except UndecodableError:
            return

    return apply
