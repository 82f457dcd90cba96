"""What was quarantined before this worker started, so that the limits go on where the last process stopped."""

import time
from collections import defaultdict

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from agents.quarantine import Reason
from schemas.kafka import KafkaSettings
from schemas.topics import QUARANTINE
from schemas.wire import UndecodableError
from streams.limits import Place

_POLL_MS = 500
_PATIENCE_SECONDS = 5.0


def quarantined_before(kafka: KafkaSettings, last: int) -> dict[Place, set[int]]:
    """The offsets of what was rejected, by step and source partition, from the last records of each quarantine partition.

    Not for the embedded broker, whose ends are wrong, and where a worker reads everything anew anyway. What cannot be read in
    good time is left out: the limits then start from nothing.
    """
    found: dict[Place, set[int]] = defaultdict(set)
    try:
        consumer = KafkaConsumer(
            **kafka.client_settings, group_id=None, enable_auto_commit=False, bootstrap_timeout_ms=int(_PATIENCE_SECONDS * 1000)
        )
    except (KafkaError, OSError, ValueError):
        return found  # the worker itself will wait for the broker
    try:
        for value in _values(consumer, last):
            try:
                record = QUARANTINE.wire.decode(value)
            except UndecodableError:
                continue  # the audit will say so
            if record.reason != Reason.WITHDRAWN:
                found[record.step, record.source.topic, record.source.partition].add(record.source.offset)
    except KafkaError:
        return found
    finally:
        consumer.close()
    return found


def _values(consumer: KafkaConsumer, last: int) -> list[bytes]:
    partitions = [TopicPartition(QUARANTINE.name, number) for number in range(QUARANTINE.partitions)]
    consumer.assign(partitions)
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, max(begins[partition], ends[partition] - last))
    values: list[bytes] = []
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and any(consumer.position(each) < ends[each] for each in partitions):
        for messages in consumer.poll(_POLL_MS).values():
            values += [message.value for message in messages if message.value is not None]
    return values
