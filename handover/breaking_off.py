"""Work of asyncio that a signal breaks off at a place where it waits, not within a step, so that all is closed in order.

A handler that raises (``SystemExit``, ``KeyboardInterrupt``) may do so amid the loop's own work, or in a task whose result nobody
asks for any more. Here the work is cancelled first, and the handler has its turn when all is closed.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)

_Note = Callable[[int, FrameType | None], None]


def run(work: Coroutine[None, None, None]) -> None:
    """As ``asyncio.run``; where SIGINT or SIGTERM comes and somebody handles it, that is done after the work has been closed.

    Raises:
        BaseException: what the work or the handler raises.
    """
    came: list[int] = []
    with _noting(came) as cancels, asyncio.Runner() as runner:
        loop = runner.get_loop()
        task = loop.create_task(work)
        cancels.append(lambda: None if task.done() else loop.call_soon_threadsafe(task.cancel))
        try:
            if not came:
                loop.run_until_complete(task)
        except asyncio.CancelledError:
            if not came:
                raise


@contextmanager
def _noting(came: list[int]) -> Iterator[list[Callable[[], object]]]:
    """Signals are noted, and call what is put into the list; their own handlers have their turn when this is left."""
    cancels: list[Callable[[], object]] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)
        for cancel in cancels:
            cancel()

    handlers = _handlers()
    for each in handlers:
        signal.signal(each, note)
    try:
        yield cancels
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        if came:
            handlers[signal.Signals(came[0])](came[0], None)


def _handlers() -> dict[signal.Signals, _Note]:
    """What is done at signals now; nothing in a thread that none reaches."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {each: handler for each in _ENDING if callable(handler := signal.getsignal(each))}
