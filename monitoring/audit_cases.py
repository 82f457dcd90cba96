"""The cases of the audit: what is published is what the pure functions make of the events, and changes no more.

Rows, studies and opt-outs are folded from nothing, as reconcile folds them; the order does not matter. What the clock and the
other cases of a person have said (``overdue``, ``reviews``) is taken as published, for it cannot be had from the events alone
once ticks and reviews have gone with their retention; instead it is checked where it comes from. So that between the steps, too,
nothing was lost, every step is asked again what it would say now: nothing may change.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from agents.alerts import Alerts, no_alerts
from agents.introductions import seen_by_persons
from agents.people import people, reviews
from agents.reconcile import Reconcile, fold
from monitoring.audit_events import Problem
from schemas.alerts import AlertsRaised
from schemas.coverage import Case, CaseReconciled, CasesReconciled
from schemas.people import CaseReviewed, PersonReconciled, PersonWithdrawn, Review
from schemas.records import PatientWithdrawn, RowPseudonymised, StudyPseudonymised
from schemas.rules import Rules
from schemas.topics import ALERTS, COVERAGE_STATUS, PEOPLE

Arrived = RowPseudonymised | StudyPseudonymised | PatientWithdrawn

LEEWAY = dt.timedelta(seconds=60)
"""By how much clocks may differ, and how late a deadline may be announced."""

About = tuple[str, object]


@dataclass
class Cases:
    """All cases twice: as they are published, and as they follow from the events."""

    rules: Rules
    _folded: dict[str, dict[str, Case]] = field(default_factory=lambda: defaultdict(dict))  # match, patient
    _published: dict[str, CasesReconciled] = field(default_factory=dict)
    _people: dict[str, PersonReconciled] = field(default_factory=dict)
    _alerts: dict[str, AlertsRaised] = field(default_factory=dict)
    _withdrawn: dict[str, PersonWithdrawn] = field(default_factory=dict)  # the first

    def __post_init__(self) -> None:
        self._reconcile, self._alerting = Reconcile(self.rules), Alerts(self.rules)

    def arrived(self, record: Arrived) -> None:
        """Folds a record into its case."""
        cases = self._folded[record.match]
        case = cases.get(record.patient) or Case(patient=record.patient, site=record.site, key_version=record.key_version)
        cases[record.patient] = fold(case, record)

    def withdrawn(self, record: PersonWithdrawn) -> None:
        """Takes an opt-out of a person into account."""
        before = self._withdrawn.get(record.person, record)
        self._withdrawn[record.person] = min(before, record, key=lambda each: each.withdrawn_at)

    def published(self, topic: str, key: str, record: object) -> None:
        """Takes the newest state under a key; None where it was deleted."""
        match record:
            case CasesReconciled():
                self._published[key] = record
            case PersonReconciled():
                self._people[key] = record
            case AlertsRaised():
                self._alerts[key] = record
            case None:
                states: dict[str, dict[str, Any]] = {
                    COVERAGE_STATUS.name: self._published,
                    PEOPLE.name: self._people,
                    ALERTS.name: self._alerts,
                }
                states.get(topic, {}).pop(key, None)

    def counts(self) -> dict[str, int]:
        """How many there are of what is published."""
        statuses = sum(known.status is not None for cases in self._published.values() for known in cases.cases)
        return {"statuses": statuses, "people": len(self._people), "alerts": len(self._alerts)}

    def problems(self, now: dt.datetime, among: Collection[About] | None = None) -> Iterator[Problem]:
        """What does not follow; only what ``among`` names, where it is given."""
        for match in self._chosen("match", {*self._folded, *self._published}, among):
            if words := self._wrong_with_match(match, now):
                yield Problem(("match", match), f"the published status of match {match} does not follow from the events: {words}")
        for person in self._chosen("person", {*self._people, *self._withdrawn}, among):
            if words := self._wrong_with_person(person):
                yield Problem(("person", person), f"what is published of person {person} does not follow from the cases: {words}")
        for match in self._chosen("alerts", {*self._published}, among):
            if self._wrong_with_alerts(match):
                yield Problem(("alerts", match), f"the published alerts of match {match} do not follow from its statuses")

    @staticmethod
    def _chosen(kind: str, keys: set[str], among: Collection[About] | None) -> list[str]:
        return sorted(keys if among is None else (key for key in keys if (kind, key) in among))

    def _wrong_with_match(self, match: str, now: dt.datetime) -> str:
        published = self._published.get(match)
        if published is None:
            return "nothing is published"
        expected = self._expected(match, published)
        if expected != published:
            return _differences(expected, published)
        for known in published.cases:
            if words := self._wrong_with_case(known, published, now):
                return words
        return ""

    def _expected(self, match: str, published: CasesReconciled) -> CasesReconciled:
        cases = dict(self._folded.get(match, {}))
        for known in published.cases:
            if known.case.patient in cases:
                cases[known.case.patient] = _with_what_others_said(cases[known.case.patient], known.case, match)
        return self._reconcile.judged(match, list(cases.values()))

    def _wrong_with_case(self, known: CaseReconciled, cases: CasesReconciled, now: dt.datetime) -> str:
        case, status = known.case, known.status
        if case.overdue is not None and case.overdue > now + LEEWAY:
            return "a deadline is said to have passed that lies ahead"
        waiting = status is not None and status.state.startswith("awaiting")
        if status is not None and waiting and status.deadline is not None and status.deadline < now - LEEWAY:
            return "its deadline has passed, and nobody has said so"
        for person, said in case.reviews.items():
            if self._review(person, case.patient) != said:
                return "a review in it is not what follows from the person's cases"
        for seen in seen_by_persons(cases, case.patient):
            known_person = self._people.get(seen.person)
            if known_person is None or people(known_person, seen) != known_person:
                return "not all of it has come to the person that it names"
            review = self._review(seen.person, case.patient)
            if review is not None and case.reviews.get(seen.person) != review:
                return "a review of the person's cases has not come to it"
        return ""

    def _review(self, person: str, patient: str) -> Review | None:
        known = self._people.get(person)
        said = reviews(known) if known is not None else []
        return next((each.review for each in said if each.patient == patient), None)

    def _wrong_with_person(self, person: str) -> str:
        published = self._people.get(person)
        if published is None:
            return "nothing is published, though the person has opted out"
        event = self._withdrawn.get(person)
        if event is not None and people(published, event) != published:
            return "the person has opted out, which is not said"
        if event is None and published.withdrawn_at is not None:
            return "the person is said to have opted out, of which there is no event"
        for case in published.cases:
            cases = self._published.get(case.match)
            patients = {known.case.patient: known.case for known in cases.cases} if cases else {}
            if case.patient not in patients or person not in patients[case.patient].persons:
                return f"patient {case.patient} is no case that names the person"
        return ""

    def _wrong_with_alerts(self, match: str) -> bool:
        known = self._alerts.get(match, no_alerts(match))
        return self._alerting(known, self._published[match]) != known


def _with_what_others_said(case: Case, published: Case, match: str) -> Case:
    """The case with the reviews and the passed deadline of the published one."""
    for person, review in published.reviews.items():
        said = CaseReviewed(
            match=match, patient=case.patient, site=case.site, key_version=case.key_version, person=person, review=review
        )
        case = fold(case, said)
    return replace(case, overdue=published.overdue if case.withdrawn_at is None else None)


def _differences(expected: CasesReconciled, published: CasesReconciled) -> str:
    """Which fields of which patient are others; their names only."""
    then = {known.case.patient: known for known in expected.cases}
    now = {known.case.patient: known for known in published.cases}
    words = [f"patient {patient} is not published" for patient in then if patient not in now]
    words += [f"no event is of patient {patient}" for patient in now if patient not in then]
    for patient in sorted({*then} & {*now}):
        if fields := _other_fields(then[patient], now[patient]):
            words.append(f"of patient {patient}: {', '.join(fields)}")
    return "; ".join(words) or f"it is published under {published.match}"


def _other_fields(expected: CaseReconciled, published: CaseReconciled) -> list[str]:
    one, other = msgspec.to_builtins(expected), msgspec.to_builtins(published)
    found = []
    for part in ("case", "status"):
        then, now = one[part] or {}, other[part] or {}
        found += [f"{part}.{field}" for field in {**then, **now} if then.get(field) != now.get(field)]
    return found
