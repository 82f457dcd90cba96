"""Until somebody has done what there was to do: seen by how far the ends of the topics it writes have moved."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from bench.programs import Started, busy_seconds
from schemas.problems import WorkFailedError
from schemas.topics import AnyTopic

_LOOK_SECONDS = 0.2  # looking costs the broker and us a little each time
_STILL_SECONDS = 4.0
_FIRST_SECONDS = 900.0  # of which a million cases to be read back, on a busy machine


@dataclass(frozen=True, slots=True)
class Busy:
    """Seconds of processor time between the first and the last move: of those who worked, and of the broker."""

    workers: float
    broker: float
    seconds: float  # from the first to the last move


def until_still(bootstrap: str, topics: Sequence[AnyTopic], workers: Sequence[Started], broker: int | None) -> Busy:
    """Waits until the ends have moved, and then have not for a while.

    Raises:
        WorkFailedError: a worker ended, or nothing is written at all.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    try:
        return _watch(lambda: _end(consumer, places), workers, broker)
    finally:
        consumer.close()


def _end(consumer: KafkaConsumer, places: list[TopicPartition]) -> int:
    """All ends together."""
    while True:
        try:
            return sum(consumer.end_offsets(places).values())
        except KeyError:  # of a topic that was made a moment ago
            time.sleep(_LOOK_SECONDS)


def _watch(end: Callable[[], int], workers: Sequence[Started], broker: int | None) -> Busy:
    """From the look before the first move to the look at the last one."""
    seen = start = end()
    before = last = _busy(workers, broker)
    while seen == start or time.monotonic() - last.seconds < _STILL_SECONDS:
        time.sleep(_LOOK_SECONDS)
        for worker in workers:
            worker.must_run()
        now = _busy(workers, broker)
        if (at := end()) != seen:
            seen, last = at, now
        elif seen == start:
            before = last = now
            _lose_patience(workers[0])
    return Busy(last.workers - before.workers, last.broker - before.broker, last.seconds - before.seconds)


def _lose_patience(worker: Started) -> None:
    if time.monotonic() - worker.began > _FIRST_SECONDS:
        raise WorkFailedError(f"{worker.log.stem} has written nothing within {_FIRST_SECONDS:.0f} s; see {worker.log}")


def _busy(workers: Sequence[Started], broker: int | None) -> Busy:
    """Up to now."""
    used = sum(busy_seconds(each.process.pid) for each in workers)
    return Busy(used, busy_seconds(broker) if broker else 0.0, time.monotonic())
