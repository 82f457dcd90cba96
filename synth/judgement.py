"""What is to be said of a case from what has arrived: the second half of the truth, rule by rule as the design states them."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from synth.arrivals import Arrived

KINDS = {"CR": "xray", "DX": "xray", "CT": "ct", "MR": "mr"}
POSITIVE_YEARS_BEFORE = 3
NEGATIVE_DAYS_EITHER_SIDE = 28

Window = tuple[dt.date, dt.date]

_OVERDUE = {"awaiting-images": "images-missing", "awaiting-spreadsheet": "spreadsheet-missing"}


def judged(case: Arrived, today: dt.date, *, impatient: bool = False) -> dict[str, Any]:
    """The case as the Checker must show it; ``today`` is the day of the uploads, an impatient site waits for nothing."""
    images = images_of(case, today)
    waiting = state(case, images)
    return {
        "site": case.site,
        "group": group(case),
        "state": _OVERDUE.get(waiting, waiting) if impatient else waiting,
        "flags": sorted(flags(case, images)),
        "data": data(case),
        "images": images,
    }


def group(case: Arrived) -> str:
    """Positive by a main row, or a 1 in the status row."""
    if case.main or (case.status and case.status.result == 1):
        return "positive"
    return "negative" if case.status else "unknown"


def data(case: Arrived) -> str:
    """Which rows there are."""
    if case.main:
        return "both" if case.status else "main"
    return "status" if case.status else "none"


def window(case: Arrived, today: dt.date) -> Window:
    """First and last day on which an image counts: every day without a row; the upload's day stands for a missing swab date."""
    if not case.row:
        return dt.date.min, dt.date.max
    swab = case.row.swab_date or today
    if group(case) == "positive":
        return _years_before(swab, POSITIVE_YEARS_BEFORE), dt.date.max
    margin = dt.timedelta(days=NEGATIVE_DAYS_EITHER_SIDE)
    return swab - margin, swab + margin


def images_of(case: Arrived, today: dt.date) -> dict[str, dict[str, int]]:
    """Studies by kind, inside and outside the window; a study of several kinds counts once under each."""
    first, last = window(case, today)
    counts = {kind: {"in_window": 0, "out_of_window": 0} for kind in ("xray", "ct", "mr", "other")}
    for uid, study in case.studies.items():
        inside = study.date is not None and first <= study.date <= last
        for kind in {KINDS.get(modality, "other") for modality in case.modalities[uid]}:
            counts[kind]["in_window" if inside else "out_of_window"] += 1
    return counts


def has_chest_image(images: dict[str, dict[str, int]]) -> bool:
    """Whether a chest X-ray or CT lies in the window."""
    return images["xray"]["in_window"] + images["ct"]["in_window"] > 0


def state(case: Arrived, images: dict[str, dict[str, int]]) -> str:
    """What is there, and what is awaited."""
    if case.withdrawn:
        return "withdrawn"
    usable = case.main or (case.status and case.status.result != 1)
    if not usable:
        return "awaiting-spreadsheet"
    return "complete" if has_chest_image(images) else "awaiting-images"


def flags(case: Arrived, images: dict[str, dict[str, int]]) -> Iterator[str]:
    """What somebody should look at; nothing of whoever opted out."""
    if case.withdrawn:
        return iter(())
    rows = [row for row in (case.main, case.status) if row]
    facts = {
        "in-both-spreadsheets": len(rows) == 2,
        "positive-in-status-sheet": case.status is not None and case.status.result == 1,
        "images-outside-window": any(count["out_of_window"] for count in images.values()),
        "study-undated": any(study.date is None for study in case.studies.values()),
        "unexpected-modality": any(images["other"].values()),
        "no-nhs-number": bool(rows) and not any(row.nhs_number for row in rows),
        "images-still-arriving": case.arriving,
        "several-patient-ids-in-study": case.shared_study,
        "several-hospital-numbers": case.several,
        "probable-id-mismatch": case.mismatch,
    }
    return (flag for flag, holds in facts.items() if holds)


def studies_by_kind(images: dict[str, dict[str, int]]) -> dict[str, int]:
    """How many studies of each kind, in the window or not."""
    return {kind: images[kind]["in_window"] + images[kind]["out_of_window"] for kind in ("xray", "ct", "mr")}


def _years_before(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February of a year that has none
        return dt.date(day.year - years, 2, 28)
