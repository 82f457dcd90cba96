"""Makes the topics: names, partitions and settings as ``schemas.topics`` has them. Never changes or deletes one that is there."""

import time

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.kafka import KafkaSettings
from schemas.problems import WorkFailedError
from schemas.topics import TOPICS

_BOOTSTRAP_MS = 3_000  # a broker that refuses us would be asked for ever


class BrokerUnreachableError(WorkFailedError):
    """No broker answers at the address; says at which."""


def ensure_topics(kafka: KafkaSettings, replication_factor: int = -1, patience: float = 30.0) -> None:
    """Makes the topics that are missing.

    Args:
        kafka: the cluster.
        replication_factor: copies of each partition; -1 is the cluster's own default.
        patience: seconds to wait for a broker that does not answer yet.

    Raises:
        BrokerUnreachableError: nobody answered within ``patience``.
    """
    admin = _connected(kafka, patience)
    try:
        missing = [topic for topic in TOPICS if topic.name not in set(admin.list_topics())]
        for topic in missing:
            new = NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=topic.config)
            try:
                admin.create_topics([new])
            except TopicAlreadyExistsError:
                continue  # another process was quicker
    finally:
        admin.close()


def _connected(kafka: KafkaSettings, patience: float) -> KafkaAdminClient:
    until = time.monotonic() + patience
    while True:
        try:
            return KafkaAdminClient(**kafka.client_settings, client_id="nccid-admin", bootstrap_timeout_ms=_BOOTSTRAP_MS)
        except (KafkaError, OSError, ValueError) as error:
            if time.monotonic() > until:
                raise BrokerUnreachableError(f"no Kafka broker answers at {kafka.bootstrap} ({type(error).__name__})") from None
            time.sleep(0.2)
