"""What of a case may be handed over, and who has opted out; from the published cases, and pure.

Handed over is a case that is complete: its latest usable row, and of its images those of studies inside the window. A row that
has moved to another number, a status row with a positive result, an image outside the window are not.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from agents.status import effective
from agents.window import window
from schemas.coverage import Case, CaseReconciled, CasesReconciled, RowFacts
from schemas.people import PersonWithdrawn
from schemas.records import Kind, PatientWithdrawn, RowPseudonymised
from schemas.rules import Rules


class Counting(msgspec.Struct, frozen=True, gc=False):
    """The row that counts of one case, by what its record on ``nccid.rows`` can be found."""

    patient: str
    site: str
    kind: Kind
    upload: str
    row: int

    def is_of(self, record: RowPseudonymised) -> bool:
        """Whether the record is this row."""
        return (record.patient, record.kind, record.upload, record.row) == (self.patient, self.kind, self.upload, self.row)


class Publishable(msgspec.Struct, frozen=True, gc=False):
    """A complete case: the row to hand over, and its studies inside the window."""

    row: Counting
    person: str | None
    studies: tuple[tuple[str, int], ...]  # pseudonymous study UID, images reported

    @property
    def patient(self) -> str:
        """The pseudonym."""
        return self.row.patient


@dataclass(slots=True)
class Plan:
    """All that may be handed over now, and all that may not be kept any more."""

    complete: dict[str, Publishable] = field(default_factory=dict)  # by patient
    withdrawn: set[str] = field(default_factory=set)  # patients
    withdrawn_persons: set[str] = field(default_factory=set)
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)  # person -> patients, where there are several

    def has_opted_out(self, patient: str, person: str | None) -> bool:
        """Whether a patient who was delivered must not be kept."""
        return patient in self.withdrawn or (person is not None and person in self.withdrawn_persons)


OptOut = PatientWithdrawn | PersonWithdrawn


class _Known(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a case until all have been seen."""

    patient: str
    person: str | None
    withdrawn: bool
    complete: Publishable | None


class Planner:
    """Makes a plan from the published cases, which may come in any number of turns; the last of a ``match`` counts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._known: dict[str, tuple[_Known, ...]] = {}
        self._withdrawn: set[str] = set()
        self._persons: set[str] = set()

    def published(self, cases: CasesReconciled) -> None:
        """Takes the newest record of a match in place of the one before."""
        self._known[cases.match] = tuple(self._of(known) for known in cases.cases)

    def _of(self, known: CaseReconciled) -> _Known:
        case, status = known.case, known.status
        row = counting(case) if status is not None and status.state == "complete" else None
        person = status.person if status is not None else None
        complete = None if row is None else Publishable(row, person, _studies(case, self._rules))
        return _Known(case.patient, person, case.withdrawn_at is not None, complete)

    def opted_out(self, who: OptOut) -> None:
        """Takes an opt-out into account, which the cases may not have followed yet."""
        if isinstance(who, PatientWithdrawn):
            self._withdrawn.add(who.patient)
        else:
            self._persons.add(who.person)

    def plan(self) -> Plan:
        """What may be handed over, by all that was taken so far."""
        everybody = [known for cases in self._known.values() for known in cases]
        gone = self._withdrawn | {known.patient for known in everybody if known.withdrawn}
        made = Plan(withdrawn=gone, withdrawn_persons=set(self._persons))
        people: dict[str, list[str]] = defaultdict(list)
        for known in everybody:
            if made.has_opted_out(known.patient, known.person):
                continue
            if known.person is not None:
                people[known.person].append(known.patient)
            if known.complete is not None:
                made.complete[known.patient] = known.complete
        made.people = {person: tuple(sorted(patients)) for person, patients in people.items() if len(patients) > 1}
        return made


def counting(case: Case) -> Counting | None:
    """The row by which a case is judged, where it is usable: a main row, else a negative status row."""
    left = effective(case)
    if left.main is not None:
        return _counting(case, "positive", left.main)
    if left.status is not None and left.status.result != 1:
        return _counting(case, "negative", left.status)
    return None


def _counting(case: Case, kind: Kind, row: RowFacts) -> Counting:
    return Counting(case.patient, case.site, kind, row.upload, row.row)


def _studies(case: Case, rules: Rules) -> tuple[tuple[str, int], ...]:
    left = effective(case)
    inside = window(left.main, left.status, rules.at(case.site).windows)
    return tuple(
        (uid, sum(study.instances.values())) for uid, study in sorted(case.studies.items()) if inside.holds(study.study_date)
    )
