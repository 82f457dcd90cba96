"""Taking a partition over, for the fast runner: the owner's name first, then what was kept, from disk and from the topic."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer

from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic
from streams.batching import BatchWriter, OwnersBatches, Place, PlainBatches
from streams.changelog import BeyondTheEndError, read_kept
from streams.disk import OnDisk
from streams.keeping import InMemory, Part
from streams.steps import Step, Working

log = logging.getLogger(__name__)

_WORTH_SAYING_SECONDS = 2.0


@dataclass(kw_only=True)
class Held(Part):
    """One partition of a step, with the way out for what follows from its messages."""

    writer: BatchWriter

    async def close(self) -> None:
        """Lets go."""
        await self.writer.close()
        self.kept.close()


Take = Callable[[int], Awaitable[Held]]
"""Makes this worker the owner of a partition."""


def taking_alone(producer: AIOKafkaProducer, step: Step) -> Take:
    """On the embedded broker a step has one worker, which begins with nothing; and a step that keeps nothing needs no owner."""

    async def take(partition: int) -> Held:
        own = None if step.keeps is None else Place(step.keeps, partition)
        return Held(partition=partition, writer=PlainBatches(producer, own), kept=InMemory(partition))

    return take


@dataclass(frozen=True, slots=True)
class TakingOver:
    """On a cluster: who had the partition before can write no more, then what was kept is read."""

    kafka: KafkaSettings
    step: Step
    keeps: AnyTopic
    working: Working
    folder: Path  # of this worker
    cluster: str
    reading: asyncio.Semaphore

    async def __call__(self, partition: int) -> Held:
        """Takes it.

        Raises:
            KafkaError: the broker does not let us, or the topic cannot be read.
            DiskError: the disk cannot be used.
        """
        writer = OwnersBatches(self.kafka, f"nccid-{self.step.name}-{partition}", Place(self.keeps, partition))
        try:
            await writer.take_over()
            async with self.reading:
                return Held(partition=partition, writer=writer, kept=await self._kept(partition))
        except BaseException:  # also when a rebalance comes in between: nothing may stay open that is opened again soon
            await writer.close()
            raise

    async def _kept(self, partition: int) -> OnDisk:
        began = time.monotonic()
        kept = self._open(partition)
        try:
            count = await self._read(kept, partition)
        except BeyondTheEndError:
            log.warning("what %s keeps of partition %d is of another topic: it is read anew", self.step.name, partition)
            kept.discard()
            kept = self._open(partition)
            count = await self._read(kept, partition)
        seconds = time.monotonic() - began
        if seconds > _WORTH_SAYING_SECONDS:
            log.warning("read %d records of what %s keeps of partition %d in %.1f s", count, self.step.name, partition, seconds)
        return kept

    async def _read(self, kept: OnDisk, partition: int) -> int:
        try:
            return await read_kept(self.kafka, self.keeps, self.working, kept, (partition, kept.position))
        except BeyondTheEndError:
            raise
        except BaseException:
            kept.close()
            raise

    def _open(self, partition: int) -> OnDisk:
        identity = f"{self.cluster}/{self.keeps.name}/{partition}"
        return OnDisk(self.folder / self.step.name / str(partition), identity, self.working.deadline)
