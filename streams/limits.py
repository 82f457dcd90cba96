"""Limits: when so much of a stream cannot be used that it is better to stop than to eat it.

One faulty record is quarantined and the stream goes on. When most of what lies on a partition cannot be used, something greater
is wrong (another keyring, a registry that lacks a site, a program that writes something else), and going on would only carry the
whole stream into quarantine. The worker stops, acknowledges no more, and goes on at the same place once the cause is gone.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agents.quarantine import Reason
from schemas.problems import NEEDS_A_PERSON, UnusableInputError
from schemas.topics import QUARANTINE
from streams.steps import Emitted

LIMIT_REACHED = NEEDS_A_PERSON
"""Exit status of a worker that has stopped at a limit (EX_DATAERR: the input is at fault)."""

VARIABLE = "NCCID_QUARANTINE_LIMIT"
DEFAULT = 1_000

Place = tuple[str, str, int]
"""Step, topic and partition."""


class LimitError(UnusableInputError):
    """The limit is no number."""


def limit_from(environment: Mapping[str, str]) -> int:
    """The limit in NCCID_QUARANTINE_LIMIT; 0 is none.

    Raises:
        LimitError: it is not a whole number from 0 on.
    """
    text = environment.get(VARIABLE, str(DEFAULT))
    if not (text.isascii() and text.isdigit()):
        raise LimitError(f"{VARIABLE} has to be a whole number, 0 for no limit; {DEFAULT} if it is not set")
    return int(text)


@dataclass
class Limits:
    """Counts, for each step and partition, how many of the last ``2 * most`` messages could not be used.

    More than ``most`` are too many. ``earlier`` are the offsets of what was quarantined before this process started: without
    them, a worker that is started again and again would carry ``most`` messages into quarantine each time.
    """

    most: int
    earlier: Mapping[Place, Collection[int]] = field(default_factory=dict)
    _windows: dict[Place, "Window"] = field(default_factory=dict)

    def window(self, place: Place, offset: int) -> "Window":
        """The window of a partition, of which this offset comes next; begun anew where it is read again from an earlier place."""
        window = self._windows.get(place)
        if window is None or window.last >= offset:
            window = self._windows[place] = Window(self.most)
            known = self.earlier.get(place, ())
            for before in range(max(0, offset - 2 * self.most), offset):
                window.reached(before, Reason.UNDECODABLE if before in known else None)
        return window


class Window:
    """The last messages of a partition: how many there were, and which of the latest were rejected."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._rejected: deque[int] = deque()  # by their number
        self.last = -1  # offset

    def reached(self, offset: int, reason: Reason | None) -> bool:
        """Takes one more message into account: used (no reason) or rejected; whether too many have been by now.

        Only a rejection reaches a limit: what can be used is used, whatever came before it. What was dropped since the patient
        has opted out was understood, and counts as used.
        """
        self._count += 1
        self.last = offset
        if reason is None or reason is Reason.WITHDRAWN or not self._most:
            return False
        self._rejected.append(self._count)
        while self._rejected[0] <= self._count - 2 * self._most:
            self._rejected.popleft()
        return len(self._rejected) > self._most


def reason_of(emitted: Emitted) -> Reason | None:
    """Why a message was rejected, if this is its quarantine record."""
    return Reason(QUARANTINE.wire.decode(emitted.value).reason) if emitted.topic is QUARANTINE else None
