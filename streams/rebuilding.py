"""Rebuilding the cases of a cluster from the topics, after the rules or the fold were changed, while the old answers are served.

For each partition: take the name under which its owner writes, so that a worker that was forgotten can write no more; read what
is published; fold everything anew beside it (``streams.refolding``); publish what differs. Offsets of the workers stay where they
are: what they have not folded yet they fold when they are started, and folding twice does no harm. So a rebuild that is killed
leaves old answers, or some of each, and the next one completes it.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.quarantine import Payload
from schemas.kafka import KafkaSettings
from schemas.problems import WorkFailedError
from schemas.records import Source
from schemas.topics import COVERAGE_STATUS, IMAGES, PARTITIONS, ROWS, WITHDRAWALS
from streams.batching import OwnersBatches, Place
from streams.changelog import read_kept
from streams.keeping import InMemory
from streams.refolding import Refolding
from streams.settings import group_of
from streams.steps import Emitted, Given, Topology

log = logging.getLogger(__name__)

STEP = "reconcile"
FOR_EVER = (ROWS, IMAGES, WITHDRAWALS)
"""What the step reads of topics that let go of nothing; the rest is carried over."""

AT_ONCE = 1_000
"""Keys that are published in one transaction."""

_MEMBERS = 5
"""Where a group's members stand in what the broker says of it."""

Clock = Callable[[], dt.datetime]


class RebuildError(WorkFailedError):
    """It cannot be rebuilt now; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of one partition."""

    partition: int
    messages: int  # that were folded
    changed: int  # keys that were published anew


def rebuild(kafka: KafkaSettings, topology: Topology, given: Given, clock: Clock, done: Callable[[Rebuilt], None]) -> None:
    """Rebuilds all partitions, one after the other.

    Args:
        kafka: the cluster.
        topology: whose flow it is.
        given: registry and rules, as they are now.
        clock: the time, in UTC.
        done: told of each partition.

    Raises:
        RebuildError: a worker of the step still runs, or the cluster does not answer.
    """
    asyncio.run(_rebuild(kafka, topology, given, clock, done))


async def _rebuild(kafka: KafkaSettings, topology: Topology, given: Given, clock: Clock, done: Callable[[Rebuilt], None]) -> None:
    group = group_of(next(steps for steps in topology.workers if STEP in steps))
    try:
        await _require_stopped(kafka, group)
        for partition in range(PARTITIONS):
            done(await _partition(kafka, topology, given, partition, clock))
    except (KafkaError, OSError) as error:
        raise RebuildError(
            f"{kafka.bootstrap} did not do what was asked ({type(error).__name__}); what is done is done: try again"
        ) from None


async def _require_stopped(kafka: KafkaSettings, group: str) -> None:
    admin = AIOKafkaAdminClient(**kafka.aiokafka_settings)
    await admin.start()
    try:
        (described,) = (response.groups for response in await admin.describe_consumer_groups([group]))
    finally:
        await admin.close()
    members = sum(len(each[_MEMBERS]) for each in described)
    if members:
        raise RebuildError(
            f"{members} workers of {group} run; stop them first (the others may go on, and so may the hub). One that was killed "
            "counts for ten seconds. Nothing was changed"
        )


async def _partition(kafka: KafkaSettings, topology: Topology, given: Given, partition: int, clock: Clock) -> Rebuilt:
    working = topology.step(STEP).build(given)
    writer = OwnersBatches(kafka, f"nccid-{STEP}-{partition}", Place(COVERAGE_STATUS, partition))
    await writer.take_over()
    try:
        refolding = Refolding(working, InMemory(partition), InMemory(partition))
        await read_kept(kafka, COVERAGE_STATUS, working, refolding.published, (partition, 0))
        refolding.carry_over()
        messages = 0
        async for payload in _everything(kafka, partition):
            refolding.take(payload)
            messages += 1
        changed = await _publish(writer, refolding.finish(clock()))
        return Rebuilt(partition, messages, changed)
    finally:
        await writer.close()


async def _publish(writer: OwnersBatches, differing: Iterator[tuple[Emitted, ...]]) -> int:
    changed = 0
    for records in differing:
        await writer.write(records)
        changed += 1
        if changed % AT_ONCE == 0:
            await writer.settle()
    await writer.settle()
    return changed


async def _everything(kafka: KafkaSettings, partition: int) -> AsyncIterator[Payload]:
    """All that lies on this partition of the topics that are kept for ever, up to their ends as they are now."""
    consumer = AIOKafkaConsumer(**kafka.aiokafka_settings, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, partition) for topic in FOR_EVER]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while not await _reached(consumer.position, ends):
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                for message in messages:
                    yield _payload(message)
    finally:
        await consumer.stop()


async def _reached(position: Callable[[TopicPartition], Awaitable[int]], ends: dict[TopicPartition, int]) -> bool:
    return all([await position(place) >= end for place, end in ends.items()])


def _payload(message: Any) -> Payload:  # noqa: ANN401  # aiokafka has no types
    at = dt.datetime.fromtimestamp(message.timestamp / 1000, dt.UTC)
    source = Source(topic=message.topic, partition=message.partition, offset=message.offset)
    return Payload(source, at, message.value or b"", message.key or b"")
