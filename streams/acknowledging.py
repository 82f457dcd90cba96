"""When a message counts as done: all that follows from it is on the broker, and so is all that follows from those before it.

Faust commits an offset as soon as a run of messages is acknowledged, and does not see that one in front of the run is still open.
Writes to different partitions are acknowledged in any order; so the order is kept here.
"""

from collections import deque
from collections.abc import Callable


class Acknowledgement:
    """Calls back once: when everything that was counted has been acknowledged and no more will come."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._open = 1

    def one_more(self) -> Callable[[], None]:
        """Counts one write; what is returned is called when it is acknowledged."""
        self._open += 1
        return self.all_sent

    def all_sent(self) -> None:
        """One less to wait for."""
        self._open -= 1
        if self._open == 0:
            self._call()


class InOrder:
    """The messages of one partition, acknowledged in the order in which they were taken."""

    def __init__(self) -> None:
        self._taken: deque[_Taken] = deque()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, acknowledge: Callable[[], object]) -> Callable[[], None]:
        """Takes a message; what is returned is called when it is done, and ``acknowledge`` when those before it are too."""
        taken = _Taken(acknowledge)
        self._taken.append(taken)

        def done() -> None:
            taken.is_done = True
            while self._taken and self._taken[0].is_done:
                self._taken.popleft().acknowledge()

        return done


class _Taken:
    def __init__(self, acknowledge: Callable[[], object]) -> None:
        self.acknowledge = acknowledge
        self.is_done = False
