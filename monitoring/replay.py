"""Replay: puts what is in quarantine on its source topic again, once the cause is gone.

The original payload goes back under its original key and into its partition. All folds are idempotent, so a replay too many does
no harm. What was kept sealed is opened only by whoever holds the keyring (``opener``), and is only put back if it can be decoded
by now: bytes that are no record may hold an identifier in clear, and are never written a second time.
"""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.quarantine import Reason
from monitoring.audit import WIRES
from monitoring.quarantine import Held
from monitoring.reading import client_security
from monitoring.topics import Found, TopicsReader, TopicsUnavailableError
from schemas.kafka import KafkaSettings
from schemas.problems import UnusableInputError
from schemas.records import Sealed
from schemas.topics import RAW_IMAGES, RAW_ROWS
from schemas.wire import UndecodableError

Opener = Callable[[Sealed, str], bytes]
"""Opens what was sealed under a context (the quarantine key); raises UnusableInputError where it cannot."""

_PATIENCE_SECONDS = 10.0
_RAW = {RAW_ROWS.name, RAW_IMAGES.name}

_DROPPED = "the patient has opted out; what arrived was dropped on purpose, and nothing of it was kept"
_DIGEST_ONLY = "the bytes are no record, and only their digest was kept; find the program that wrote them, and let it send again"
_NO_KEYRING = "the payload was kept sealed, and there is no keyring here to open it; replay it where the keyring is"
_STILL_NO_RECORD = "the payload was kept sealed, and is no record of its topic still; find the program that wrote it"
_NO_KEY = "its message key was not kept, being none of ours, and the record itself has gone from its topic"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one record that was to be replayed."""

    held: Held
    why_not: str | None  # None: it was put back

    @property
    def needed(self) -> bool:
        """Whether there was anything to do: what was dropped after an opt-out stays dropped."""
        return self.held.record.reason != Reason.WITHDRAWN

    def as_json(self) -> dict[str, object]:
        """One entry of ``nccid quarantine replay --json``."""
        return {"id": self.held.id, "replayed": self.why_not is None, "why_not": self.why_not}


class Places(Protocol):
    """Where one record can be read; a ``TopicsReader``."""

    async def at(self, topic: str, partition: int, offset: int) -> Found | None:
        """The record at one place, if it is still there."""
        ...


class CannotReplayError(Exception):
    """A record cannot be replayed; says why."""


def replay(kafka: KafkaSettings, chosen: Sequence[Held], opener: Opener | None) -> list[Replayed]:
    """Puts these records back on their source topics, in the order in which they came.

    Args:
        kafka: the cluster.
        chosen: what to replay.
        opener: opens sealed payloads; None where there is no keyring.

    Raises:
        TopicsUnavailableError: nobody answers, or a record was not acknowledged; those before it were.
    """
    return asyncio.run(_replay(kafka, chosen, opener))


async def _replay(kafka: KafkaSettings, chosen: Sequence[Held], opener: Opener | None) -> list[Replayed]:
    async with TopicsReader(kafka) as reader:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.servers, acks="all", **client_security(kafka))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await producer.start()
            return [Replayed(each, await _put_back(each, reader, producer, opener)) for each in chosen]
        except (KafkaError, TimeoutError) as error:
            raise TopicsUnavailableError(
                f"not all could be replayed ({type(error).__name__}); replay the same again, a replay too many does no harm"
            ) from None
        finally:
            await producer.stop()


async def _put_back(held: Held, reader: TopicsReader, producer: AIOKafkaProducer, opener: Opener | None) -> str | None:
    """Puts one record back; why not, if it cannot be."""
    source = held.record.source
    try:
        content = payload(held, opener)
        key = await original_key(held, reader)
    except CannotReplayError as error:
        return str(error)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await producer.send_and_wait(source.topic, content, key=key, partition=source.partition)
    return None


def payload(held: Held, opener: Opener | None) -> bytes:
    """The original payload.

    Raises:
        CannotReplayError: it was not kept, or cannot be opened, or is no record.
    """
    record = held.record
    if record.reason == Reason.WITHDRAWN:
        raise CannotReplayError(_DROPPED)
    if record.original is not None:
        return base64.b64decode(record.original)
    if record.sealed is None:
        raise CannotReplayError(_DIGEST_ONLY)
    if opener is None:
        raise CannotReplayError(_NO_KEYRING)
    try:
        content = opener(record.sealed, held.key)
        WIRES[record.source.topic].decode(content)
    except UnusableInputError as error:
        raise CannotReplayError(str(error)) from None
    except (KeyError, UndecodableError):
        raise CannotReplayError(_STILL_NO_RECORD) from None
    return content


async def original_key(held: Held, reader: Places) -> bytes:
    """The original message key: as it was kept, else as it lies on the source topic still.

    On raw topics the key says no more than the partition, which is known: there a record may go without.

    Raises:
        CannotReplayError: it was not kept, and has gone from the topic.
    """
    record = held.record
    if record.key is not None:
        try:
            return base64.b64decode(record.key, validate=True)
        except binascii.Error:
            raise CannotReplayError(_NO_KEY) from None
    found = await reader.at(record.source.topic, record.source.partition, record.source.offset)
    if found is not None and hashlib.sha256(found.value or b"").hexdigest() == record.digest:
        return found.key
    if record.source.topic in _RAW:
        return b""
    raise CannotReplayError(_NO_KEY)
