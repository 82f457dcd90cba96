"""Reading that is broken off by a signal: closed first, and then what the handler wants."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from handover.breaking_off import run


@pytest.fixture(autouse=True)
def handled() -> Iterator[list[str]]:
    """SIGTERM ends with SystemExit, as the commands have it."""
    happened: list[str] = []

    def end(*_: object) -> None:
        happened.append("handled")
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, end)
    yield happened
    signal.signal(signal.SIGTERM, before)


def test_what_is_done_is_done(handled: list[str]) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        handled.append("worked")

    run(work())
    assert handled == ["worked"]


@pytest.mark.parametrize("signals", [1, 3])
def test_it_is_closed_before_the_handler_has_its_turn_once(handled: list[str], signals: int) -> None:
    async def work() -> None:
        try:
            for _ in range(signals):
                signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            handled.append("closed")

    with pytest.raises(SystemExit):
        run(work())
    assert handled == ["closed", "handled"]


def test_a_thread_that_still_works_is_waited_for(handled: list[str]) -> None:
    def slow() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(0.2)
        handled.append("thread")

    with pytest.raises(SystemExit):
        run(asyncio.to_thread(slow))
    assert handled == ["thread", "handled"]


def test_afterwards_signals_do_what_they_did(handled: list[str]) -> None:
    async def nothing() -> None: ...

    run(nothing())
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    assert handled == ["handled"]


def test_what_goes_wrong_is_raised(handled: list[str]) -> None:
    async def wrong() -> None:
        raise ValueError("of the work")

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ValueError, match="of the work"):
        run(wrong())
    with pytest.raises(asyncio.CancelledError):
        run(cancelled())
    assert handled == []


def test_in_another_thread_no_signal_is_looked_for() -> None:
    seen: list[object] = []

    async def work() -> None:
        seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: run(work()))
    thread.start()
    thread.join()
    assert seen == [before]
