"""Sends studies, at steady times or all at once, and notes when a reader that waits for no commit has the status of each."""

import asyncio
import datetime as dt
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.pseudonymous import match, study
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS, IMAGES
from schemas.wire import Wire

_PATIENCE_SECONDS = 60.0
_REBUILD_SECONDS = 3_600.0
_LEAD_SECONDS = 0.5


async def send_and_watch(bootstrap: str, patients: Sequence[int], rate: float) -> list[float]:
    """Sends a study of each patient, so many a second, and waits for the status of each.

    Args:
        bootstrap: of the broker.
        patients: by number; of each, the row has been folded.
        rate: studies in a second.

    Returns:
        Seconds from the time at which each was to be sent to the moment when a reader that waits for no commit had the status, in
        the order of sending.

    Raises:
        WorkFailedError: statuses are missing when all has been quiet for a minute, or one is not complete.
    """
    consumer, producer = await _clients(bootstrap)
    records = _records(patients)
    seen: dict[bytes, float] = {}
    gc.collect()
    gc.freeze()  # pauses of this program would be taken for the worker's
    try:
        began = time.monotonic() + _LEAD_SECONDS
        wanted = {key for key, _ in records}
        await asyncio.gather(_send(producer, records, began, rate), _read(consumer, wanted, seen, _PATIENCE_SECONDS))
    finally:
        gc.unfreeze()
        await asyncio.gather(consumer.stop(), producer.stop())
    return [seen[key] - (began + number / rate) for number, (key, _) in enumerate(records)]


async def answered(bootstrap: str, patients: Sequence[int], begin: Callable[[], None]) -> list[float]:
    """Sends a study of each patient, lets somebody begin to work, and waits for the statuses.

    Returns:
        Seconds from the call of ``begin`` until each status was there, the first one first.

    Raises:
        WorkFailedError: as ``send_and_watch``, but with the patience that a rebuild needs.
    """
    consumer, producer = await _clients(bootstrap)
    records = _records(patients)
    seen: dict[bytes, float] = {}
    try:
        for key, value in records:
            await producer.send_and_wait(IMAGES.name, value, key)
        began = time.monotonic()
        begin()
        await _read(consumer, {key for key, _ in records}, seen, _REBUILD_SECONDS)
    finally:
        await asyncio.gather(consumer.stop(), producer.stop())
    return sorted(at - began for at in seen.values())


def _records(patients: Sequence[int]) -> list[tuple[bytes, bytes]]:
    return [(match(number).encode(), Wire.encode(study(number, dt.datetime.now(dt.UTC)))) for number in patients]


async def _clients(bootstrap: str) -> tuple[Any, Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await asyncio.gather(consumer.start(), producer.start())
    places = [TopicPartition(COVERAGE_STATUS.name, number) for number in range(COVERAGE_STATUS.partitions)]
    consumer.assign(places)
    await consumer.seek_to_end(*places)
    return consumer, producer


async def _send(producer: Any, records: Sequence[tuple[bytes, bytes]], began: float, rate: float) -> None:  # noqa: ANN401  # no types
    for number, (key, value) in enumerate(records):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await producer.send(IMAGES.name, value, key)


async def _read(consumer: Any, wanted: set[bytes], seen: dict[bytes, float], patience: float) -> None:  # noqa: ANN401  # aiokafka has no types
    while len(seen) < len(wanted):
        came = await consumer.getmany(timeout_ms=int(1000 * patience))
        at = time.monotonic()
        if not came:
            raise WorkFailedError(f"{len(wanted) - len(seen)} of {len(wanted)} statuses have not come")
        for message in (message for messages in came.values() for message in messages):
            if message.key in wanted:
                if b'"state":"complete"' not in message.value:
                    raise WorkFailedError("a status is not complete although row and study are there")
                seen.setdefault(message.key, at)
