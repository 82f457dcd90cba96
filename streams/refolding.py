"""Folding one partition of the cases anew, beside what is published: pure, and nothing is written until all of it is known.

What lies on topics that are kept for ever (rows, images, withdrawals) is folded from the first record on. Two things are not
there for ever and are carried over from what is published: who has opted out, since their rows are erased, and what persons'
reviews say, since their topic is kept for days. Deadlines follow from the cases and the clock.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from agents.introductions import seen_by_persons
from agents.quarantine import Payload
from schemas.coverage import CasesReconciled
from schemas.people import CaseReviewed
from schemas.records import Source, Ticked
from schemas.topics import COVERAGE_STATUS, PERSON_CASES, RECONCILABLE_WIRE, REVIEWS, TICKS
from schemas.wire import UndecodableError
from streams.guard import guarded
from streams.keeping import Kept
from streams.steps import Emitted, Message, Working

_NOWHERE = Source(topic=REVIEWS.name, partition=0, offset=0)


@dataclass
class Refolding:
    """One partition: what is published, and what it should be."""

    working: Working
    published: Kept
    fresh: Kept
    not_taken: int = field(default=0)  # messages that were quarantined when they came first, and would be again

    def carry_over(self) -> None:
        """Who has opted out, before anything is folded: nothing more is taken of them."""
        for cases in _decoded(self.published):
            if gone := [known for known in cases.cases if known.case.withdrawn_at is not None]:
                key, left = cases.match.encode(), CasesReconciled(match=cases.match, cases=gone)
                self.fresh.put(key, COVERAGE_STATUS.wire.encode(left), None)

    def take(self, payload: Payload) -> None:
        """Folds one message; of what follows from it only the new state is kept."""
        before = self.fresh.get(payload.key)
        kept = None
        for emitted in guarded("reconcile", self.working, Message(payload.key, payload.content, before), payload):
            if emitted.topic is COVERAGE_STATUS:
                kept = emitted
            elif emitted.topic is not PERSON_CASES:
                self.not_taken += 1
        if kept is not None:
            self.fresh.put(kept.key, kept.value, kept.deadline)

    def finish(self, now: dt.datetime) -> Iterator[tuple[Emitted, ...]]:
        """For each key that is not as it is published, the records to be written; all else is left alone."""
        for review in self._reviews():
            self.take(Payload(_NOWHERE, now, RECONCILABLE_WIRE.encode(review), review.match.encode()))
        tick = TICKS.wire.encode(Ticked(at=now))
        for key in self.fresh.due(now):
            self.take(Payload(_NOWHERE, now, tick, key))
        for cases in _decoded(self.fresh):
            key = cases.match.encode()
            if cases != _published(self.published.get(key)):
                yield self._following(key, cases)

    def _reviews(self) -> Iterator[CaseReviewed]:
        for cases in _decoded(self.published):
            for case in (known.case for known in cases.cases):
                for person, review in case.reviews.items():
                    yield CaseReviewed(
                        match=cases.match,
                        patient=case.patient,
                        site=case.site,
                        key_version=case.key_version,
                        person=person,
                        review=review,
                    )

    def _following(self, key: bytes, cases: CasesReconciled) -> tuple[Emitted, ...]:
        """What persons should know of the cases first, as the step itself has it."""
        seen = (each for known in cases.cases for each in seen_by_persons(cases, known.case.patient))
        told = tuple(Emitted(PERSON_CASES, each.person.encode(), PERSON_CASES.wire.encode(each)) for each in seen)
        return (*told, Emitted(COVERAGE_STATUS, key, COVERAGE_STATUS.wire.encode(cases)))


def _decoded(kept: Kept) -> Iterator[CasesReconciled]:
    return (COVERAGE_STATUS.wire.decode(value) for value in kept.values())


def _published(value: bytes | None) -> CasesReconciled | None:
    try:
        return None if value is None else COVERAGE_STATUS.wire.decode(value)
    except UndecodableError:
        return None
