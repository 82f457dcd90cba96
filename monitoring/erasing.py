"""Erasing: asks the broker to let go of the beginning of a partition.

Apache Kafka can. The embedded broker cannot, and forgets everything when it stops.

Kafka removes files, not records: a file goes when every record in it lies before the new beginning, and never while it is the one
that is written to. ``roll`` makes it begin a new file.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from monitoring.reading import client_security
from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic

_ERASE_SECONDS = 5.0
_ROLL_MS = 500
_ROLL_PAUSE_SECONDS = 2.0  # until every broker has heard of it


async def erase(kafka: KafkaSettings, before: Mapping[tuple[str, int], int]) -> bool:
    """Asks the broker to erase what lies before an offset; one that cannot closes the connection, or does not answer.

    Args:
        kafka: the cluster.
        before: by topic and partition, the first offset that stays.

    Returns:
        Whether it did.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.servers, **client_security(kafka))
    places = {TopicPartition(*place): RecordsToDelete(before_offset=offset) for place, offset in before.items()}
    try:
        async with asyncio.timeout(_ERASE_SECONDS):
            await admin.start()
            if places:
                await admin.delete_records(places)
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    return True


@contextlib.contextmanager
def rolling(kafka: KafkaSettings, topics: Sequence[AnyTopic]) -> Iterator[None]:
    """While it lasts, the next record of a partition begins a new file; then the topic's own setting holds again.

    Raises:
        KafkaError (of kafka-python): the broker does not take the setting.
    """
    admin = KafkaAdminClient(**kafka.client_settings, client_id="nccid-erasing")
    try:
        _set(admin, topics, str(_ROLL_MS))
        time.sleep(_ROLL_PAUSE_SECONDS)
        try:
            yield
        finally:
            _set(admin, topics, None)
    finally:
        admin.close()


def restore(kafka: KafkaSettings, topics: Sequence[AnyTopic]) -> None:
    """Takes back what a ``rolling`` left that was killed: each second a new file would be begun for ever.

    The embedded broker knows no such setting, which kafka-python tells by a ``ValueError``; there is nothing to take back.
    """
    with contextlib.suppress(kafka_errors.KafkaError, OSError, ValueError):
        admin = KafkaAdminClient(**kafka.client_settings, client_id="nccid-erasing")
        try:
            _set(admin, topics, None)
        finally:
            admin.close()


def _set(admin: KafkaAdminClient, topics: Sequence[AnyTopic], milliseconds: str | None) -> None:
    change = ("SET", milliseconds) if milliseconds else ("DELETE", None)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, {"segment.ms": change}) for topic in topics])
