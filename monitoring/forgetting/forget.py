"""Forget: takes what is left of patients who have opted out off the topics that keep for ever.

Kafka cannot take a record out of the middle. But every fold is idempotent and knows no order: so the other records of the
partition are written once more behind the end, and when the broker has them all, it is asked to erase everything before. A crash
in between leaves records twice, which changes nothing, and the next turn does the rest.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as AdminError

from agents.quarantine import quarantine_key
from monitoring.erasing import erase, restore, rolling
from monitoring.forgetting.plan import SHELVES, OptedOut, opted_out, published_cases, record_of, said_on, trace, unsaid
from monitoring.reading import client_security
from monitoring.topics import Found, TopicsReader, TopicsUnavailableError
from schemas.kafka import KafkaSettings
from schemas.records import Quarantined
from schemas.topics import COVERAGE_STATUS, QUARANTINE, WITHDRAWALS, AnyTopic

_PATIENCE_SECONDS = 30.0
_IN_FLIGHT = 2_000

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a turn did."""

    patients: int  # who have opted out, by their cases
    erased: int = 0  # records of theirs
    rewritten: int = 0  # records of others that lay among them
    refused: bool = False  # there was something to erase, and this broker cannot

    def as_json(self) -> dict[str, object]:
        """The form of ``nccid forget --json``."""
        return {"patients": self.patients, "erased": self.erased, "rewritten": self.rewritten, "refused": self.refused}


@dataclass(slots=True)
class Shelf:
    """A partition with records that have to go."""

    end: int = 0  # behind the last record, when it was read
    first: Found | None = None  # the first one that stays
    going: dict[int, Quarantined] = field(default_factory=dict)  # by offset, what is left of each


def withdrawn_on(kafka: KafkaSettings) -> dict[str, OptedOut]:
    """The withdrawn cases by patient, as they are published.

    Raises:
        TopicsUnavailableError: nobody answers, or none of our topics is there.
    """
    gone, _ = asyncio.run(_published(kafka))
    return gone


async def _published(kafka: KafkaSettings) -> tuple[dict[str, OptedOut], list[Found]]:
    async with TopicsReader(kafka) as reader:
        await reader.read([COVERAGE_STATUS.name, WITHDRAWALS.name])
        found = [each async for batch in reader.to_the_ends() for each in batch]
    return opted_out(published_cases(found).values()), [each for each in found if each.topic == WITHDRAWALS.name]


def forget(kafka: KafkaSettings) -> Forgotten:
    """One turn.

    Raises:
        TopicsUnavailableError: nobody answers, or a write was not acknowledged; nothing is lost, and the next turn does it.
    """
    try:
        return asyncio.run(_forget(kafka))
    except (KafkaError, AdminError, TimeoutError) as error:
        raise TopicsUnavailableError(
            f"the records of those who opted out could not be erased ({type(error).__name__}); do it again, nothing is lost"
        ) from None


async def _forget(kafka: KafkaSettings) -> Forgotten:
    gone, opt_outs = await _published(kafka)
    shelves = await _shelves(kafka, gone) if gone else {}
    if not shelves:
        return Forgotten(len(gone))
    if not await erase(kafka, dict.fromkeys(shelves, 0)):
        return Forgotten(len(gone), refused=True)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.servers, acks="all", linger_ms=5, **client_security(kafka))
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await producer.start()
    try:
        behind = Behind(producer)
        for testimony in unsaid(gone.values(), said_on(opt_outs)):
            await behind(WITHDRAWALS, testimony.match.encode(), WITHDRAWALS.wire.encode(testimony))
        for shelf in shelves.values():
            for left in shelf.going.values():
                await behind(QUARANTINE, quarantine_key(left.source), QUARANTINE.wire.encode(left))
        await behind.all_acknowledged()
        await _new_files(kafka, shelves, behind)
        rewritten = await _rewrite(kafka, shelves, behind)
    finally:
        await producer.stop()
    erased = await erase(kafka, {place: shelf.end for place, shelf in shelves.items()})
    return Forgotten(len(gone), sum(len(shelf.going) for shelf in shelves.values()), rewritten, refused=not erased)


async def _shelves(kafka: KafkaSettings, gone: Mapping[str, OptedOut]) -> dict[Place, Shelf]:
    """The partitions that hold records of these patients."""
    shelves: dict[Place, Shelf] = {}
    async with TopicsReader(kafka) as reader:
        await reader.read([topic.name for topic in SHELVES])
        async for batch in reader.to_the_ends():
            for found in batch:
                shelf = shelves.setdefault((found.topic, found.partition), Shelf())
                shelf.end = found.offset + 1
                record = record_of(found)
                if record is not None and record.patient in gone:
                    shelf.going[found.offset] = trace(found, record.event)
                elif shelf.first is None:
                    shelf.first = found
    return {place: shelf for place, shelf in shelves.items() if shelf.going}


async def _new_files(kafka: KafkaSettings, shelves: Mapping[Place, Shelf], behind: "Behind") -> None:
    """Makes the broker begin new files: what is rewritten must not lie in one file with what has to go."""
    topics = [topic for topic in SHELVES if any(place[0] == topic.name for place in shelves)]
    async with _in_a_thread(lambda: rolling(kafka, topics)):
        for shelf in shelves.values():
            if shelf.first is not None:
                await behind.again(shelf.first)
        await behind.all_acknowledged()


async def _rewrite(kafka: KafkaSettings, shelves: Mapping[Place, Shelf], behind: "Behind") -> int:
    """Writes what stays once more; answers how many records that were."""
    left = {place: shelf.end for place, shelf in shelves.items()}
    rewritten = 0
    async with TopicsReader(kafka) as reader:
        await reader.read(sorted({topic for topic, _ in shelves}))
        async for batch in reader.to_the_ends():
            for found in batch:
                place = (found.topic, found.partition)
                if place in left and found.offset < left[place] and found.offset not in shelves[place].going:
                    await behind.again(found)
                    rewritten += 1
    await behind.all_acknowledged()
    return rewritten


@dataclass(slots=True)
class Behind:
    """Writes behind the ends, some thousand at a time on their way."""

    producer: AIOKafkaProducer
    _waiting: list["asyncio.Future[object]"] = field(default_factory=list)

    async def __call__(self, topic: AnyTopic, key: bytes, value: bytes) -> None:
        """One record of ours."""
        await self._send(topic.name, key, value, None)

    async def again(self, found: Found) -> None:
        """A record as it is, in its own partition."""
        await self._send(found.topic, found.key, found.value, found.partition)

    async def _send(self, topic: str, key: bytes, value: bytes | None, partition: int | None) -> None:
        self._waiting.append(await self.producer.send(topic, value, key=key, partition=partition))
        if len(self._waiting) >= _IN_FLIGHT:
            await self.all_acknowledged()

    async def all_acknowledged(self) -> None:
        """Waits until the broker has everything.

        Raises:
            KafkaError, TimeoutError: it does not.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await asyncio.gather(*self._waiting)
        self._waiting.clear()


@contextlib.asynccontextmanager
async def _in_a_thread(manager: Callable[[], contextlib.AbstractContextManager[None]]) -> AsyncIterator[None]:
    """A context manager that waits for the broker, entered and left without stopping this loop."""
    within = manager()
    await asyncio.to_thread(within.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(within.__exit__, None, None, None)


def tidy(kafka: KafkaSettings) -> None:
    """Puts the topics' settings back, should a turn have been killed in the middle; to be called before the first turn."""
    restore(kafka, SHELVES)
