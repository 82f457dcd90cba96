"""Hospital numbers: compared as Radiology writes them, never repaired, seen as a mask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.hospital import (
    HospitalNumber,
    HospitalNumberProblem,
    expected_form,
    fits,
    normalise,
    parse,
    suggestion,
)
from tests.factories import RR1, SITES

RIDGEMOOR, EXMERE, PENMARRA, LARKHILL = (SITES[code].hospital_number_pattern for code in ("RDGM", "EXMR", "PENM", "LARK"))


def number(text: str) -> HospitalNumber:
    parsed = parse(text)
    assert isinstance(parsed, HospitalNumber)
    return parsed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("RR99900001", "RR99900001"),
        ("rr99900001", "RR99900001"),
        ("  RR99900001\t\n", "RR99900001"),
        ("RR99900001\0", "RR99900001"),  # DICOM pads some values with a null
        ("\u00a0RR99900001\u2009", "RR99900001"),
        ("RR\u200b999\u200c000\u200d0\u20601\ufeff", "RR99900001"),
        ("RR99\u00ad900001", "RR99900001"),
        ("\uff32\uff32\uff19\uff19\uff19\uff10\uff10\uff10\uff10\uff11", "RR99900001"),  # full width
        ("RR 99900001", "RR 99900001"),  # inner spaces stay
        ("RR-99900001", "RR-99900001"),  # hyphens stay
        ("0099900001", "0099900001"),  # zeros stay
        (99900001, "99900001"),
        (99900001.0, "99900001"),
        (99900001.5, "99900001.5"),
        (None, ""),
        (True, ""),
    ],
)
def test_what_is_compared(value: object, text: str) -> None:
    assert normalise(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, HospitalNumberProblem.MISSING),
        ("", HospitalNumberProblem.MISSING),
        (" \u200b\n", HospitalNumberProblem.MISSING),
        (False, HospitalNumberProblem.MISSING),
        ("9" * 65, HospitalNumberProblem.TOO_LONG),
        ("RR\\99900001", HospitalNumberProblem.INVALID_CHARACTER),
        ("RR\uff3c99900001", HospitalNumberProblem.INVALID_CHARACTER),  # a full-width backslash becomes one
        ("RR\t99900001", HospitalNumberProblem.INVALID_CHARACTER),
        ("RR\x0099900001", HospitalNumberProblem.INVALID_CHARACTER),
        ("RR\x7f99900001", HospitalNumberProblem.INVALID_CHARACTER),
    ],
)
def test_what_no_image_could_carry(value: object, problem: HospitalNumberProblem) -> None:
    assert parse(value) == problem


def test_sixty_four_characters_are_allowed() -> None:
    assert number("9" * 64).text == "9" * 64


@pytest.mark.parametrize("problem", HospitalNumberProblem)
def test_every_problem_has_words(problem: HospitalNumberProblem) -> None:
    assert problem.words


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("RR99900001", "99900001"),
        ("99900001", "99900001"),
        ("XX0999123", "999123"),
        ("X-999/123", "999123"),
        ("0000", "0000"),  # nothing left: the text itself
        ("ABC", "ABC"),
    ],
)
def test_digits_are_alike_for_numbers_that_may_be_the_same(text: str, digits: str) -> None:
    assert number(text).digits == digits


@pytest.mark.parametrize(("text", "form"), [("RR99900001", "AA99999999"), ("x-12/3 B", "A-99/9 A"), ("0", "9")])
def test_the_mask(text: str, form: str) -> None:
    assert number(text).form == form


@pytest.mark.parametrize(
    ("text", "pattern", "holds"),
    [
        (RR1, RIDGEMOOR, True),
        (RR1.lower(), RIDGEMOOR, True),
        ("99900001", RIDGEMOOR, False),
        (f"{RR1}9", RIDGEMOOR, False),  # the whole number, not its beginning
        (f"X{RR1}", RIDGEMOOR, False),
        ("A999123", LARKHILL, True),
        ("ABC999123", LARKHILL, False),
        ("rr99900001", r"rr\d{8}", True),
    ],
)
def test_whether_it_has_the_form_of_the_site(text: str, pattern: str, holds: bool) -> None:  # noqa: FBT001  # a table
    assert fits(number(text), pattern) is holds


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (RIDGEMOOR, "RR followed by 8 digits"),
        (PENMARRA, "7 digits"),
        (r"X\d\d\d", "X followed by 3 digits"),
        (LARKHILL, f"a number of the form {LARKHILL}"),
        (r"\d{3}-\d{3}", r"a number of the form \d{3}-\d{3}"),
        ("ABC", "a number of the form ABC"),
    ],
)
def test_the_form_in_words(pattern: str, words: str) -> None:
    assert expected_form(pattern) == words


@pytest.mark.parametrize(
    ("text", "pattern", "words"),
    [
        ("99900001", RIDGEMOOR, "put RR in front"),
        ("RR 99900001", RIDGEMOOR, "leave out the spaces and punctuation"),
        ("rr-999/000.01", RIDGEMOOR, "leave out the spaces and punctuation"),
        ("999123", EXMERE, "put XX in front and if zeros were lost, put a zero after XX"),
        ("XX999123", EXMERE, "if zeros were lost, put a zero after XX"),
        ("99912", EXMERE, "put XX in front and if zeros were lost, put 2 zeros after XX"),
        (
            "999123",
            PENMARRA,
            "if zeros were lost, put a zero in front (Excel drops them from a number: format the column as Text)",
        ),
        ("RR99900001", RIDGEMOOR, None),  # it fits
        ("RR999000011", RIDGEMOOR, None),  # too long for a simple change
        ("QQ99900001", RIDGEMOOR, None),  # another prefix
        ("999123", LARKHILL, None),  # a pattern that is more than a prefix and digits
    ],
)
def test_what_to_change(text: str, pattern: str, words: str | None) -> None:
    assert suggestion(number(text), pattern) == words


def test_a_suggestion_holds_no_number() -> None:
    assert "99900001" not in str(suggestion(number("99900001"), RIDGEMOOR))


def test_a_number_does_not_print() -> None:
    parsed = parse(RR1)
    shown = f"{parsed} {parsed!r} {[parsed]}"
    assert [part for part in (RR1, RR1[2:]) if part in shown] == []


@given(st.text(max_size=70))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_letter_case_makes_no_difference(text: str) -> None:
    assert parse(text.lower()) == parse(text.upper()) == parse(text)


@given(st.one_of(st.text(), st.integers(-(10**20), 10**20), st.floats(), st.none()))
def test_it_never_raises_and_the_problem_never_holds_the_value(value: object) -> None:
    parsed = parse(value)
    if isinstance(parsed, HospitalNumberProblem):
        assert parsed in HospitalNumberProblem
    else:
        assert 0 < len(parsed.text) <= 64
        assert "\\" not in parsed.text


@given(st.text("RX0123456789- ", min_size=1, max_size=12), st.sampled_from((RIDGEMOOR, EXMERE, PENMARRA)))
def test_a_number_that_fits_gets_no_suggestion(text: str, pattern: str) -> None:
    parsed = parse(text)
    if isinstance(parsed, HospitalNumber) and fits(parsed, pattern):
        assert suggestion(parsed, pattern) is None
