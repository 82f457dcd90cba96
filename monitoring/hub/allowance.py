"""How often somebody may ask: so much at once, and so much more with each second."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.problems import UnusableInputError

_MOST_KNOWN = 10_000  # of those who asked last; somebody who is forgotten begins with a full allowance


VARIABLE = "NCCID_HUB_REQUESTS"
DEFAULT = 100
_BURST = 5  # times as many at once
_NO_LIMIT = 1e12


def allowance_from(environment: Mapping[str, str]) -> "Allowance":
    """As many requests a second of one token as NCCID_HUB_REQUESTS says; 0 is no limit.

    Raises:
        UnusableInputError: it is no whole number.
    """
    text = environment.get(VARIABLE, str(DEFAULT))
    if not (text.isascii() and text.isdigit()):
        raise UnusableInputError(f"{VARIABLE} has to be a whole number, 0 for no limit; {DEFAULT} if it is not set")
    per_second = float(text) or _NO_LIMIT
    return Allowance(per_second, _BURST * per_second)


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
