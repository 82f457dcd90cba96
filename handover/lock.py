"""One export at a time to an object store: an object that only one can make, and that says whose it is.

Nobody can tell from afar whether its owner is still at work, and an export may take hours. So it never runs out by itself: who
finds it left over is told whose it was, and takes it away (``nccid export --unlock``).
"""

import datetime as dt
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec

from handover.destination import DestinationError
from handover.layout import LOCK


class Store(Protocol):
    """What a lock needs of a place."""

    def create(self, path: str, content: bytes) -> bool:
        """Puts an object where there is none; whether it was this one that made it."""
        ...

    def get(self, path: str) -> bytes | None:
        """What an object holds."""
        ...

    def delete(self, path: str) -> None:
        """Deletes an object."""
        ...


class Owner(msgspec.Struct, frozen=True):
    """Who holds the lock."""

    id: str
    host: str
    process: int
    since: dt.datetime

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.since:%d/%m/%Y %H:%M} UTC"


@contextmanager
def held(store: Store, where: str) -> Iterator[None]:
    """Holds the lock of a place.

    Args:
        store: the place.
        where: its name, for people.

    Raises:
        DestinationError: somebody else holds it; says who, and what to do.
    """
    mine = Owner(uuid.uuid4().hex, socket.gethostname(), os.getpid(), dt.datetime.now(dt.UTC))
    try:  # also of what is interrupted between making it and knowing so
        made = store.create(LOCK, msgspec.json.encode(mine))
        theirs = owner(store)  # a try that went through without an answer is ours too
        if theirs is None or theirs.id != mine.id:
            raise DestinationError(_in_use(where, theirs) if theirs or not made else f"{where} does not keep what is put there")
        if store.create(LOCK, msgspec.json.encode(mine)):  # it lets everybody make what is there already
            raise DestinationError(
                f"{where} does not know conditional puts (If-None-Match), so two exports cannot be kept apart there"
            )
        yield
    finally:
        release(store, mine)


def owner(store: Store) -> Owner | None:
    """Who holds the lock; None where nobody does."""
    content = store.get(LOCK)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Owner)
    except msgspec.MsgspecError:
        return Owner("", "an unknown machine", 0, dt.datetime.fromtimestamp(0, dt.UTC))


def release(store: Store, mine: Owner) -> None:
    """Lets go of the lock, unless somebody else has it by now."""
    theirs = owner(store)
    if theirs is not None and theirs.id == mine.id:
        store.delete(LOCK)


def _in_use(where: str, theirs: Owner | None) -> str:
    who = f" ({theirs})" if theirs else ""
    return (
        f"another export runs to {where}{who}; wait until it is done. If that process is no more, its lock stays until somebody "
        f"takes it away: make sure of it, run `nccid export --to {where} --unlock`, then export again"
    )
