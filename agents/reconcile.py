"""Reconcile: folds rows and studies into cases, and says what has arrived and what is missing.

reads    nccid.rows (RowPseudonymised), nccid.images (StudyPseudonymised), nccid.ticks (Ticked)
writes   nccid.coverage-status (CasesReconciled), which is the changelog of what it keeps
keeps    the cases of a match: all patients of a site whose identifiers have the same digits, nearly always one
rejects  nothing

The fold is idempotent, commutative and associative: registers where the latest (or the first) wins, and sets that grow.
So neither order, nor repetition, nor the cut into batches can change an answer. A deadline follows from the case; the tick only
announces that the clock has passed it.
"""

import datetime as dt
from dataclasses import dataclass

from msgspec.structs import replace

from agents.status import status
from schemas.coverage import Case, CaseReconciled, CasesReconciled, RowFacts, StudyFacts
from schemas.records import Pseudonymised, RowPseudonymised, StudyPseudonymised
from schemas.rules import Rules


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The step with what it is given: the rules."""

    rules: Rules

    def __call__(self, kept: CasesReconciled, record: Pseudonymised) -> CasesReconciled:
        """What is known after one more record."""
        cases = {known.case.patient: known.case for known in kept.cases}
        case = cases.get(record.patient) or Case(patient=record.patient, site=record.site, key_version=record.key_version)
        cases[record.patient] = fold(case, record)
        return self.judged(kept.match, cases)

    def ticked(self, kept: CasesReconciled, at: dt.datetime) -> CasesReconciled:
        """What is known when the clock says ``at``: a case whose deadline has passed is overdue."""
        cases = {known.case.patient: _overdue(known, at) for known in kept.cases}
        return self.judged(kept.match, cases)

    def judged(self, match: str, cases: dict[str, Case]) -> CasesReconciled:
        """The cases of a match, each with its status."""
        mismatched = _mismatched(cases)
        return CasesReconciled(
            match=match,
            cases=[
                CaseReconciled(case=case, status=status(case, self.rules.at(case.site), mismatched=patient in mismatched))
                for patient, case in sorted(cases.items())
            ],
        )


def fold(case: Case, record: Pseudonymised) -> Case:
    """The case with one more record in it."""
    case = replace(case, key_version=max(case.key_version, record.key_version))
    match record:
        case RowPseudonymised(kind="positive"):
            return replace(case, main=_latest(case.main, _row_facts(record)))
        case RowPseudonymised():
            return replace(case, status=_latest(case.status, _row_facts(record)))
        case StudyPseudonymised():
            study = _grown(case.studies.get(record.study), _study_facts(record))
            return replace(case, studies=dict(sorted({**case.studies, record.study: study}.items())))


def next_deadline(kept: CasesReconciled) -> dt.datetime | None:
    """When the clock alone will change something; None when it will not."""
    waiting = (known.status for known in kept.cases if known.status.state.startswith("awaiting"))
    return min((status.deadline for status in waiting if status.deadline is not None), default=None)


def _overdue(known: CaseReconciled, at: dt.datetime) -> Case:
    """The deadline itself is kept, not the time of the tick: when somebody looked makes no difference."""
    deadline = known.status.deadline
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
    winner = max(known, new, key=lambda row: row.rank)
    return replace(winner, first_uploaded_at=min(known.first_uploaded_at, new.first_uploaded_at))


def _grown(known: StudyFacts | None, new: StudyFacts) -> StudyFacts:
    """The latest report, with the time at which the first of all came, and counts that only grow."""
    if known is None:
        return new
    winner = max(known, new, key=lambda study: (study.received_at, study.event))
    most = {m: max(known.instances.get(m, 0), new.instances.get(m, 0)) for m in sorted({*known.instances, *new.instances})}
    return replace(
        winner,
        first_received_at=min(known.first_received_at, new.first_received_at),
        instances=most,
        patient_ids=max(known.patient_ids, new.patient_ids),
    )


def _mismatched(cases: dict[str, Case]) -> set[str]:
    """Patients of complementary sides under one match: a row without images beside images without a row."""
    rows_only = {patient for patient, case in cases.items() if not case.studies}
    images_only = {patient for patient, case in cases.items() if case.main is None and case.status is None}
    return rows_only | images_only if rows_only and images_only else set()
