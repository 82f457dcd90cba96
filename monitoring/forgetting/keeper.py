"""The keeper: sees to it that those who have opted out are forgotten, without anybody having to think of it."""

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from monitoring.forgetting.forget import Forgotten, forget, tidy, withdrawn_on
from monitoring.forgetting.plan import OptedOut
from schemas.kafka import KafkaSettings
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.records import PatientWithdrawn

log = logging.getLogger(__name__)

DAY = dt.timedelta(days=1)
"""How often the topics are searched for late arrivals, when nobody new has opted out."""

Here = Callable[[Sequence[PatientWithdrawn]], int]
"""Forgets on this machine; answers of how many patients something was to be done."""


@dataclass
class Keeper:
    """Looks who has opted out, time and again."""

    kafka: KafkaSettings
    here: Here
    clock: Callable[[], dt.datetime]
    _known: frozenset[str] = frozenset()
    _searched: dt.datetime | None = field(default=None)

    def run(self, stop: threading.Event, every: dt.timedelta) -> None:
        """Takes turns until told to stop; a turn that fails is tried again."""
        tidy(self.kafka)
        while not stop.is_set():
            try:
                self.turn()
            except (WorkFailedError, UnusableInputError) as error:
                log.warning("not everybody who opted out is forgotten yet, which is tried again: %s", error)
            stop.wait(every.total_seconds())

    def turn(self) -> Forgotten:
        """One turn: here first, then on the topics where it is due.

        Raises:
            WorkFailedError, UnusableInputError: it could not be done; the next turn tries again.
        """
        gone = withdrawn_on(self.kafka)
        done_here = self.here(testimonies(gone.values()))
        done = Forgotten(len(gone))
        if self._is_due(frozenset(gone)):
            searched = self.clock()
            done = forget(self.kafka)
            self._known, self._searched = frozenset(gone), searched
        if done_here or done.erased:
            log.info("of those who opted out: %d forgotten here, %d records erased from the topics", done_here, done.erased)
        return done

    def _is_due(self, gone: frozenset[str]) -> bool:
        if not gone:
            return False
        return bool(gone - self._known) or self._searched is None or self.clock() - self._searched >= DAY


def testimonies(gone: Iterable[OptedOut]) -> list[PatientWithdrawn]:
    """What this machine has to know of each."""
    return [each for one in gone for each in one.testimonies()]
