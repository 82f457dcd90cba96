"""People: what is known of a person over all cases, and what each case is told of the others."""

import datetime as dt
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.people import people, reviews
from schemas.people import (
    PersonCase,
    PersonCaseSeen,
    PersonEvent,
    PersonReconciled,
    PersonRow,
    PersonWithdrawn,
    Review,
    empty_person,
)
from tests.factories import NOON

HOUR = dt.timedelta(hours=1)


def row(hours: int = 0, *, number: int = 2, mine: bool = True, result: Literal[0, 1] | None = None) -> PersonRow:
    """A row of the file that was uploaded at that hour."""
    return PersonRow(uploaded_at=NOON + hours * HOUR, upload=f"u{hours}", row=number, mine=mine, result=result)


def case(
    patient: str,
    *,
    site: str = "RDGM",
    main: PersonRow | None = None,
    status: PersonRow | None = None,
    images: Literal["none", "some", "under the person's own number"] = "none",
    withdrawn: bool = False,
) -> PersonCase:
    return PersonCase(
        patient=patient,
        site=site,
        match=f"M{patient}",
        key_version=1,
        main=main,
        status=status,
        has_studies=images != "none",
        named_by_images=images == "under the person's own number",
        form=f"form of {patient}",
        withdrawn=withdrawn,
    )


def known(*cases: PersonCase, withdrawn_at: dt.datetime | None = None) -> PersonReconciled:
    events: list[PersonEvent] = [PersonCaseSeen(person="P", case=each) for each in cases]
    if withdrawn_at is not None:
        events.append(PersonWithdrawn(event="e", person="P", withdrawn_at=withdrawn_at))
    person = empty_person("P")
    for event in events:
        person = people(person, event)
    return person


def told(*cases: PersonCase, withdrawn_at: dt.datetime | None = None) -> dict[str, Review]:
    return {each.patient: each.review for each in reviews(known(*cases, withdrawn_at=withdrawn_at))}


NOTHING = Review()


def test_the_only_case_of_a_person_is_told_nothing() -> None:
    assert told(case("A", main=row())) == {}


def test_cases_at_two_sites_do_not_touch_each_other() -> None:
    there = case("B", site="PENM", main=row(1))
    assert told(case("A", main=row()), there) == {"A": NOTHING, "B": NOTHING}
    assert known(case("A", main=row()), there).flags == ["several-sites"]


def test_of_two_numbers_of_a_site_the_later_upload_has_the_row() -> None:
    first, second = row(0), row(1)
    assert told(case("A", main=first), case("B", main=second)) == {"A": Review(main_moved=first), "B": NOTHING}
    assert told(case("A", status=second), case("B", status=first)) == {"A": NOTHING, "B": Review(status_moved=first)}
    assert known(case("A", main=first), case("B", main=second)).flags == []


def test_of_one_upload_both_have() -> None:
    several = Review(several=True)
    assert told(case("A", main=row(number=2)), case("B", main=row(number=3))) == {"A": several, "B": several}
    assert known(case("A", main=row(number=2)), case("B", main=row(number=3))).flags == ["several-hospital-numbers"]


def test_rows_of_the_two_sheets_do_not_move_each_other() -> None:
    several = Review(several=True)
    assert told(case("A", main=row(0)), case("B", status=row(1, result=0))) == {"A": several, "B": several}


def test_a_row_that_names_somebody_else_moves_nothing_and_is_not_moved() -> None:
    other = row(1, mine=False)
    assert told(case("A", main=row(0)), case("B", main=other)) == {"A": NOTHING, "B": NOTHING}
    assert told(case("A", main=row(2)), case("B", main=other)) == {"A": NOTHING, "B": NOTHING}


def test_a_site_whose_row_was_corrected_to_somebody_else_is_not_one_of_the_persons_sites() -> None:
    assert known(case("A", main=row()), case("B", site="PENM", main=row(1, mine=False))).flags == []


def test_images_under_the_persons_own_number_are_the_other_half_of_a_row_without_images() -> None:
    asked = told(case("A", main=row()), case("B", images="under the person's own number"))
    assert asked == {"A": Review(counterpart="form of B"), "B": Review(counterpart="form of A")}


