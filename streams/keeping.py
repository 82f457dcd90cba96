"""What a step keeps of one partition: the latest record under each key, and when the clock alone will change it."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from streams.deadlines import Deadlines


class Kept(Protocol):
    """The records that a step keeps of a partition. In memory here; on disk in ``streams.disk``."""

    def expect(self, keys: Iterable[bytes]) -> None:
        """These keys will be asked for next, so that they can be fetched together."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """The latest record under a key."""
        ...

    def put(self, key: bytes, value: bytes, deadline: dt.datetime | None) -> None:
        """Keeps a record, and when the clock alone will change it (None: never)."""
        ...

    def forget(self, key: bytes) -> None:
        """Keeps nothing under this key any more."""
        ...

    def values(self) -> Iterator[bytes]:
        """All that is kept."""
        ...

    def is_due(self, at: dt.datetime) -> bool:
        """Whether a deadline has passed."""
        ...

    def due(self, at: dt.datetime) -> list[bytes]:
        """The keys whose deadline has passed; they stay due until ``put`` says otherwise."""
        ...

    def settle(self, position: int | None) -> None:
        """All that was put so far is on the topic for good: before this offset of its partition, or where it was (None)."""
        ...

    def close(self) -> None:
        """Lets go."""
        ...


class InMemory:
    """Keeps records for as long as the process lives."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._values: dict[bytes, bytes] = {}
        self._deadlines = Deadlines()

    def expect(self, keys: Iterable[bytes]) -> None:
        """Nothing to fetch."""

    def get(self, key: bytes) -> bytes | None:
        """The latest record under a key."""
        return self._values.get(key)

    def put(self, key: bytes, value: bytes, deadline: dt.datetime | None) -> None:
        """Keeps a record, and its deadline."""
        self._values[key] = value
        self._deadlines.note(key, deadline)

    def forget(self, key: bytes) -> None:
        """Keeps nothing under this key any more."""
        self._values.pop(key, None)
        self._deadlines.note(key, None)

    def values(self) -> Iterator[bytes]:
        """All that is kept."""
        return iter(list(self._values.values()))

    def is_due(self, at: dt.datetime) -> bool:
        """Whether a deadline has passed."""
        return self._deadlines.is_due(self._partition, at)

    def due(self, at: dt.datetime) -> list[bytes]:
        """The keys whose deadline has passed, earliest first."""
        return self._deadlines.due(self._partition, at)

    def settle(self, position: int | None) -> None:
        """Nothing to write down."""

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(kw_only=True)
class Part:
    """One partition of a step in this worker."""

    partition: int
    kept: Kept
    is_ticking: bool = False  # a tick is on its way
