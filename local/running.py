"""Whether ``nccid up`` runs on a home, and where its parts answer: a lock that only the living hold, and a small file."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from local.homes import HomeError
from schemas.home import Home
from schemas.records import Record


class Running(Record, frozen=True, kw_only=True):
    """Addresses of a running set-up."""

    pid: int
    bootstrap: str
    embedded: bool
    listeners: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # role -> its address: portal and hub a URL, the node HOST:PORT

    @property
    def ready_line(self) -> str:
        """The one line on stdout that says that all roles answer."""
        addresses = {**self.listeners, "broker": self.bootstrap}
        return " ".join(["ready", *(f"{role}={address}" for role, address in addresses.items())])


@contextmanager
def exclusive(home: Home) -> Iterator[None]:
    """Holds the home's lock, which the kernel frees when this process ends, however it ends.

    Raises:
        HomeError: another ``nccid up`` holds it.
    """
    home.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HomeError(f"`nccid up` runs on {home.root} already; stop it first, or choose another --dir") from None
        _facts(home).unlink(missing_ok=True)
        yield
        _facts(home).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _facts(home: Home) -> Path:
    return home.run / "up.json"


def publish_running(home: Home, running: Running) -> None:
    """Lets other commands find this set-up."""
    beside = home.run / "up.json.new"
    beside.write_bytes(msgspec.json.encode(running))
    beside.replace(_facts(home))


def find_running(home: Home) -> Running | None:
    """The set-up that runs on this home and is ready, or None."""
    try:
        descriptor = os.open(home.run / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # held: somebody runs
        return _read(home)
    finally:
        os.close(descriptor)
    return None


def _read(home: Home) -> Running | None:
    try:
        return msgspec.json.decode(_facts(home).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
