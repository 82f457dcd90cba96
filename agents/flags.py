"""Flags: what a person should know of a case beside its state, each one line."""

from agents.seen import Seen
from schemas.coverage import Case, Flag, Images


def flags(case: Case, seen: Seen, *, several: bool, mismatched: bool) -> list[Flag]:
    """The flags that hold, in the order of this table."""
    main, status = case.main, case.status
    table: tuple[tuple[Flag, bool], ...] = (
        ("in-both-spreadsheets", main is not None and status is not None),
        ("positive-in-status-sheet", status is not None and status.result == 1),
        ("images-outside-window", seen.has_outside),
        ("unexpected-modality", _unexpected(seen.images)),
        ("no-nhs-number", _without_nhs_number(case)),
        ("images-still-arriving", seen.has_unsettled),
        ("several-patient-ids-in-study", seen.has_several_ids),
        ("study-undated", seen.has_undated),
        ("several-hospital-numbers", several),
        ("probable-id-mismatch", mismatched),
    )
    return [flag for flag, holds in table if holds]


def _unexpected(images: Images) -> bool:
    return bool(images.other.in_window or images.other.out_of_window)


def _without_nhs_number(case: Case) -> bool:
    """There are rows, and none of them has one."""
    main, status = case.main, case.status
    if main is None and status is None:
        return False
    return (main is None or main.person is None) and (status is None or status.person is None)
