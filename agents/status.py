"""Status: the one pure function from a case to the answer that everybody reads."""

import datetime as dt
from typing import Literal

from msgspec.structs import replace

from agents.flags import flags
from agents.seen import Seen, seen
from agents.window import window
from schemas.coverage import Case, CoverageStatus, Data, Group, Images, RowFacts, State
from schemas.people import PersonRow, Review
from schemas.rules import Grace, SiteRules


def status(case: Case, rules: SiteRules, *, mismatched: bool) -> CoverageStatus:
    """What has arrived, what is missing, since when.

    Args:
        case: all that is known of the patient at the site; it has at least one row or study.
        rules: those of the site.
        mismatched: a case with the same digits in another representation holds the other half.
    """
    if case.withdrawn_at is not None:
        return _withdrawn(case, case.withdrawn_at)
    case = effective(case)
    rows = [row for row in (case.main, case.status) if row is not None]
    found = seen(case.studies.values(), window(case.main, case.status, rules.windows), rules.modalities)
    state, since, deadline = _overdue(case, *_state(case, rows, found, rules.grace))
    person = _person(case, rows)
    review = case.reviews.get(person or "", _NO_REVIEW)
    times = [since, *[row.uploaded_at for row in rows], *[study.received_at for study in case.studies.values()]]
    return CoverageStatus(
        patient=case.patient,
        person=person,
        site=case.site,
        group=_group(case),
        state=state,
        flags=flags(case, found, several=review.several, mismatched=mismatched or bool(review.counterpart)),
        data=_DATA[case.main is not None, case.status is not None],
        images=found.images,
        since=since,
        deadline=deadline,
        updated_at=max(times),
        key_version=case.key_version,
    )


_NO_REVIEW = Review()


def effective(case: Case) -> Case:
    """The case without rows that have moved to another number of the site."""
    if not case.reviews:
        return case
    return replace(case, main=_staying(case.main, case, "main_moved"), status=_staying(case.status, case, "status_moved"))


def is_empty(case: Case) -> bool:
    """Whether nothing is left to have a status."""
    if case.studies or case.withdrawn_at is not None:
        return False
    left = effective(case)
    return left.main is None and left.status is None


def _staying(row: RowFacts | None, case: Case, moved: Literal["main_moved", "status_moved"]) -> RowFacts | None:
    review = case.reviews.get(row.person or "") if row is not None else None
    gone: PersonRow | None = getattr(review, moved, None)
    return None if row is not None and gone is not None and row.rank <= gone.rank else row


def _withdrawn(case: Case, at: dt.datetime) -> CoverageStatus:
    """Nothing but that the patient opted out, and who it is, so that the Checker can say so."""
    return CoverageStatus(
        patient=case.patient,
        person=next(iter(_opted_out(case) or case.persons), None),
        site=case.site,
        group="unknown",
        state="withdrawn",
        flags=[],
        data="none",
        images=Images(),
        since=at,
        deadline=None,
        updated_at=at,
        key_version=case.key_version,
    )


def _opted_out(case: Case) -> list[str]:
    """Those who opted out themselves; where nobody did, the site withdrew the patient by its own number."""
    return [person for person in case.persons if person in case.reviews and case.reviews[person].withdrawn_at is not None]


def _person(case: Case, rows: list[RowFacts]) -> str | None:
    """Who it is: by the main row, else the status row, else by a PatientID that is an NHS number."""
    for row in rows:
        if row.person is not None:
            return row.person
    return min([study.person for study in case.studies.values() if study.person is not None], default=None)


def _group(case: Case) -> Group:
    """Positive by a main row or a positive result; negative by a status row alone; unknown without rows."""
    if case.main is not None:
        return "positive"
    if case.status is None:
        return "unknown"
    return "positive" if case.status.result == 1 else "negative"


_DATA: dict[tuple[bool, bool], Data] = {
    (False, False): "none",
    (True, False): "main",
    (False, True): "status",
    (True, True): "both",
}
"""Whether there is a main row, and a status row -> what there is."""


def _state(case: Case, rows: list[RowFacts], found: Seen, grace: Grace) -> tuple[State, dt.datetime, dt.datetime | None]:
    """State, since when, and until when the missing half may come. A status row that is positive makes no case."""
    usable = [row.first_uploaded_at for row in rows if row is case.main or row.result != 1]
    if not usable:
        waiting = min([row.first_uploaded_at for row in rows] + [study.first_received_at for study in case.studies.values()])
        return "awaiting-spreadsheet", waiting, waiting + grace.spreadsheet
    if found.complete_at is not None:
        return "complete", max(min(usable), found.complete_at), None
    return "awaiting-images", min(usable), min(usable) + grace.images


def _overdue(
    case: Case, state: State, since: dt.datetime, deadline: dt.datetime | None
) -> tuple[State, dt.datetime, dt.datetime | None]:
    """A waiting state whose deadline the clock has passed is a missing one, since that deadline."""
    if deadline is None or case.overdue is None or deadline > case.overdue:
        return state, since, deadline
    return _MISSING[state], deadline, deadline


_MISSING: dict[State, State] = {"awaiting-images": "images-missing", "awaiting-spreadsheet": "spreadsheet-missing"}
