"""Following the published topics: reads them from where the state ends, and goes on; a broker that comes back is asked anew."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from monitoring.hub.known import TOPICS, Known, Message, Moved
from monitoring.hub.progress import Progress
from monitoring.reading import client_security
from schemas.kafka import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_CONNECT_SECONDS = 15.0
_AT_ONCE = 500  # messages between two looks at who asks meanwhile
_PARTITIONS = [TopicPartition(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]


class Following:
    """Keeps a ``Known`` up to date. It is replaced by a new one when the cluster is another, or lacks what was read."""

    def __init__(
        self,
        kafka: KafkaSettings,
        known: Known,
        progress: Progress,
        moved: Callable[[Moved], None],
        *,
        fetch_wait_ms: int = 250,
        ends_are_right: bool = True,
    ) -> None:
        """Nothing is read yet.

        Args:
            kafka: the cluster.
            known: what a snapshot holds, or nothing.
            progress: is kept up to date.
            moved: told of what changed, after each turn.
            fetch_wait_ms: how long the broker may hold back an answer to collect more; the embedded one always waits as long.
            ends_are_right: the broker knows where a partition ends; the embedded one does not.
        """
        self.known = known
        self._kafka, self._progress, self._moved = kafka, progress, moved
        self._fetch_wait_ms, self._ends_are_right = fetch_wait_ms, ends_are_right

    async def run(self) -> None:
        """Follows until it is cancelled."""
        said = ""
        while True:
            try:
                async with self._consumer() as consumer:
                    said = ""
                    await self._follow(consumer)
            except (OffsetOutOfRangeError, NoOffsetForPartitionError):
                log.warning("the topics no longer hold what follows on the state that was kept; reading everything anew")
                self.known = Known()
            except (KafkaError, OSError, TimeoutError) as error:
                if (trouble := f"{type(error).__name__}: {self._kafka.bootstrap} cannot be read; trying again") != said:
                    log.warning("%s", said := trouble)
            finally:
                self._progress.connected = self._progress.caught_up = False
            await asyncio.sleep(_AGAIN_SECONDS)

    @asynccontextmanager
    async def _consumer(self) -> "AsyncIterator[Any]":
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.servers,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=self._fetch_wait_ms,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            **client_security(self._kafka),
        )
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await consumer.start()
                await self._begin(consumer, await self._cluster())
            yield consumer
        finally:
            await consumer.stop()

    async def _cluster(self) -> str:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka.servers, **client_security(self._kafka))
        try:
            await admin.start()
            described = await admin.describe_cluster()
            return str(described["cluster_id"])
        finally:
            await admin.close()

    async def _begin(self, consumer: Any, cluster: str) -> None:  # noqa: ANN401  # aiokafka has no types
        """Goes to where the state ends; a state of another cluster, or of what is there no more, is let go of."""
        await consumer.topics()
        consumer.assign(_PARTITIONS)
        begins, ends = await consumer.beginning_offsets(_PARTITIONS), await consumer.end_offsets(_PARTITIONS)
        if self.known.offsets and not self._fits(cluster, begins, ends):
            log.warning("the state that was kept belongs to other topics; reading everything anew")
            self.known = Known()
        self.known.cluster = cluster
        self._ends = ends
        for place in _PARTITIONS:
            consumer.seek(place, self.known.offsets.get((place.topic, place.partition), begins[place]))
        self._progress.behind = await self._behind(consumer)
        self._progress.connected = True

    def _fits(self, cluster: str, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int]) -> bool:
        offsets = {TopicPartition(*place): offset for place, offset in self.known.offsets.items()}
        within = all(begins[place] <= offset <= ends[place] for place, offset in offsets.items() if place in ends)
        return self.known.cluster == cluster and (within or not self._ends_are_right)

    async def _follow(self, consumer: Any) -> None:  # noqa: ANN401  # aiokafka has no types
        while True:
            batches = await consumer.getmany(timeout_ms=self._fetch_wait_ms, max_records=_AT_ONCE)
            found = [message for batch in batches.values() for message in batch]
            moved = self.known.take(_message(each) for each in found)
            behind = await self._behind(consumer)
            self._progress.took(len(found), behind, max((each.timestamp for each in found), default=None))
            self._progress.caught_up = self._progress.caught_up or not behind
            self._moved(moved)
            await asyncio.sleep(0)

    async def _behind(self, consumer: Any) -> int:  # noqa: ANN401  # aiokafka has no types
        """How many messages are there that were not taken in, as far as the broker has said."""
        behind = 0
        for place in _PARTITIONS:
            end = max(self._ends[place], consumer.highwater(place) or 0)
            behind += max(0, end - await consumer.position(place))
        return behind


def _message(found: Any) -> Message:  # noqa: ANN401  # aiokafka's record
    return Message(found.topic, found.partition, found.offset, found.key or b"", found.value)
