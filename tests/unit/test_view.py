"""The status view: the newest record of a match counts, whatever was there before."""

from hypothesis import given
from hypothesis import strategies as st

from monitoring.view import StatusView
from schemas.coverage import CasesReconciled, CoverageStatus
from schemas.topics import COVERAGE_STATUS
from tests.factories import ANN, BOB, NOON, Flow, Sent, raw_row, raw_study
from tests.flow.arrivals import events


def published(flow: Flow) -> list[CasesReconciled]:
    return [COVERAGE_STATUS.wire.decode(value) for _, value in flow.broker.topics[COVERAGE_STATUS.name] if value]


def view_of(records: list[CasesReconciled]) -> StatusView:
    view = StatusView()
    for record in records:
        view.apply(record)
    return view


def test_an_empty_view_knows_nobody() -> None:
    view = StatusView()
    assert (len(view), list(view), view.patient("CovidX"), view.person("PX")) == (0, [], None, [])


def test_the_newest_record_takes_the_place_of_the_one_before() -> None:
    first, second = published(Flow().arrives(raw_row(), raw_study()))
    view = view_of([first])
    (before,) = view
    view.apply(second)
    (after,) = view
    assert (before.state, after.state) == ("awaiting-images", "complete")
    assert view.patient(after.patient) == after
    assert view.person(after.person or "") == [after]


def test_a_person_at_two_sites_in_the_order_of_the_sites() -> None:
    view = view_of(published(Flow().arrives(raw_row(), raw_row(site="PENM", hospital_number="0999123"))))
    person = next(iter(view)).person
    assert [status.site for status in view.person(person or "")] == ["PENM", "RDGM"]


def test_a_person_who_was_corrected_is_found_under_the_new_number_only() -> None:
    wrong, right = raw_row(nhs_number=ANN), raw_row(nhs_number=BOB, uploaded_at=NOON.replace(hour=13))
    records = published(Flow().arrives(wrong, right))
    ann = records[0].cases[0].status
    view = view_of(records)
    (bob,) = view
    assert ann is not None
    assert ann.person != bob.person
    assert view.person(ann.person or "") == []
    assert view.person(bob.person or "") == [bob]


def test_two_cases_of_one_match_are_both_there() -> None:
    view = view_of(published(Flow().arrives(raw_row(hospital_number="99900001"), raw_study())))
    assert len(view) == 2
    assert sorted(status.state for status in view) == ["awaiting-images", "awaiting-spreadsheet"]
    assert all(view.patient(status.patient) == status for status in view)


@given(st.lists(events(), max_size=12))
def test_a_view_is_what_is_published_last_by_patient_and_by_person(arrived: list[Sent]) -> None:
    flow = Flow().arrives(*arrived)
    statuses = flow.statuses()
    view = view_of(published(flow))
    assert {status.patient: status for status in view} == statuses
    assert len(view) == len(statuses)
    by_person: dict[str, list[CoverageStatus]] = {}
    for status in sorted(statuses.values(), key=lambda status: (status.site, status.patient)):
        by_person.setdefault(status.person or "", []).append(status)
    for person, expected in by_person.items():
        assert not person or view.person(person) == expected


@given(st.lists(events(), max_size=8))
def test_reading_the_topic_twice_changes_nothing(arrived: list[Sent]) -> None:
    records = published(Flow().arrives(*arrived))
    assert sorted(view_of(records + records), key=lambda each: each.patient) == sorted(
        view_of(records), key=lambda each: each.patient
    )
