"""Questions to the hub as they are read: pseudonyms and nothing else, however they are put together."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.hub.answers import Asked
from monitoring.hub.lookup import NoQuestionError, read

PATIENT, PERSON = "Covid" + "A" * 26, "P" + "A" * 26
SHAPED = st.one_of(
    st.from_regex("Covid[A-Z2-7]{26}", fullmatch=True),
    st.from_regex("P[A-Z2-7]{26}", fullmatch=True),
    st.from_regex(r"[CPA ovid\n]{0,32}", fullmatch=True),
    st.just(f"{PERSON} {PERSON}"),
    st.just(""),
    st.just(PERSON + "\n"),
)


def is_question(body: bytes) -> bool:
    try:
        read(body)
    except NoQuestionError:
        return False
    return True


@given(st.lists(SHAPED, max_size=4), st.lists(SHAPED, max_size=4))
def test_all_at_once_is_as_strict_as_one_by_one(patients: list[str], persons: list[str]) -> None:
    body = msgspec.json.encode({"patients": patients, "persons": persons})
    try:
        msgspec.json.decode(body, type=Asked)
        expected = True
    except msgspec.ValidationError:
        expected = False
    assert is_question(body) is expected


@pytest.mark.parametrize("persons", [[f"{PERSON} {PERSON}", ""], [f"{PERSON} {PERSON}"], ["", f"{PERSON} {PERSON}", PERSON]])
def test_two_in_one_are_none(persons: list[str]) -> None:
    assert not is_question(msgspec.json.encode({"persons": persons}))


def test_a_question_is_read_as_it_was_put() -> None:
    asked = read(msgspec.json.encode({"persons": [PERSON, PERSON], "patients": [PATIENT]}))
    assert (asked.patients, asked.persons) == ([PATIENT], [PERSON, PERSON])
