"""What the view keeps of a status: put side by side it is the status again, whatever is in it; what is alike is kept once."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.packed import Packed, pack, unpack
from monitoring.view import StatusView
from schemas.coverage import Case, CaseReconciled, CasesReconciled, CoverageStatus
from schemas.topics import COVERAGE_STATUS
from tests.factories import BOB, RR2, Flow, Sent, raw_row, raw_study
from tests.flow.arrivals import events


def cases(flow: Flow) -> list[CaseReconciled]:
    """All that were published, with a status."""
    records = [COVERAGE_STATUS.wire.decode(value) for _, value in flow.broker.topics[COVERAGE_STATUS.name] if value]
    return [case for record in records for case in record.cases if case.status is not None]


def packed(case: CaseReconciled) -> Packed:
    assert case.status is not None
    return pack(case, case.status)


def complete() -> CaseReconciled:
    return cases(Flow().arrives(raw_row(), raw_study()))[-1]


@given(st.lists(events(), max_size=10))
def test_a_status_comes_out_as_it_went_in(arrived: list[Sent]) -> None:
    for case in cases(Flow().arrives(*arrived)):
        assert unpack(packed(case)) == case.status
        assert msgspec.json.decode(packed(case).json(), type=CoverageStatus) == case.status


def test_what_is_alike_is_kept_once() -> None:
    first, second, *_ = (packed(case) for case in cases(Flow().arrives(raw_row(), raw_row(nhs_number=BOB, hospital_number=RR2))))
    assert first.patient != second.patient
    assert first.alike is second.alike
    assert first.first_day is second.first_day


@pytest.mark.parametrize("moment", [dt.datetime(2020, 5, 7, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))])
def test_the_day_is_that_of_utc(moment: dt.datetime) -> None:
    case = complete()
    assert case.status is not None
    found = pack(case, msgspec.structs.replace(case.status, since=moment))
    assert dt.date.fromordinal(found.since_day) == dt.date(2020, 5, 6)
    assert '"since":"2020-05-06T23:30:00Z"' in found.json()


@pytest.mark.parametrize("odd", ['"', "\\", '","site":"PENM', "é", "\n", ""])
def test_a_pseudonym_that_is_none_of_ours_breaks_no_answer(odd: str) -> None:
    case = complete()
    assert case.status is not None
    status = msgspec.structs.replace(case.status, patient=odd, person=odd)
    assert unpack(pack(case, status)) == status
    view = StatusView()
    view.apply(
        CasesReconciled(match="M", cases=[CaseReconciled(case=Case(patient=odd, site="RDGM", key_version=1), status=status)])
    )
    assert msgspec.json.decode(view.person_json(odd), type=list[CoverageStatus]) == [status]
    view.forget("M")
    assert (view.person_json(odd), len(view)) == ("[]", 0)
