"""What a contender has written: whether it is right, and how fast it came, by the broker's own clock."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import COVERAGE_STATUS, PERSON_CASES, AnyTopic

_SILENCE_MS = 1_500  # after which all was read; the embedded broker says too early that a partition ends
_COMPLETE, _WITH_IMAGES, _WITH_ROW = b'"state":"complete"', b'"has_studies":true', b'"main":{'


@dataclass(slots=True)
class Written:
    """The records of a topic, as far as they matter here."""

    times: list[list[int]] = field(default_factory=list)  # milliseconds, by partition, in the order in which they lie
    last: dict[bytes, bytes] = field(default_factory=dict)  # the latest value of each key

    @property
    def count(self) -> int:
        """How many records."""
        return sum(len(times) for times in self.times)


async def read(bootstrap: str, topic: AnyTopic, since: dict[int, int] | None = None) -> Written:
    """Everything on a topic, or what lies there from these offsets on, by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=8 * 1024**2)
    await consumer.start()
    try:
        places = _places(topic)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        if since is not None:
            for place in places:
                consumer.seek(place, since[place.partition])
        written = Written([[] for _ in places])
        until = await consumer.end_offsets(places)
        while (some := await consumer.getmany(timeout_ms=_SILENCE_MS)) or not await _has_all(consumer, until):
            for place, messages in some.items():
                written.times[place.partition] += [message.timestamp for message in messages]
                written.last.update((message.key, message.value) for message in messages)
        return written
    finally:
        await consumer.stop()


async def _has_all(consumer: Any, until: dict[Any, int]) -> bool:  # noqa: ANN401  # aiokafka has no types
    return all([await consumer.position(place) >= offset for place, offset in until.items()])


def ends(bootstrap: str, topic: AnyTopic) -> dict[int, int]:
    """Where each partition ends now."""
    return asyncio.run(_ends(bootstrap, topic))


async def _ends(bootstrap: str, topic: AnyTopic) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        return {place.partition: offset for place, offset in (await consumer.end_offsets(_places(topic))).items()}
    finally:
        await consumer.stop()


def _places(topic: AnyTopic) -> list[TopicPartition]:
    return [TopicPartition(topic.name, number) for number in range(topic.partitions)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    statuses: Written
    persons: Written

    def wrong(self, patients: int) -> str:
        """In words, what is not as it must be when of each patient row and study were folded; nothing when all is."""
        complete = sum(_COMPLETE in value for value in self.statuses.last.values())
        told = sum(_WITH_IMAGES in value and _WITH_ROW in value for value in self.persons.last.values())
        if (complete, told, len(self.statuses.last), len(self.persons.last)) == (patients,) * 4:
            return ""
        return f"{complete} of {patients} patients are complete, and {told} persons know of it"

    def per_second(self, events: int) -> float:
        """Events in a second, from the first status on the topic to the last; what the first write held is not counted."""
        return rate(self.statuses.times, events)


def rate(times: list[list[int]], events: int) -> float:
    """Events in a second, by the times at which what follows from them was written.

    Start-up is left out: the clock starts with the first write, so the share of the events that led to it is left out too.

    Args:
        times: milliseconds, of each partition.
        events: how many led to all of these.
    """
    every = [at for partition in times for at in partition]
    first, last = min(every), max(every)
    later = sum(at > first for at in every)
    return events * later / len(every) / max(0.001, (last - first) / 1000)


async def _outcome(bootstrap: str) -> Outcome:
    return Outcome(*await asyncio.gather(read(bootstrap, COVERAGE_STATUS), read(bootstrap, PERSON_CASES)))


def outcome(bootstrap: str) -> Outcome:
    """What lies on the topics now."""
    return asyncio.run(_outcome(bootstrap))
