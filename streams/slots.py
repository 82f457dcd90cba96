"""A worker's own place on its machine: where its copy of the state lies, and under which name the group knows it again.

A worker that was killed and is started again takes the same place: its state is still there, and the group gives it the same
partitions at once, without waiting for the session of the one that was killed to run out (static membership, KIP-345). A place is
held by a lock that ends with the process, so two workers of one home never share one, also when one of them hangs.
"""

import fcntl
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from streams.disk import DiskError

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A folder that only this process uses, and the name that goes with it."""

    folder: Path
    member: str
    lock: int  # file descriptor; open as long as the process lives


def take_slot(folder: Path) -> Slot:
    """The first place under ``folder`` that nobody holds.

    Raises:
        DiskError: the folder cannot be written.
    """
    try:
        for number in range(_MOST):
            own = folder / str(number)
            own.mkdir(parents=True, exist_ok=True)
            lock = os.open(own / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            return Slot(own, _member(own / "member"), lock)
    except OSError as error:
        raise DiskError(f"{folder} cannot be used ({error.strerror}): what the steps keep is to lie there") from None
    raise DiskError(f"{folder} has no place left: {_MOST} workers use it")


def _member(file: Path) -> str:
    """The name in this file, made when it is missing or damaged."""
    try:
        return str(uuid.UUID(file.read_text(encoding="ascii")))
    except (FileNotFoundError, ValueError):
        name = str(uuid.uuid4())
        new = file.with_suffix(".new")
        new.write_text(name, encoding="ascii")
        new.replace(file)
        return name
