"""Makes the topics: names, partitions and settings as ``schemas.topics`` has them. Never changes or deletes one that is there."""

import contextlib
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
        BrokerUnreachableError: nobody answered, or took the topics, within ``patience``.
    """
    until = time.monotonic() + patience
    while True:
        admin = _connected(kafka, until)
        try:
            _make_missing(admin, replication_factor)
        except KafkaError as error:  # a cluster that is coming up knows its brokers, and not yet where they are
            if time.monotonic() > until:
                words = f"{kafka.bootstrap} does not take our topics ({type(error).__name__}); is the cluster whole, and may we?"
                raise BrokerUnreachableError(words) from None
            time.sleep(0.5)
        else:
            return
        finally:
            admin.close()


def _make_missing(admin: KafkaAdminClient, replication_factor: int) -> None:
    there = set(admin.list_topics())
    for topic in TOPICS:
        if topic.name not in there:
            new = NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=topic.config)
            with contextlib.suppress(TopicAlreadyExistsError):  # another process was quicker
                admin.create_topics([new])


def _connected(kafka: KafkaSettings, until: float) -> KafkaAdminClient:
    while True:
        try:
            return KafkaAdminClient(**kafka.client_settings, client_id="nccid-admin", bootstrap_timeout_ms=_BOOTSTRAP_MS)
        except (KafkaError, OSError, ValueError) as error:
            if time.monotonic() > until:
                raise BrokerUnreachableError(f"no Kafka broker answers at {kafka.bootstrap} ({type(error).__name__})") from None
            time.sleep(0.2)
