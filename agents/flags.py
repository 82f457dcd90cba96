"""Flags: what a person should know of a case beside its state, each one line."""

from collections.abc import Callable

from schemas.coverage import Case, Flag, Images


def flags(case: Case, images: Images, *, several: bool, mismatched: bool) -> list[Flag]:
    """The flags that hold, in the order of the table below."""
    held = [flag for flag, holds in _FLAGS.items() if holds(case, images)]
    others: dict[Flag, bool] = {"several-hospital-numbers": several, "probable-id-mismatch": mismatched}
    return held + [flag for flag, holds in others.items() if holds]


def _outside(images: Images) -> bool:
    return any(counts.out_of_window for counts in (images.xray, images.ct, images.mr, images.other))


def _unexpected(images: Images) -> bool:
    return bool(images.other.in_window or images.other.out_of_window)


def _without_nhs_number(case: Case) -> bool:
    rows = [row for row in (case.main, case.status) if row is not None]
    return bool(rows) and all(row.person is None for row in rows)


_FLAGS: dict[Flag, Callable[[Case, Images], bool]] = {
    "in-both-spreadsheets": lambda case, _: case.main is not None and case.status is not None,
    "positive-in-status-sheet": lambda case, _: case.status is not None and case.status.result == 1,
    "images-outside-window": lambda _, images: _outside(images),
    "unexpected-modality": lambda _, images: _unexpected(images),
    "no-nhs-number": lambda case, _: _without_nhs_number(case),
    "images-still-arriving": lambda case, _: any(not study.settled for study in case.studies.values()),
    "several-patient-ids-in-study": lambda case, _: any(study.patient_ids > 1 for study in case.studies.values()),
    "study-undated": lambda case, _: any(study.study_date is None for study in case.studies.values()),
}
