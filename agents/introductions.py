"""Introductions: what the persons whom a case names, or has named, should know of it."""

from agents.reconcile import case_of
from schemas.coverage import Case, CasesReconciled, RowFacts
from schemas.people import PersonCase, PersonCaseSeen, PersonRow


def seen_by_persons(kept: CasesReconciled, patient: str) -> list[PersonCaseSeen]:
    """What each person whom the case names or has named should know of it."""
    case = case_of(kept, patient)
    if case is None or not case.persons:
        return []
    form = _form(case)
    return [PersonCaseSeen(person=person, case=_person_case(case, kept.match, person, form)) for person in case.persons]


def _person_case(case: Case, match: str, person: str, form: str) -> PersonCase:
    return PersonCase(
        patient=case.patient,
        site=case.site,
        match=match,
        key_version=case.key_version,
        main=_person_row(case.main, person),
        status=_person_row(case.status, person),
        has_studies=bool(case.studies),
        named_by_images=person in [study.person for study in case.studies.values()],
        form=form,
        withdrawn=case.withdrawn_at is not None,
    )


def _form(case: Case) -> str:
    """How the PACS identifier of the case is written; all rows and studies of a case write it alike, but for letter case."""
    return min([each.form for each in (case.main, case.status, *case.studies.values()) if each is not None], default="")


def _person_row(row: RowFacts | None, person: str) -> PersonRow | None:
    if row is None:
        return None
    return PersonRow(uploaded_at=row.uploaded_at, upload=row.upload, row=row.row, mine=row.person == person, result=row.result)
