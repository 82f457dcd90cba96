"""What goes wrong with rows: dates, results and numbers missing, wrong, corrected later, or in the other sheet."""

import datetime as dt
from dataclasses import replace
from typing import Literal

from schemas.sites import Site
from synth.draft import Draft, Order, row_of
from synth.model import Group, Patient, Row
from synth.stories import Story, film, good_film, history


def in_both_sheets(draft: Draft, site: Site) -> None:
    """Negative at first, positive later."""
    patient = draft.patient(site, "positive")
    first, later = draft.two_turns()
    draft.put(replace(row_of(patient), door="negative", result=0), first)
    draft.put(row_of(patient), later)
    history(draft, patient, draft.order()[1])


def positive_in_status_sheet(*, images: bool, main_row_later: bool = False) -> Story:
    """A positive result in the sheet for negatives."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, "positive")
        first, later = draft.two_turns()
        draft.put(replace(row_of(patient), door="negative", result=1), first)
        if main_row_later:
            draft.put(row_of(patient), later)
        if images:
            draft.send(good_film(draft, patient), later)

    return tell


def without_swab_date(group: Group, days_ago: int, order: Order | None = None) -> Story:
    """No swab date, so that the day of the upload stands for it, and one film so many days before that day."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, group)
        rows, images = draft.order(order)
        draft.put(replace(row_of(patient), swab_date=None), rows)
        draft.send(film(draft, patient, draft.today - dt.timedelta(days=days_ago)), images)

    return tell


def without_result(draft: Draft, site: Site) -> None:
    """The result left blank, which is read as negative."""
    patient = draft.patient(site, "negative")
    rows, images = draft.order()
    draft.put(replace(row_of(patient), result=None), rows)
    history(draft, patient, images)


def without_nhs_number(draft: Draft, site: Site) -> None:
    """The ward did not know the NHS number."""
    patient = draft.patient(site)
    rows, images = draft.order()
    draft.put(replace(row_of(patient), nhs_number=None), rows)
    history(draft, patient, images)


def sent_again(draft: Draft, site: Site) -> None:
    """The same row, unchanged, in two sheets."""
    _two_rows(draft, patient := draft.patient(site), row_of(patient), row_of(patient))


def number_supplied_later(draft: Draft, site: Site) -> None:
    """No NHS number at first."""
    patient = draft.patient(site)
    _two_rows(draft, patient, replace(row_of(patient), nhs_number=None), row_of(patient))


def result_corrected(first: Literal[0, 1], then: Literal[0, 1]) -> Story:
    """The result in the status sheet changes."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, "negative")
        _two_rows(draft, patient, replace(row_of(patient), result=first), replace(row_of(patient), result=then))

    return tell


def date_corrected(*, into_window: bool) -> Story:
    """A swab date two months off, corrected in a later sheet: the film comes to lie inside the window, or outside."""

    def tell(draft: Draft, site: Site) -> None:
        patient = _negative(draft, site)
        right, wrong = _right_and_wrong(patient)
        rows = (wrong, right) if into_window else (right, wrong)
        _two_rows(draft, patient, *rows)

    return tell


def year_corrected(draft: Draft, site: Site) -> None:
    """The year of a positive swab was wrong: a film of three years before comes to lie inside the window."""
    patient = draft.patient(site, "positive", draft.today - dt.timedelta(days=draft.rng.randint(400, 600)))
    first, later = draft.two_turns()
    wrong = patient.swab_date + dt.timedelta(days=365)
    draft.put(replace(row_of(patient), swab_date=wrong), first)
    draft.put(row_of(patient), later)
    draft.send(film(draft, patient, patient.swab_date - dt.timedelta(days=1000)), later)


def undone_by_old_file(draft: Draft, site: Site) -> None:
    """Corrected in the second sheet, and then the first sheet is uploaded once more (``deliveries.OLD_FILE``)."""
    patient = _negative(draft, site)
    right, wrong = _right_and_wrong(patient)
    draft.put(wrong, 0)
    draft.put(right, 1)
    draft.send(good_film(draft, patient), draft.rng.randrange(draft.turns))


def _negative(draft: Draft, site: Site) -> Patient:
    return draft.patient(site, "negative", draft.today - dt.timedelta(days=draft.rng.randint(14, 300)))


def _right_and_wrong(patient: Patient) -> tuple[Row, Row]:
    right = row_of(patient)
    return right, replace(right, swab_date=patient.swab_date - dt.timedelta(days=65))


def _two_rows(draft: Draft, patient: Patient, first: Row, then: Row) -> None:
    early, late = draft.two_turns()
    draft.put(first, early)
    draft.put(then, late)
    draft.send(good_film(draft, patient), draft.rng.randrange(draft.turns))
