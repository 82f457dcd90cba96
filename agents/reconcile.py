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
from dataclasses import dataclass

from msgspec.structs import replace

from agents.status import effective, is_empty, status
from schemas.coverage import Case, CaseReconciled, CasesReconciled, RowFacts, StudyFacts
from schemas.people import CaseReviewed, PersonCase, PersonCaseSeen, PersonRow
from schemas.records import PatientWithdrawn, RowPseudonymised, StudyPseudonymised
from schemas.rules import Rules

OfCase = RowPseudonymised | StudyPseudonymised | PatientWithdrawn | CaseReviewed


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The step with what it is given: the rules."""

    rules: Rules

    def __call__(self, kept: CasesReconciled, record: OfCase) -> CasesReconciled:
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
        mismatched = _mismatched([effective(case) for case in cases.values()])
        return CasesReconciled(match=match, cases=[self._judged(case, mismatched) for _, case in sorted(cases.items())])

    def _judged(self, case: Case, mismatched: set[str]) -> CaseReconciled:
        if is_empty(case):
            return CaseReconciled(case=case, status=None)
        known = status(case, self.rules.at(case.site), mismatched=case.patient in mismatched)
        return CaseReconciled(case=case, status=known)


def withdrawn(kept: CasesReconciled, patient: str) -> bool:
    """Whether the patient has opted out, so that nothing more is taken."""
    return any(known.case.patient == patient and known.case.withdrawn_at is not None for known in kept.cases)


def fold(case: Case, record: OfCase) -> Case:
    """The case with one more record in it; of a case that is withdrawn nothing else is kept."""
    case = _folded(replace(case, key_version=max(case.key_version, record.key_version)), record)
    return case if case.withdrawn_at is None else replace(case, main=None, status=None, studies={}, overdue=None)


def _folded(case: Case, record: OfCase) -> Case:
    match record:
        case RowPseudonymised(kind="positive"):
            return replace(case, main=_latest(case.main, _row_facts(record)), persons=_named(case, record.person))
        case RowPseudonymised():
            return replace(case, status=_latest(case.status, _row_facts(record)), persons=_named(case, record.person))
        case StudyPseudonymised():
            study = _grown(case.studies.get(record.study), _study_facts(record))
            studies = dict(sorted({**case.studies, record.study: study}.items()))
            return replace(case, studies=studies, persons=_named(case, record.person))
        case CaseReviewed():
            reviews = dict(sorted({**case.reviews, record.person: record.review}.items()))
            withdrawn_at = _first(case.withdrawn_at, record.review.withdrawn_at)
            return replace(case, reviews=reviews, withdrawn_at=withdrawn_at, persons=_named(case, record.person))
        case PatientWithdrawn():
            persons = _named(case, record.person)
            return replace(case, withdrawn_at=_first(case.withdrawn_at, record.withdrawn_at), persons=persons)


def _named(case: Case, person: str | None) -> list[str]:
    return case.persons if person is None else sorted({*case.persons, person})


def _first(*times: dt.datetime | None) -> dt.datetime | None:
    return min((time for time in times if time is not None), default=None)


def seen_by_persons(kept: CasesReconciled, patient: str) -> list[PersonCaseSeen]:
    """What each person whom the case names or has named should know of it."""
    case = next(known.case for known in kept.cases if known.case.patient == patient)
    return [
        PersonCaseSeen(
            person=person,
            case=PersonCase(
                patient=case.patient,
                site=case.site,
                match=kept.match,
                key_version=case.key_version,
                main=_person_row(case.main, person),
                status=_person_row(case.status, person),
                has_studies=bool(case.studies),
                named_by_images=any(study.person == person for study in case.studies.values()),
                form=_form(case),
                withdrawn=case.withdrawn_at is not None,
            ),
        )
        for person in case.persons
    ]


def _form(case: Case) -> str:
    """How the PACS identifier of the case is written; all rows and studies of a case write it alike, but for letter case."""
    forms = [row.form for row in (case.main, case.status) if row is not None] + [study.form for study in case.studies.values()]
    return min(forms, default="")


def _person_row(row: RowFacts | None, person: str) -> PersonRow | None:
    if row is None:
        return None
    return PersonRow(uploaded_at=row.uploaded_at, upload=row.upload, row=row.row, mine=row.person == person, result=row.result)


def next_deadline(kept: CasesReconciled) -> dt.datetime | None:
    """When the clock alone will change something; None when it will not."""
    statuses = (known.status for known in kept.cases if known.status is not None)
    waiting = (status for status in statuses if status.state.startswith("awaiting"))
    return min((status.deadline for status in waiting if status.deadline is not None), default=None)


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


def _mismatched(cases: list[Case]) -> set[str]:
    """Patients of complementary sides under one match: a row without images beside images without a row."""
    rows_only = {case.patient for case in cases if not case.studies and (case.main or case.status)}
    images_only = {case.patient for case in cases if case.studies and not (case.main or case.status)}
    return rows_only | images_only if rows_only and images_only else set()
