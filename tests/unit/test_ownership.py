"""Which partitions a worker owns: taken over when they come, kept while nobody else can have had them, then let go."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from streams.keeping import InMemory
from streams.ownership import Owned, Ownership
from streams.steps import Emitted


@dataclass
class Diary:
    """What was done, in order."""

    lines: list[str] = field(default_factory=list)

    async def take_over(self, partition: int) -> Owned:
        await asyncio.sleep(0)
        self.lines.append(f"take over {partition}")
        return Owned(partition=partition, writer=DiaryWriter(self, partition), kept=InMemory(partition))


@dataclass
class DiaryWriter:
    """A writer that notes what it is asked for."""

    diary: Diary
    partition: int

    async def send(self, emitted: Emitted, partition: int | None, done: Callable[[], object]) -> None:
        raise NotImplementedError

    async def commit(self) -> None:
        self.diary.lines.append(f"commit {self.partition}")

    async def close(self) -> None:
        self.diary.lines.append(f"let go {self.partition}")


def after(*steps: Callable[[Ownership], Awaitable[object]], lasting: bool = False) -> list[str]:
    """What was done in these steps."""
    diary = Diary()

    async def run() -> None:
        ownership = Ownership(diary.take_over, lasting=lasting)
        for step in steps:
            await step(ownership)

    asyncio.run(run())
    return diary.lines


def test_a_partition_is_taken_over_once() -> None:
    assert after(lambda own: own.of(1, 5), lambda own: own.of(1, 5)) == ["take over 1"]


def test_two_who_ask_at_the_same_time_get_the_same() -> None:
    assert after(lambda own: asyncio.gather(own.of(1, 5), own.of(1, 5), own.only({1, 2}, 5))) == ["take over 1", "take over 2"]


def test_it_stays_ours_through_a_rebalance_that_leaves_it_with_us() -> None:
    assert after(lambda own: own.of(1, 5), lambda own: own.of(1, 6), lambda own: own.of(1, 7)) == ["take over 1"]


def test_it_is_taken_over_anew_when_somebody_else_may_have_had_it() -> None:
    assert after(lambda own: own.of(1, 5), lambda own: own.of(1, 7)) == ["take over 1", "let go 1", "take over 1"]


def test_a_message_of_an_older_generation_changes_nothing() -> None:
    assert after(lambda own: own.of(1, 6), lambda own: own.of(1, 5), lambda own: own.of(1, 7)) == ["take over 1"]


def test_what_is_gone_is_let_go() -> None:
    assert after(lambda own: own.only({1, 2}, 5), lambda own: own.only({2, 3}, 6)) == [
        "take over 1",
        "take over 2",
        "let go 1",
        "take over 3",
    ]


@pytest.mark.parametrize("generation", [6, 9])
def test_where_there_is_nobody_else_everything_stays_ours(generation: int) -> None:
    assert after(lambda own: own.only({1}, 5), lambda own: own.only(set(), generation), lasting=True) == ["take over 1"]


def test_what_was_written_is_made_last_before_it_is_let_go() -> None:
    assert after(lambda own: own.only({1}, 5), lambda own: own.commit(), lambda own: own.close()) == [
        "take over 1",
        "commit 1",
        "commit 1",
        "let go 1",
    ]
