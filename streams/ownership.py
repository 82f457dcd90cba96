"""Who owns what is kept: each partition of a step has one owner among the workers, with its state, its deadlines and its writer.

Kafka gives a partition to one worker, but cannot take it from a worker that does not listen: one that was paused, or cut off, may
write what was true a minute ago over what is true now. So a worker takes a partition over in this order: it takes the name under
which the partition's owner writes, which the broker thereby denies to the one before; it reads what was kept; it begins to fold.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from schemas.kafka import KafkaSettings
from schemas.topics import AnyTopic
from streams.changelog import read_kept
from streams.keeping import InMemory, Part
from streams.steps import Working
from streams.writing import OwnersWriter, Writer


@dataclass(kw_only=True)
class Owned(Part):
    """One partition of a step in this worker, with its writer."""

    writer: Writer
    generation: int = 0  # of the group, when we last knew that the partition was ours


TakeOver = Callable[[int], Awaitable[Owned]]
"""Makes this worker the owner of a partition."""


def fenced(kafka: KafkaSettings, step: str, keeps: AnyTopic, working: Working) -> TakeOver:
    """Taking over on a cluster: the owner's name, then what was kept, then its deadlines."""

    async def take_over(partition: int) -> Owned:
        writer = OwnersWriter(kafka, f"nccid-{step}-{partition}")
        await writer.take_over()
        kept = InMemory(partition)
        await read_kept(kafka, keeps, working, kept, (partition, 0))
        return Owned(partition=partition, writer=writer, kept=kept)

    return take_over


def unfenced(writer: Writer) -> TakeOver:
    """Taking over on the embedded broker, where a step has one worker, which begins with nothing and folds everything anew."""

    async def take_over(partition: int) -> Owned:
        return Owned(partition=partition, writer=writer, kept=InMemory(partition))

    return take_over


class Ownership:
    """The partitions of a step that this worker owns."""

    def __init__(self, take_over: TakeOver, *, lasting: bool) -> None:
        """With ``lasting``, what was once taken over stays ours: there is nobody else."""
        self._take_over = take_over
        self._lasting = lasting
        self._owned: dict[int, Owned] = {}
        self._lock = asyncio.Lock()

    @property
    def all(self) -> list[Owned]:
        """What this worker owns now."""
        return list(self._owned.values())

    async def of(self, partition: int, generation: int) -> Owned:
        """The partition, taken over if it is not ours, or was not without a break, up to this generation of the group."""
        owned = self._owned.get(partition)
        if owned is not None and self._is_still_ours(owned, generation):
            return owned
        async with self._lock:
            owned = self._owned.get(partition)
            if owned is not None and self._is_still_ours(owned, generation):
                return owned
            await self._let_go(partition)
            owned = await self._take_over(partition)
            owned.generation = generation
            self._owned[partition] = owned
            return owned

    async def only(self, partitions: Collection[int], generation: int) -> None:
        """Owns these partitions and no others."""
        if not self._lasting:
            async with self._lock:
                for gone in self._owned.keys() - set(partitions):
                    await self._let_go(gone)
        for partition in sorted(partitions):
            await self.of(partition, generation)

    async def commit(self) -> None:
        """Makes last what was written so far, for all partitions."""
        await asyncio.gather(*(owned.writer.commit() for owned in self.all))

    async def close(self) -> None:
        """Makes last what was written, and lets go of everything."""
        await self.commit()
        for partition in list(self._owned):
            await self._let_go(partition)

    def _is_still_ours(self, owned: Owned, generation: int) -> bool:
        """Between two generations that follow each other nobody else can have had it."""
        if not self._lasting and generation - owned.generation > 1:
            return False
        owned.generation = max(generation, owned.generation)
        return True

    async def _let_go(self, partition: int) -> None:
        owned = self._owned.pop(partition, None)
        if owned is not None:
            await owned.writer.close()
