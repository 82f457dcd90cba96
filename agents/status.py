"""Status: the one pure function from a case to the answer that everybody reads."""

import datetime as dt
from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from agents.flags import flags
from agents.window import Window, window
from schemas.coverage import Case, Counts, CoverageStatus, Data, Group, Images, RowFacts, State, StudyFacts
from schemas.people import PersonRow
from schemas.rules import Modalities, SiteRules


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
    inside = window(case.main, case.status, rules.windows)
    images = _images(case.studies.values(), inside, rules.modalities)
    state, since, deadline = _overdue(case, *_state(case, rules, inside))
    return CoverageStatus(
        patient=case.patient,
        person=person(case),
        site=case.site,
        group=group(case),
        state=state,
        flags=flags(case, images, several=_reviewed(case, "several"), mismatched=mismatched or _reviewed(case, "counterpart")),
        data=_data(case),
        images=images,
        since=since,
        deadline=deadline,
        updated_at=max(*_times(case), since),
        key_version=case.key_version,
    )


def effective(case: Case) -> Case:
    """The case without rows that have moved to another number of the site."""
    return replace(case, main=_staying(case.main, case, "main_moved"), status=_staying(case.status, case, "status_moved"))


def is_empty(case: Case) -> bool:
    """Whether nothing is left to have a status."""
    left = effective(case)
    return not (left.main or left.status or left.studies or left.withdrawn_at)


def _staying(row: RowFacts | None, case: Case, moved: Literal["main_moved", "status_moved"]) -> RowFacts | None:
    review = case.reviews.get(row.person or "") if row is not None else None
    gone: PersonRow | None = getattr(review, moved, None)
    return None if row is not None and gone is not None and row.rank <= gone.rank else row


def _reviewed(case: Case, flag: Literal["several", "counterpart"]) -> bool:
    review = case.reviews.get(person(case) or "")
    return bool(getattr(review, flag, False))


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


def person(case: Case) -> str | None:
    """Who it is: by the main row, else the status row, else by a PatientID that is an NHS number."""
    from_rows = [row.person for row in (case.main, case.status) if row is not None and row.person is not None]
    from_studies = sorted(study.person for study in case.studies.values() if study.person is not None)
    return next(iter(from_rows + from_studies), None)


def group(case: Case) -> Group:
    """Positive by a main row or a positive result; negative by a status row alone; unknown without rows."""
    if case.main is not None:
        return "positive"
    if case.status is None:
        return "unknown"
    return "positive" if case.status.result == 1 else "negative"


def _data(case: Case) -> Data:
    match case.main, case.status:
        case None, None:
            return "none"
        case _, None:
            return "main"
        case None, _:
            return "status"
        case _:
            return "both"


def _state(case: Case, rules: SiteRules, inside: Window) -> tuple[State, dt.datetime, dt.datetime | None]:
    """State, since when, and until when the missing half may come."""
    rows = _usable_rows_at(case)
    if not rows:
        waiting = min(_arrivals(case))
        return "awaiting-spreadsheet", waiting, waiting + rules.grace.spreadsheet
    complete = [study.first_received_at for study in case.studies.values() if _completes(study, inside, rules.modalities)]
    if complete:
        return "complete", max(min(rows), min(complete)), None
    return "awaiting-images", min(rows), min(rows) + rules.grace.images


def _overdue(
    case: Case, state: State, since: dt.datetime, deadline: dt.datetime | None
) -> tuple[State, dt.datetime, dt.datetime | None]:
    """A waiting state whose deadline the clock has passed is a missing one, since that deadline."""
    if deadline is None or case.overdue is None or deadline > case.overdue:
        return state, since, deadline
    return _MISSING[state], deadline, deadline


_MISSING: dict[State, State] = {"awaiting-images": "images-missing", "awaiting-spreadsheet": "spreadsheet-missing"}


def _usable_rows_at(case: Case) -> list[dt.datetime]:
    """When rows came that make a case: a main row, or a status row that is negative."""
    rows = []
    if case.main is not None:
        rows.append(case.main.first_uploaded_at)
    if case.status is not None and case.status.result != 1:
        rows.append(case.status.first_uploaded_at)
    return rows


def _arrivals(case: Case) -> list[dt.datetime]:
    rows = [row.first_uploaded_at for row in (case.main, case.status) if row is not None]
    return rows + [study.first_received_at for study in case.studies.values()]


def _times(case: Case) -> list[dt.datetime]:
    rows = [row.uploaded_at for row in (case.main, case.status) if row is not None]
    return rows + [study.received_at for study in case.studies.values()]


def _completes(study: StudyFacts, inside: Window, modalities: Modalities) -> bool:
    kinds = {modalities.kind(modality) for modality in study.instances}
    return inside.holds(study.study_date) and not kinds.isdisjoint(modalities.complete)


def _images(studies: Iterable[StudyFacts], inside: Window, modalities: Modalities) -> Images:
    """Studies counted once under each kind that they hold."""
    counts = {kind: [0, 0] for kind in ("xray", "ct", "mr", "other")}
    for study in studies:
        for kind in {modalities.kind(modality) for modality in study.instances}:
            counts[kind][0 if inside.holds(study.study_date) else 1] += 1
    return Images(**{kind: Counts(in_window=pair[0], out_of_window=pair[1]) for kind, pair in counts.items()})
