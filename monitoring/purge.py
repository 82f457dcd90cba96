"""Purge: lets go of what is in quarantine, and says honestly how far that goes.

Each record is written again without its payload, dated: from then on that is what is held, and the audit still knows that the
event is accounted for. That works on every broker. One that has DeleteRecords (Apache Kafka) then erases at once what is before
the first record that has to stay; what is left of the bytes goes when the topic's 90 days are over. The embedded broker has no
such request; it forgets everything when it stops.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.quarantine import purged
from monitoring.erasing import erase
from monitoring.quarantine import Held, Quarantine
from monitoring.reading import client_security
from monitoring.topics import TopicsReader, TopicsUnavailableError
from schemas.kafka import KafkaSettings
from schemas.topics import QUARANTINE

_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did."""

    purged: int
    erased: dict[int, int] = field(default_factory=dict)  # partition of the topic -> the offset before which all is erased
    refused: bool = False  # the broker cannot erase

    def as_json(self) -> dict[str, object]:
        """The form of ``nccid quarantine purge --json``."""
        return {"purged": self.purged, "erased": bool(self.erased) and not self.refused}


def read_quarantine(kafka: KafkaSettings) -> Quarantine:
    """All that is in quarantine.

    Raises:
        TopicsUnavailableError: nobody answers, or none of our topics is there.
    """
    return asyncio.run(_read(kafka))


async def _read(kafka: KafkaSettings) -> Quarantine:
    quarantine = Quarantine()
    async with TopicsReader(kafka) as reader:
        await reader.read([QUARANTINE.name])
        async for found in reader.to_the_ends():
            for each in found:
                quarantine.take(each)
    return quarantine


def purge(kafka: KafkaSettings, chosen: Sequence[Held], now: dt.datetime) -> Purged:
    """Lets go of these records.

    Raises:
        TopicsUnavailableError: nobody answers, or a record was not acknowledged; those before it were purged.
    """
    if not chosen:
        return Purged(0)
    asyncio.run(_mark(kafka, chosen, now))
    return asyncio.run(_erase(kafka, len(chosen), read_quarantine(kafka).erasable()))


async def _mark(kafka: KafkaSettings, chosen: Sequence[Held], now: dt.datetime) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.servers, acks="all", **client_security(kafka))
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await producer.start()
        for each in chosen:
            left = QUARANTINE.wire.encode(purged(each.record, now))
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await producer.send_and_wait(QUARANTINE.name, left, key=each.key.encode(), partition=each.partition)
    except (KafkaError, TimeoutError) as error:
        raise TopicsUnavailableError(f"not all could be purged ({type(error).__name__}); purge the same again") from None
    finally:
        await producer.stop()


async def _erase(kafka: KafkaSettings, number: int, before: dict[int, int]) -> Purged:
    done = await erase(kafka, {(QUARANTINE.name, partition): offset for partition, offset in before.items()})
    return Purged(number, before) if done else Purged(number, refused=True)
