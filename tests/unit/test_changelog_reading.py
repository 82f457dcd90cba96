"""Reading what a step kept: what is being written to disk when a rebalance cuts the reading short is written to its end."""

import asyncio
import threading

import pytest

from streams.changelog import _settled
from streams.keeping import InMemory


class Slow(InMemory):
    """A disk that takes its time."""

    def __init__(self) -> None:
        super().__init__(0)
        self.began, self.may_end = threading.Event(), threading.Event()

    def settle(self, position: int | None) -> None:  # noqa: ARG002  # as the protocol has it
        self.began.set()
        self.may_end.wait()


def test_nobody_closes_what_is_being_written() -> None:
    kept = Slow()

    async def cut_short() -> None:
        reading = asyncio.create_task(_settled(kept, 1))
        await asyncio.to_thread(kept.began.wait)
        reading.cancel()
        _, pending = await asyncio.wait([reading], timeout=0.2)
        assert pending, "it ended before the disk had what was handed to it"
        kept.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(cut_short())


def test_a_disk_that_fails_is_heard_of() -> None:
    class Broken(InMemory):
        def settle(self, position: int | None) -> None:  # noqa: ARG002  # as the protocol has it
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        asyncio.run(_settled(Broken(0), 1))
