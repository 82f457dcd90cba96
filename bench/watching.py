"""Until somebody has done what there was to do: seen by how far the ends of the topics it writes have moved."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from bench.programs import Started, busy_seconds
from schemas.problems import WorkFailedError
from schemas.topics import AnyTopic

_LOOK_SECONDS = 0.1
_STILL_SECONDS = 2.5
_FIRST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Busy:
    """Seconds of processor time between the first and the last move: of those who worked, and of the broker."""

    workers: float
    broker: float


def until_still(bootstrap: str, topics: Sequence[AnyTopic], workers: Sequence[Started], broker: int | None) -> Busy:
    """Waits until the ends have moved, and then have not for a while.

    Raises:
        WorkFailedError: a worker ended, or nothing is written at all.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    try:
        return _watch(lambda: sum(consumer.end_offsets(places).values()), workers, broker)
    finally:
        consumer.close()


def _watch(end: Callable[[], int], workers: Sequence[Started], broker: int | None) -> Busy:
    began = moved = time.monotonic()
    seen = start = end()
    first = last = None
    while first is None or time.monotonic() - moved < _STILL_SECONDS:
        for worker in workers:
            worker.must_run()
        if (now := end()) != seen:
            seen, moved, last = now, time.monotonic(), _busy(workers, broker)
            first = first or last
        if seen == start and time.monotonic() - began > _FIRST_SECONDS:
            raise WorkFailedError(
                f"{workers[0].log.stem} has written nothing within {_FIRST_SECONDS:.0f} s; see {workers[0].log}"
            )
        time.sleep(_LOOK_SECONDS)
    assert last is not None  # noqa: S101  # the loop ends only after a move
    return Busy(last.workers - first.workers, last.broker - first.broker)


def _busy(workers: Sequence[Started], broker: int | None) -> Busy:
    return Busy(sum(busy_seconds(each.process.pid) for each in workers), busy_seconds(broker) if broker else 0.0)
