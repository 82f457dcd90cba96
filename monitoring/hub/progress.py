"""How far the hub has read: whether what it answers is the present, or how far behind it is."""

import datetime as dt
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from schemas.records import Record, Time

Condition = Literal["live", "catching-up", "disconnected"]

_RATE_SECONDS = 60


class Standing(Record, frozen=True, kw_only=True):
    """What is said of the view beside each answer."""

    condition: Condition
    behind_records: int | None  # None: nobody knows, since the broker does not answer, or has not said it yet
    behind_seconds: float
    as_of: Time | None  # up to when everything is in it; None: nothing was read yet


@dataclass
class Progress:
    """Kept by the follower, read by everybody."""

    now: Callable[[], dt.datetime]
    connected: bool = False
    caught_up: bool = False
    behind: int = 0
    as_of: dt.datetime | None = None
    taken: int = 0
    _turns: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def standing(self) -> Standing:
        """The answer to "how old is this"."""
        now = self.now()
        condition: Condition = "disconnected" if not self.connected else "live" if self.caught_up else "catching-up"
        current = condition == "live" and not self.behind
        as_of = now if current else self.as_of
        seconds = 0.0 if current or as_of is None else max(0.0, (now - as_of).total_seconds())
        behind = self.behind if self.connected and (self.caught_up or self.behind) else None
        return Standing(condition=condition, behind_records=behind, behind_seconds=round(seconds, 3), as_of=as_of)

    def took(self, messages: int, behind: int, newest_ms: int | None) -> None:
        """Some messages were taken in, the newest of which the broker got at ``newest_ms``; so many more are there."""
        self.taken += messages
        self.behind = behind
        if not behind:
            self.as_of = self.now()
        elif newest_ms is not None:
            self.as_of = dt.datetime.fromtimestamp(newest_ms / 1000, dt.UTC)
        if messages:
            self._turns.append((time.monotonic(), messages))
        self._let_go()

    def rate(self) -> float:
        """Messages a second over the last minute."""
        self._let_go()
        return sum(messages for _, messages in self._turns) / _RATE_SECONDS

    def _let_go(self) -> None:
        since = time.monotonic() - _RATE_SECONDS
        while self._turns and self._turns[0][0] < since:
            self._turns.popleft()
