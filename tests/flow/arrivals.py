"""Strategies: everything that a few patients' rows and studies can be, small domains so that things meet."""

import datetime as dt
from typing import Literal

from hypothesis import strategies as st

from schemas.people import PersonWithdrawn
from schemas.records import Kind, PatientWithdrawn, Raw, RowSubmitted, StudyReceived
from tests.factories import ANN, BOB, CAT, DAN, NOON, SWAB, Sent, patient_withdrawn, person_withdrawn, raw_row, raw_study

NUMBERS = {
    "RDGM": ("RR99900001", "99900001", "rr99900001", "RR99900002", ANN),
    "PENM": ("0999123", "999123", "0999124"),
    "NTHV": (ANN, "999 462 1785", BOB, "X999123"),
}
"""Site -> how its patients are written, rightly and wrongly; the slips of one number lie side by side."""

_TIMES = st.integers(0, 6).map(lambda hours: NOON + dt.timedelta(hours=hours))
_SWABS = st.sampled_from((SWAB, SWAB - dt.timedelta(days=40), None))
_FILMED = st.sampled_from((SWAB, SWAB - dt.timedelta(days=30), SWAB - dt.timedelta(days=4 * 365), None))
_KINDS: tuple[Kind, ...] = ("positive", "negative")
_RESULTS: tuple[Literal[0, 1], ...] = (0, 1)
_INSTANCES = st.dictionaries(st.sampled_from(("DX", "CR", "CT", "MR", "US")), st.integers(1, 3), min_size=1, max_size=2)


@st.composite
def rows(draw: st.DrawFn) -> RowSubmitted:
    """A row. What decides between two rows (upload and row number) also says all that is in it, as it does at the edge."""
    site = draw(st.sampled_from(sorted(NUMBERS)))
    number = draw(st.sampled_from(NUMBERS[site]))
    kind: Kind = draw(st.sampled_from(_KINDS))
    at, swab = draw(_TIMES), draw(_SWABS)
    nhs_number = number if site == "NTHV" and number != "X999123" else draw(st.sampled_from((ANN, BOB, CAT, DAN, None)))
    result = draw(st.sampled_from(_RESULTS)) if kind == "negative" else None
    return raw_row(
        site=site,
        kind=kind,
        nhs_number=CAT if site == "NTHV" and nhs_number is None else nhs_number,
        hospital_number=number,
        uploaded_at=at,
        upload=f"{kind}-{at:%H}-{draw(st.integers(0, 1))}-{swab}-{nhs_number}-{result}",
        swab_date=swab,
        result=result,
    )


@st.composite
def studies(draw: st.DrawFn) -> StudyReceived:
    site = draw(st.sampled_from(sorted(NUMBERS)))
    return raw_study(
        site=site,
        patient_id=draw(st.sampled_from(NUMBERS[site])),
        study=draw(st.sampled_from(("S1", "S2"))),
        received_at=draw(_TIMES),
        study_date=draw(_FILMED),
        instances=draw(_INSTANCES),
        patient_ids=draw(st.integers(1, 2)),
        settled=draw(st.booleans()),
    )


def withdrawals() -> st.SearchStrategy[PatientWithdrawn | PersonWithdrawn]:
    """By the NHS number, or by a site's own."""
    places = st.sampled_from([(site, number) for site in sorted(NUMBERS) for number in NUMBERS[site]])
    by_own = st.builds(
        lambda at, place: patient_withdrawn(site=place[0], hospital_number=place[1], withdrawn_at=at), _TIMES, places
    )
    persons = st.sampled_from((ANN, BOB))
    by_nhs = st.builds(lambda at, number: person_withdrawn(nhs_number=number, withdrawn_at=at), _TIMES, persons)
    return st.one_of(by_own, by_nhs)


def records() -> st.SearchStrategy[Raw]:
    return st.one_of(rows(), studies())


def events() -> st.SearchStrategy[Sent]:
    """Rows, studies, and now and then a withdrawal."""
    return st.one_of(rows(), rows(), studies(), studies(), withdrawals())
