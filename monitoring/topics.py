"""Reading whole topics, whatever lies on them: from the first record to the last, and on."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitoring.reading import client_security
from schemas.kafka import KafkaSettings
from schemas.problems import WorkFailedError
from schemas.topics import TOPICS

PREFIX = "nccid"
"""What the names of our topics begin with; others on the cluster are not ours to read."""

_FETCH_WAIT_MS = 20
_PARTITION_BYTES = 64 * 1024  # of a partition in one answer, which the embedded broker does not heed, and
_ANSWER_BYTES = 256 * 1024  # in all, which it heeds; or one batch, if that is larger
_AT_ONCE = 500  # records in a piece: memory does not grow with what lies there
_EMPTY_POLLS = 5  # in a row, until what comes after a misreported end is sure to have come
_EMPTY_POLL_MS = 3 * _FETCH_WAIT_MS
_LINGER_SECONDS = 3.0  # after the reported ends, where something comes all the time
_PATIENCE_SECONDS = 10.0


class TopicsUnavailableError(WorkFailedError):
    """The topics cannot be read; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it lies on the broker."""

    topic: str
    partition: int
    offset: int
    timestamp: int  # milliseconds since 1970
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it lies."""
        return (self.topic, self.partition, self.offset)

    def __repr__(self) -> str:
        return f"Found({self.topic}, partition {self.partition}, offset {self.offset})"


class TopicsReader:
    """Some topics from their first records on; an async context manager."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._partitions: dict[str, list[TopicPartition]] = {}

    @property
    def names(self) -> list[str]:
        """The topics of ours that there are."""
        return sorted(self._partitions)

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            fetch_max_bytes=_ANSWER_BYTES,
            max_partition_fetch_bytes=_PARTITION_BYTES,
            **client_security(self._kafka),
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._consumer.start()
                self._partitions = await self._ours()
            self._require_ours()
        except (KafkaError, OSError, TimeoutError) as error:
            await self._consumer.stop()
            raise TopicsUnavailableError(
                f"nothing can be read from {self._kafka.bootstrap} ({type(error).__name__}); is `nccid up` running?"
            ) from None
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def _ours(self) -> dict[str, list[TopicPartition]]:
        names = [name for name in await self._consumer.topics() if name.startswith(PREFIX)]
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.servers, **client_security(self._kafka))
        try:
            await admin.start()
            described = await admin.describe_topics(names) if names else []
        finally:
            await admin.close()
        return {
            each["topic"]: [TopicPartition(each["topic"], one["partition"]) for one in each["partitions"]] for each in described
        }

    def _require_ours(self) -> None:
        if not {topic.name for topic in TOPICS} & set(self.names):
            raise TopicsUnavailableError("none of our topics is on this cluster; start `nccid up` first")

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, names: Collection[str]) -> None:
        """Turns to these topics, each from its first record on, or from where it was read up to."""
        partitions = [partition for name in names for partition in self._partitions[name]]
        positions = {each: await self._consumer.position(each) for each in self._consumer.assignment()}
        self._consumer.assign(partitions)
        for partition in partitions:
            if partition in positions:
                self._consumer.seek(partition, positions[partition])
        if begun := [each for each in partitions if each not in positions]:
            await self._consumer.seek_to_beginning(*begun)

    async def poll(self, wait_ms: int = 2 * _FETCH_WAIT_MS) -> list[Found]:
        """What has come since; nothing when nothing came for a moment."""
        batches = await self._consumer.getmany(timeout_ms=wait_ms, max_records=_AT_ONCE)
        return [_found(message) for messages in batches.values() for message in messages]

    async def to_the_ends(self) -> AsyncIterator[list[Found]]:
        """All records up to the ends as they are at the start, in pieces.

        The embedded broker reports as the end of a partition the first offset of its last batch plus one (docs/decisions). So the
        end is reached when the position has passed what was reported and then nothing comes for several fetches.

        Raises:
            TopicsUnavailableError: nothing comes any more, though the ends are not reached.
        """
        ends = await self._ends()
        empty, since = 0, time.monotonic()
        while True:
            found = await self.poll(_EMPTY_POLL_MS)
            if found:
                yield found
                empty = 0
            else:
                empty += 1
            reached = await self._reached(ends)
            if found and not reached:
                since = time.monotonic()
            late = time.monotonic() - since
            if reached and (empty >= _EMPTY_POLLS or late > _LINGER_SECONDS):
                return
            if late > _PATIENCE_SECONDS:
                raise TopicsUnavailableError(f"{self._kafka.bootstrap} answers no more; is `nccid up` running?")

    async def _ends(self) -> dict[TopicPartition, int]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                ends: dict[TopicPartition, int] = await self._consumer.end_offsets(list(self._consumer.assignment()))
        except (KafkaError, TimeoutError) as error:
            raise TopicsUnavailableError(f"{self._kafka.bootstrap} does not answer ({type(error).__name__})") from None
        return ends

    async def _reached(self, ends: dict[TopicPartition, int]) -> bool:
        return all([await self._consumer.position(partition) >= end for partition, end in ends.items()])

    async def at(self, topic: str, partition: int, offset: int) -> Found | None:
        """The record at one place, if it is still there."""
        place = TopicPartition(topic, partition)
        if place not in self._partitions.get(topic, ()):
            return None
        self._consumer.assign([place])
        if (await self._consumer.beginning_offsets([place]))[place] > offset:
            return None
        self._consumer.seek(place, offset)
        for _ in range(10 * _EMPTY_POLLS):
            for found in await self.poll(_EMPTY_POLL_MS):
                return found if found.offset == offset else None
        return None


def _found(message: Any) -> Found:  # noqa: ANN401  # aiokafka's record
    return Found(
        message.topic, message.partition, message.offset, message.timestamp, message.key or b"", message.value, message.headers
    )
