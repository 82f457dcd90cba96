"""Asks the system to keep what the hub knows in large pages, so that a look-up among a million cases waits less for memory.

Each look-up touches some ten places that no cache holds, and for each the processor first looks for the page: with pages of 2 MiB
instead of 4 KiB there are five hundred times fewer of them (decision 32). Where the system does not know of large pages, or has
none, everything stays as it was.
"""

import asyncio
import ctypes
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_FROM_NOW_ON, _AT_ONCE = 14, 25  # MADV_HUGEPAGE; MADV_COLLAPSE, which Linux has since 6.1
_PAGE = 2 * 1024 * 1024
_LEAST = 2 * _PAGE  # smaller stretches gain nothing
_MAPS = Path("/proc/self/maps")
_LOOK_SECONDS = 15.0
_BUSY_SECONDS, _PAUSE_SECONDS = 0.001, 0.005  # what takes longer has moved something, and others wait for it meanwhile

Advise = Callable[[int, int, int], int]
"""Of the system: address, length, advice."""


async def keep_in_large_pages() -> None:
    """Does so as the memory grows, until it is cancelled."""
    advise = _system()
    while advise is not None:
        await asyncio.to_thread(ask, advise)
        await asyncio.sleep(_LOOK_SECONDS)


def ask(advise: Advise) -> None:
    """Asks once, page by page. A page that the system does not make large stays as it is."""
    for begin, end in list(stretches(_MAPS.read_text(encoding="utf-8", errors="replace"))):
        advise(begin, end - begin, _FROM_NOW_ON)
        first = -(-begin // _PAGE) * _PAGE
        for page in range(first, end - _PAGE + 1, _PAGE):
            began = time.perf_counter()
            advise(page, _PAGE, _AT_ONCE)
            if time.perf_counter() - began > _BUSY_SECONDS:
                time.sleep(_PAUSE_SECONDS)


def stretches(maps: str) -> Iterator[tuple[int, int]]:
    """Where the program's own data lies, begin and end of each large stretch, as ``/proc/self/maps`` has it."""
    for line in maps.splitlines():
        fields = line.split()
        begin, end = (int(number, 16) for number in fields[0].split("-"))
        own = fields[1] == "rw-p" and fields[4] == "0" and fields[5:] in ([], ["[heap]"])
        if own and end - begin >= _LEAST:
            yield begin, end


def _system() -> Advise | None:
    """The system's call; None where there is none."""
    try:
        call = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None
    if not _MAPS.is_file():
        return None
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return call
