"""What the fast runner works with, made from a worker's settings: clients, and the steps with their ways to take a partition."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from streams.batching import BATCH_BYTES
from streams.fast import Join, Joined
from streams.folding import Folding
from streams.lane import AtWork
from streams.settings import WorkerSettings
from streams.slots import Slot, take_slot
from streams.taking import Take, TakingOver, taking_alone
from streams.transport import EMBEDDED_FETCH_WAIT_MS

log = logging.getLogger(__name__)

_LEAVING_MS = 3_000
_FETCH_BYTES = 4 * 1024**2
_READING_AT_ONCE = 4
"""Partitions whose topic is read at the same time while they are taken over."""

_MOST_BETWEEN_POLLS_MS = 30 * 60_000  # taking over a long topic takes time, during which nothing is polled
_SESSION_MS, _HEARTBEAT_MS, _REBALANCE_MS = 10_000, 2_000, 30_000
_EMBEDDED_SESSION_MS, _EMBEDDED_HEARTBEAT_MS = 2_000, 500  # a new group waits for half a session there; none is ever evicted


def joining(settings: WorkerSettings, foldings: Sequence[Folding]) -> Join:
    """How the worker of these settings joins its group.

    Raises:
        DiskError: the folder of the state cannot be used.
    """
    slot = None if settings.embedded else take_slot(settings.home.state / "-".join(settings.steps))

    async def join() -> Joined:
        producer = AIOKafkaProducer(**settings.kafka.aiokafka_settings, acks="all", max_batch_size=BATCH_BYTES)
        taking = await _taking(settings, slot, producer)
        steps = [AtWork(folding, taking(folding)) for folding in foldings]
        return Joined(_consumer(settings, slot), producer, steps, lambda: _leave(settings, slot))

    return join


async def _leave(settings: WorkerSettings, slot: Slot | None) -> None:
    """Tells the group that its static member is gone, so that the others have its partitions now, not after its session."""
    if slot is None:
        return
    try:
        await asyncio.to_thread(_remove, settings, slot.member)
    except (KafkaError, OSError, ValueError) as error:
        log.warning("the group was not told that we leave (%s); it will know when the session ends", type(error).__name__)


def _remove(settings: WorkerSettings, member: str) -> None:
    admin = KafkaAdminClient(**settings.kafka.client_settings, bootstrap_timeout_ms=_LEAVING_MS)
    try:
        admin.remove_group_members(settings.group, [MemberToRemove(group_instance_id=member)])
    finally:
        admin.close()


async def _taking(settings: WorkerSettings, slot: Slot | None, producer: AIOKafkaProducer) -> Callable[[Folding], Take]:
    cluster = "" if slot is None else await _cluster(settings)
    reading = asyncio.Semaphore(_READING_AT_ONCE)

    def taking(folding: Folding) -> Take:
        step = folding.step
        if slot is None or step.keeps is None:
            return taking_alone(producer, step)
        return TakingOver(settings.kafka, step, step.keeps, folding.working, slot.folder, cluster, reading)

    return taking


def _consumer(settings: WorkerSettings, slot: Slot | None) -> AIOKafkaConsumer:
    """Partitions by range: the same ones of every topic, so that a row, its images and its case come to the same worker."""
    embedded = settings.embedded
    return AIOKafkaConsumer(
        **settings.kafka.aiokafka_settings,
        group_id=settings.group,
        group_instance_id=None if slot is None else slot.member,
        partition_assignment_strategy=(RangePartitionAssignor,),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=EMBEDDED_FETCH_WAIT_MS if embedded else 500,
        max_partition_fetch_bytes=_FETCH_BYTES,
        session_timeout_ms=_EMBEDDED_SESSION_MS if embedded else _SESSION_MS,
        heartbeat_interval_ms=_EMBEDDED_HEARTBEAT_MS if embedded else _HEARTBEAT_MS,
        rebalance_timeout_ms=_EMBEDDED_SESSION_MS if embedded else _REBALANCE_MS,
        max_poll_interval_ms=_MOST_BETWEEN_POLLS_MS,
    )


async def _cluster(settings: WorkerSettings) -> str:
    """The name that the cluster gave itself: a copy of what lay on another one is of no use."""
    admin = AIOKafkaAdminClient(**settings.kafka.aiokafka_settings)
    try:
        await admin.start()
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()
