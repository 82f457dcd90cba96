"""The edge's connection to the broker: which cluster it is, whether the topics are there, and messages in order, acknowledged."""

import contextlib
import itertools
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from edge.sending.outbox import Stored
from schemas.kafka import KafkaSettings

_CONNECT_MS = 3_000
_REQUEST_MS = 5_000
_DELIVERY_MS = 6_000  # after this a message counts as not acknowledged; short, so that a stop never waits long
_PRODUCER = {
    "acks": "all",
    "enable_idempotence": True,  # the client's own retries neither double nor reorder
    "allow_auto_create_topics": False,
    "compression_type": "gzip",  # three times as fast: kafka-python computes the checksum of what is sent in Python
    "linger_ms": 2,
    "batch_size": 256 * 1024,
    "max_block_ms": _CONNECT_MS,
    "delivery_timeout_ms": _DELIVERY_MS,
    "metrics_enabled": False,
}

_WORDS = {  # for those troubles that are everyday ones
    "KafkaConnectionError": "the connection was lost",
    "KafkaTimeoutError": "no answer",
    "NoBrokersAvailable": "no answer",
}


class BrokerAwayError(Exception):
    """The broker does not answer, or not as it should. Says how, never what was to be sent."""


class Broker:
    """One connection. After an error it is of no further use: close it and make another."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connects.

        Raises:
            BrokerAwayError: nobody answers at the address, or we are refused.
        """
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it repeats one trouble many times a second
        _see_files(settings)
        self._networks: list[Any] = []
        self._admin: Any = None
        self._producer: Any = None
        options = _client_options(settings) | {"kafka_client": self._network}
        try:
            with _away():
                self._admin = KafkaAdminClient(**options)
                self._producer = KafkaProducer(**options, **_PRODUCER)
        except BrokerAwayError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of every thread and socket, also of those that a failed connection has left."""
        for client in (self._producer, self._admin):
            with contextlib.suppress(KafkaError):
                if client is not None:
                    client.close(**({"timeout": 1} if client is self._producer else {}))
        for network in self._networks:
            with contextlib.suppress(RuntimeError):  # the producer's thread has not ended in time; it lets go when it does
                network.close()

    def cluster_id(self) -> str:
        """Which cluster answers now: one that was started again, empty and in memory, has another id.

        Raises:
            BrokerAwayError: none answers, or it has no id.
        """
        with _away():
            cluster = self._admin.describe_cluster()["cluster_id"]
        if not cluster:
            raise BrokerAwayError("the broker does not say which cluster it belongs to")
        return str(cluster)

    def missing(self, topics: Collection[str]) -> list[str]:
        """Those topics that are not there (yet); asking does not make them.

        Raises:
            BrokerAwayError: none answers.
        """
        if not topics:
            return []  # to kafka-python, none would mean all
        with _away():
            return [each["name"] for each in self._admin.describe_topics(sorted(topics)) if each["error_code"]]

    def publish(self, messages: Iterable[Stored]) -> int:
        """Sends messages and waits until each is acknowledged by all in-sync replicas, or is not.

        Returns:
            How many, counted from the first, are on their topics. Those behind the first failure may be there too.
        """
        sent: list[Any] = []
        with contextlib.suppress(KafkaError):
            for message in messages:
                sent.append(self._producer.send(message.topic, key=message.key, value=message.value))  # noqa: PERF401
        with contextlib.suppress(KafkaError):
            self._producer.flush(2 * _DELIVERY_MS / 1000)
        return len(list(itertools.takewhile(lambda future: future.succeeded(), sent)))

    def _network(self, *positional: object, **options: object) -> Any:  # noqa: ANN401  # kafka-python has no types
        network = KafkaNetClient(*positional, **options)
        self._networks.append(network)
        return network


def _client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The settings under the names that kafka-python gives them; what is not set is left to its defaults."""
    patience = {"bootstrap_timeout_ms": _CONNECT_MS, "request_timeout_ms": _REQUEST_MS, "reconnect_backoff_max_ms": 1_000}
    return {name: value for name, value in settings.client_settings.items() if value is not None} | patience


def _see_files(settings: KafkaSettings) -> None:
    """A certificate that is not there would show as a broker that never answers."""
    for name in filter(None, (settings.ssl_cafile, settings.ssl_certfile, settings.ssl_keyfile)):
        if not os.access(name, os.R_OK):
            raise BrokerAwayError(f"{name} cannot be read")


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        name = type(error).__name__
        raise BrokerAwayError(_WORDS.get(name, name)) from error
