"""Deadlines: when the clock alone will change what a step keeps; an index in memory, made anew at each start."""

import datetime as dt
import heapq
from collections import defaultdict

from streams.partitions import partition_of


class Deadlines:
    """Keys by deadline, for each partition. A deadline that has moved leaves an old entry behind, which is passed over."""

    def __init__(self) -> None:
        self._of_key: dict[bytes, dt.datetime] = {}
        self._heaps: dict[int, list[tuple[dt.datetime, bytes]]] = defaultdict(list)

    def note(self, key: bytes, deadline: dt.datetime | None) -> None:
        """The deadline of what is kept under a key, or that there is none any more."""
        if deadline is None:
            self._of_key.pop(key, None)
        elif self._of_key.get(key) != deadline:
            self._of_key[key] = deadline
            heapq.heappush(self._heaps[partition_of(key)], (deadline, key))

    def is_due(self, partition: int, at: dt.datetime) -> bool:
        """Whether a deadline of this partition has passed."""
        heap = self._heaps[partition]
        while heap and self._of_key.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return bool(heap) and heap[0][0] <= at

    def due(self, partition: int, at: dt.datetime) -> list[bytes]:
        """The keys of this partition whose deadline has passed, earliest first; they stay due until ``note`` says otherwise."""
        found: dict[bytes, dt.datetime] = {}  # a deadline that moved there and back left the same entry twice
        while self.is_due(partition, at):
            deadline, key = heapq.heappop(self._heaps[partition])
            found[key] = deadline
        for key, deadline in found.items():
            heapq.heappush(self._heaps[partition], (deadline, key))
        return list(found)
