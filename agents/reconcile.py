"""Reconcile: folds all that arrives into cases, and says what has arrived and what is missing.

reads    nccid.rows (RowPseudonymised), nccid.images (StudyPseudonymised), nccid.withdrawals (PatientWithdrawn),
         nccid.reviews (CaseReviewed), nccid.ticks (Ticked)
writes   nccid.coverage-status (CasesReconciled), which is the changelog of what it keeps; nccid.person-cases (PersonCaseSeen)
keeps    the cases of a match: all patients of a site whose identifiers have the same digits, nearly always one
rejects  a row or a study of a patient who has opted out: counted, not kept

The fold is idempotent, commutative and associative: registers where the latest (or the first) wins, and sets that grow.
So neither order, nor repetition, nor the cut into batches can change an answer. A deadline follows from the case; the tick only
announces that the clock has passed it.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec.structs import replace

from agents.status import effective, is_empty, status
from schemas.coverage import Case, CaseReconciled, CasesReconciled, RowFacts, State, StudyFacts
from schemas.people import CaseReviewed
from schemas.records import PatientWithdrawn, RowPseudonymised, StudyPseudonymised
from schemas.rules import Rules

R = TypeVar("R")

OfCase = RowPseudonymised | StudyPseudonymised | PatientWithdrawn | CaseReviewed


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The step with what it is given: the rules."""

    rules: Rules

    def __call__(self, kept: CasesReconciled, record: OfCase) -> CasesReconciled:
        """What is known after one more record."""
        known = case_of(kept, record.patient) or Case(patient=record.patient, site=record.site, key_version=record.key_version)
        others = [each.case for each in kept.cases if each.case.patient != record.patient]
        return self.judged(kept.match, [fold(known, record), *others])

    def ticked(self, kept: CasesReconciled, at: dt.datetime) -> CasesReconciled:
        """What is known when the clock says ``at``: a case whose deadline has passed is overdue."""
        return self.judged(kept.match, [_overdue(known, at) for known in kept.cases])

    def judged(self, match: str, cases: list[Case]) -> CasesReconciled:
        """The cases of a match, each with its status; nearly always there is one."""
        if len(cases) > 1:
            cases.sort(key=lambda case: case.patient)
        mismatched = _mismatched(cases)
        return CasesReconciled(match=match, cases=[self._with_status(case, mismatched) for case in cases])

    def _with_status(self, case: Case, mismatched: Collection[str]) -> CaseReconciled:
        if is_empty(case):
            return CaseReconciled(case=case, status=None)
        known = status(case, self.rules.at(case.site), mismatched=case.patient in mismatched)
        return CaseReconciled(case=case, status=known)


def case_of(kept: CasesReconciled, patient: str) -> Case | None:
    """What is known of one of the patients."""
    for known in kept.cases:
        if known.case.patient == patient:
            return known.case
    return None


def withdrawn(kept: CasesReconciled, patient: str) -> bool:
    """Whether the patient has opted out, so that nothing more is taken."""
    case = case_of(kept, patient)
    return case is not None and case.withdrawn_at is not None


def fold(case: Case, record: OfCase) -> Case:
    """The case with one more record in it; of a case that is withdrawn nothing else is kept."""
    changed = replace(
        case, key_version=max(case.key_version, record.key_version), persons=_named(case, record.person), **_changes(case, record)
    )
    return changed if changed.withdrawn_at is None else replace(changed, main=None, status=None, studies={}, overdue=None)


def _changes(case: Case, record: OfCase) -> dict[str, Any]:
    """The fields of the case that a record of its kind changes."""
    match record:
        case RowPseudonymised(kind="positive"):
            return {"main": _latest(case.main, _row_facts(record))}
        case RowPseudonymised():
            return {"status": _latest(case.status, _row_facts(record))}
        case StudyPseudonymised():
            study = _grown(case.studies.get(record.study), _study_facts(record))
            return {"studies": _with(case.studies, record.study, study)}
        case CaseReviewed():
            reviews = _with(case.reviews, record.person, record.review)
            return {"reviews": reviews, "withdrawn_at": _first(case.withdrawn_at, record.review.withdrawn_at)}
        case PatientWithdrawn():
            return {"withdrawn_at": _first(case.withdrawn_at, record.withdrawn_at)}


def _with(known: dict[str, R], key: str, value: R) -> dict[str, R]:
    """A sorted mapping with one more entry, or another one in place of one."""
    grown = {**known, key: value}
    return grown if len(grown) == 1 else dict(sorted(grown.items()))


def _named(case: Case, person: str | None) -> list[str]:
    return case.persons if person is None or person in case.persons else sorted([*case.persons, person])


def _first(*times: dt.datetime | None) -> dt.datetime | None:
    return min((time for time in times if time is not None), default=None)


_WAITING: Collection[State] = {"awaiting-images", "awaiting-spreadsheet"}


def next_deadline(kept: CasesReconciled) -> dt.datetime | None:
    """When the clock alone will change something; None when it will not."""
    earliest = None
    for known in kept.cases:
        status = known.status
        if status is None or status.deadline is None or status.state not in _WAITING:
            continue
        if earliest is None or status.deadline < earliest:
            earliest = status.deadline
    return earliest


def _overdue(known: CaseReconciled, at: dt.datetime) -> Case:
    """The deadline itself is kept, not the time of the tick: when somebody looked makes no difference."""
    deadline = known.status.deadline if known.status else None
    if deadline is None or deadline > at:
        return known.case
    return replace(known.case, overdue=max(deadline, known.case.overdue or deadline))


def _row_facts(record: RowPseudonymised) -> RowFacts:
    return RowFacts(
        first_uploaded_at=record.uploaded_at,
        uploaded_at=record.uploaded_at,
        upload=record.upload,
        row=record.row,
        person=record.person,
        form=record.form,
        swab_date=record.swab_date,
        result=record.result,
    )


def _study_facts(record: StudyPseudonymised) -> StudyFacts:
    return StudyFacts(
        first_received_at=record.received_at,
        received_at=record.received_at,
        event=record.event,
        person=record.person,
        form=record.form,
        study_date=record.study_date,
        instances=record.instances,
        patient_ids=record.patient_ids,
        settled=record.settled,
    )


def _latest(known: RowFacts | None, new: RowFacts) -> RowFacts:
    """The row of the greatest rank, with the time at which the first of all came."""
    if known is None:
        return new
    winner = new if new.rank > known.rank else known
    return replace(winner, first_uploaded_at=min(known.first_uploaded_at, new.first_uploaded_at))


def _grown(known: StudyFacts | None, new: StudyFacts) -> StudyFacts:
    """The latest report, with the time at which the first of all came, and counts that only grow."""
    if known is None:
        return new
    winner = new if (new.received_at, new.event) > (known.received_at, known.event) else known
    most = {m: max(known.instances.get(m, 0), new.instances.get(m, 0)) for m in sorted({*known.instances, *new.instances})}
    return replace(
        winner,
        first_received_at=min(known.first_received_at, new.first_received_at),
        instances=most,
        patient_ids=max(known.patient_ids, new.patient_ids),
    )


def _mismatched(cases: list[Case]) -> Collection[str]:
    """Patients of complementary sides under one match: a row without images beside images without a row."""
    if len(cases) < 2:
        return ()
    cases = [effective(case) for case in cases]
    rows_only = {case.patient for case in cases if not case.studies and (case.main or case.status)}
    images_only = {case.patient for case in cases if case.studies and not (case.main or case.status)}
    return rows_only | images_only if rows_only and images_only else ()
