"""Turns: one export or one comparison from the topics; and, for a watch, only when something has changed."""

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from handover.export import Export
from handover.outcome import Outcome
from handover.plan import Plan
from handover.putting import Given
from handover.reading import read_plan, read_rows
from handover.verify import Verdict, Verify
from schemas.kafka import KafkaSettings
from schemas.rules import Rules


def export(kafka: KafkaSettings, rules: Rules, given: Given) -> Outcome:
    """One export.

    Raises:
        TopicsUnavailableError, DestinationError: it could not be done; what is there is whole, and the next turn goes on.
    """
    with closing(read_plan(kafka, rules)) as plan:
        return _export(kafka, given, plan)


def verify(kafka: KafkaSettings, rules: Rules, given: Given) -> Verdict:
    """One comparison.

    Raises:
        TopicsUnavailableError, DestinationError: it could not be done.
    """
    with closing(read_plan(kafka, rules)) as plan, Verify(given, plan) as turn:
        read_rows(kafka, turn.take)
        return turn.finish()


def _export(kafka: KafkaSettings, given: Given, plan: Plan) -> Outcome:
    with Export(given, plan) as turn:
        read_rows(kafka, turn.take)
        return turn.finish()


@dataclass(slots=True)
class Watch:
    """Exports time and again, and leaves the destination alone while nothing has changed."""

    kafka: KafkaSettings
    rules: Rules
    given: Callable[[], Given]
    _done: tuple[str, dt.date] | None = field(default=None)

    def turn(self) -> Outcome | None:
        """One turn; None where there was nothing to do.

        Raises:
            TopicsUnavailableError, DestinationError: as ``export``.
        """
        with closing(read_plan(self.kafka, self.rules)) as plan:
            given = self.given()
            now = (plan.digest(), given.today)
            if self._done == now:
                return None
            outcome = _export(self.kafka, given, plan)
            self._done = None if outcome.awaited else now  # images may come into the store without a word
            return outcome
