"""What the topics still hold that is sealed with an older key: while there is any, that key must not be retired."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import msgspec

from monitoring.topics import TopicsReader
from schemas.kafka import KafkaSettings
from schemas.records import Quarantined, Sealed
from schemas.topics import QUARANTINE, RAW_IMAGES, RAW_ROWS
from schemas.wire import UndecodableError

HOLDING = (RAW_ROWS.name, RAW_IMAGES.name, QUARANTINE.name)


class _Sealing(msgspec.Struct):
    """Of any record, only what sealed it."""

    identity: Sealed


_sealing = msgspec.json.Decoder(_Sealing)


def sealed_with_older(kafka: KafkaSettings, newest: int) -> dict[str, int]:
    """By topic, how many messages are sealed with an older key than the newest; topics without any are left out.

    Raises:
        TopicsUnavailableError: they cannot be read.
    """
    return asyncio.run(_counted(kafka, newest))


async def _counted(kafka: KafkaSettings, newest: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    async with TopicsReader(kafka) as reader:
        await reader.read([name for name in reader.names if name in HOLDING])
        async for batch in reader.to_the_ends():
            counts.update(found.topic for found in batch if any(each < newest for each in _versions(found.topic, found.value)))
    return dict(counts)


def _versions(topic: str, value: bytes | None) -> Iterator[int]:
    """The key versions by which something in this message is sealed."""
    content = value
    if topic == QUARANTINE.name:
        record = _quarantined(value or b"")
        if record and record.sealed:
            yield record.sealed.key_version
        content = record.original.encode() if record and record.original else None
    try:
        yield _sealing.decode(content or b"").identity.key_version
    except (msgspec.DecodeError, UnicodeDecodeError):
        return


def _quarantined(value: bytes) -> Quarantined | None:
    try:
        return QUARANTINE.wire.decode(value)
    except UndecodableError:
        return None