@pytest.mark.parametrize(
    "cases",
    [
        (case("A", main=row(), images="some"), case("B", images="under the person's own number")),
        (case("A", main=row()), case("B", status=row(mine=False), images="under the person's own number")),
        (case("A", main=row(mine=False)), case("B", images="under the person's own number")),
        (case("A", main=row()), case("B", images="some")),
        (case("A", main=row()), case("B", site="PENM", images="under the person's own number")),
    ],
    ids=["the row has images", "the images have a row", "somebody else's row", "whose images is not said", "another site"],
)
def test_else_they_are_not(cases: tuple[PersonCase, ...]) -> None:
    assert [review.counterpart for review in told(*cases).values()] == [None, None]


@pytest.mark.parametrize(
    ("cases", "contradict"),
    [
        ((case("A", main=row()), case("B", site="PENM", status=row(result=0))), True),
        ((case("A", main=row()), case("B", site="PENM", status=row(result=1))), False),
        ((case("A", status=row(result=0)), case("B", site="PENM", status=row(result=1))), True),
        ((case("A", main=row(), status=row(result=0)),), True),
        ((case("A", status=row(0, result=1)), case("B", status=row(1, result=0))), False),
        ((case("A", main=row()), case("B", site="PENM", status=row(mine=False, result=0))), False),
    ],
)
def test_results_contradict_each_other_if_rows_that_stand_differ(cases: tuple[PersonCase, ...], *, contradict: bool) -> None:
    assert ("contradicting-results" in known(*cases).flags) == contradict


def test_who_opted_out_did_so_everywhere_since_the_first_time() -> None:
    asked = told(case("A", main=row()), case("B", site="PENM"), withdrawn_at=NOON + HOUR)
    assert {review.withdrawn_at for review in asked.values()} == {NOON + HOUR}
    again = people(known(withdrawn_at=NOON + HOUR), PersonWithdrawn(event="e", person="P", withdrawn_at=NOON))
    assert again.withdrawn_at == NOON
    assert people(again, PersonWithdrawn(event="e", person="P", withdrawn_at=NOON + HOUR)) == again


def test_a_single_case_is_told_that_the_person_opted_out() -> None:
    assert told(case("A", main=row()), withdrawn_at=NOON) == {"A": Review(withdrawn_at=NOON)}


def test_a_case_that_is_withdrawn_is_of_no_consequence_for_the_others_and_nothing_of_it_is_kept() -> None:
    gone = case("B", main=row(1), images="some", withdrawn=True)
    assert told(case("A", main=row()), case("B", main=row(1)), gone) == {"A": NOTHING, "B": NOTHING}
    kept = known(case("A", main=row()), case("B", main=row(1), status=row(2, result=1), images="some"), gone).cases[1]
    empty = PersonCase(
        patient="B",
        site="RDGM",
        match="MB",
        key_version=1,
        main=None,
        status=None,
        has_studies=False,
        named_by_images=False,
        form="",
        withdrawn=True,
    )
    assert kept == empty


_rows = st.one_of(st.none(), st.builds(row, st.integers(0, 3)))
_cases = st.builds(
    case,
    st.sampled_from("ABC"),
    main=_rows,
    status=_rows,
    images=st.sampled_from(("none", "some", "under the person's own number")),
    withdrawn=st.sampled_from((False, False, False, True)),
)
_events: st.SearchStrategy[PersonEvent] = st.one_of(
    st.builds(PersonCaseSeen, person=st.just("P"), case=_cases),
    st.builds(
        PersonWithdrawn,
        event=st.just("e"),
        person=st.just("P"),
        withdrawn_at=st.integers(0, 3).map(lambda hours: NOON + hours * HOUR),
    ),
)


@given(st.lists(_events, max_size=8).flatmap(lambda events: st.tuples(st.just(events), st.permutations([*events, *events]))))
def test_any_order_and_any_repetition(tellings: tuple[list[PersonEvent], list[PersonEvent]]) -> None:
    one, other = (empty_person("P") for _ in range(2))
    for event in tellings[0]:
        one = people(one, event)
    for event in tellings[1]:
        other = people(other, event)
    assert (one, reviews(one)) == (other, reviews(other))
