"""How often somebody may ask: so much at once, and so much more with each second."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_KNOWN = 10_000  # of those who asked last; somebody who is forgotten begins with a full allowance


@dataclass
class Allowance:
    """A bucket of turns for each one who asks: ``burst`` turns, refilled with ``per_second``."""

    per_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)  # turns, and when they were counted

    def wait(self, who: str) -> float:
        """Takes a turn, where there is one.

        Returns:
            Seconds until there is one; 0 where it was taken.
        """
        turns = self._turns(who)
        if turns < 1:
            return (1 - turns) / self.per_second
        self._keep(who, turns - 1)
        return 0.0

    def spent(self, who: str) -> bool:
        """Whether there is no turn left; takes none."""
        return self._turns(who) < 1

    def _turns(self, who: str) -> float:
        turns, counted = self._left.get(who, (self.burst, self.clock()))
        return min(self.burst, turns + (self.clock() - counted) * self.per_second)

    def _keep(self, who: str, turns: float) -> None:
        self._left[who] = (turns, self.clock())
        self._left.move_to_end(who)
        if len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
