"""A lane that is over: what was given to it late neither takes the partition again nor is folded."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from streams.folding import Around, Folding
from streams.keeping import InMemory
from streams.lane import AtWork, Lane
from streams.limits import Limits
from streams.taking import Held
from streams.topology import TOPOLOGY
from tests.factories import NOON, given

STEP = TOPOLOGY.step("reconcile")


@dataclass
class Diary:
    """What was done, in order; ``hold`` keeps a partition from being taken."""

    lines: list[str] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, partition: int) -> Held:
        self.lines.append("begins")
        await self.hold.wait()
        self.lines.append("has it")
        return Held(partition=partition, writer=self, kept=InMemory(partition))

    async def write(self, _: Any) -> None:  # noqa: ANN401  # records
        self.lines.append("writes")

    async def settle(self) -> None:
        self.lines.append("settles")

    async def close(self) -> None:
        self.lines.append("lets go")

    def lane(self) -> Lane:
        step = AtWork(Folding(STEP, STEP.build(given()), Around(lambda: NOON, Limits(1000), None)), self.take)
        return Lane(0, [step], {"nccid.rows": [step]})


GARBAGE = SimpleNamespace(topic="nccid.rows", partition=0, offset=0, timestamp=0, key=b"k", value=b"garbage")


async def nothing() -> None: ...


def test_what_is_folded_is_settled_when_it_ends() -> None:
    async def run() -> list[str]:
        diary = Diary()
        diary.hold.set()
        lane = diary.lane()
        await lane.fold("nccid.rows", [GARBAGE], nothing)
        await lane.end()
        await lane.let_go()
        assert (lane.folded, lane.settled) == ({"nccid.rows": 1}, {"nccid.rows": 1})
        return diary.lines

    assert asyncio.run(run()) == ["begins", "has it", "writes", "settles", "lets go"]


def test_one_that_is_over_takes_nothing() -> None:
    async def run() -> list[str]:
        diary = Diary()
        lane = diary.lane()
        await lane.end()
        await lane.take()
        await lane.fold("nccid.rows", [GARBAGE], nothing)
        assert lane.folded == {}
        return diary.lines

    assert asyncio.run(run()) == []


def test_one_that_ends_while_it_takes_does_not_go_on() -> None:
    async def run() -> list[str]:
        diary = Diary()
        lane = diary.lane()
        folding = asyncio.create_task(lane.fold("nccid.rows", [GARBAGE], nothing))
        await asyncio.sleep(0.01)
        await lane.end()
        diary.hold.set()
        await folding
        assert (lane.folded, lane.is_taken) == ({}, False)
        return diary.lines

    assert asyncio.run(run()) == ["begins"]
