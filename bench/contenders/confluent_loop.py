"""A plain loop on confluent-kafka, Kafka's client in C: the states in a dictionary. No recovery, no rebalance; the limit."""

import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer  # type: ignore[import-not-found]  # lives in the peers' own environment

from bench.fold import STATUS, Emitted, the_fold
from schemas.topics import IMAGES, ROWS

_COMMIT_SECONDS = 0.25


def run(bootstrap: str, group: str, _folder: str, idempotent: str) -> None:
    """Folds for ever."""
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([ROWS.name, IMAGES.name])
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": bool(idempotent),
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    fold, kept, committed, uncommitted = the_fold(), dict[bytes, bytes](), time.monotonic(), False
    while True:
        messages = consumer.consume(4_000, timeout=0.2)
        uncommitted = uncommitted or bool(messages)
        for message in messages:
            if message.error() is not None:
                raise SystemExit(str(message.error()))
            for emitted in fold(message.key(), message.value(), kept.get(message.key())):
                if emitted.topic.name == STATUS:
                    kept[emitted.key] = emitted.value
                _write(producer, emitted)
        producer.poll(0)
        if uncommitted and time.monotonic() > committed + _COMMIT_SECONDS:
            _commit(producer, consumer)
            committed, uncommitted = time.monotonic(), False


def _write(producer: Any, emitted: Emitted) -> None:  # noqa: ANN401  # confluent-kafka has no types
    while True:
        try:
            producer.produce(emitted.topic.name, emitted.value, emitted.key, on_delivery=_delivered)
        except BufferError:  # full: some have to be acknowledged first
            producer.poll(0.05)
        else:
            return


def _delivered(error: object, _: object) -> None:
    if error is not None:
        raise SystemExit(f"a record was not delivered: {error}")


def _commit(producer: Any, consumer: Any) -> None:  # noqa: ANN401  # as above
    producer.flush()
    consumer.commit(asynchronous=False)


if __name__ == "__main__":
    run(*sys.argv[1:5])
