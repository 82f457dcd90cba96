"""NHS, CHI and H&C numbers: whatever people type and Excel makes of it, the same verdict; no wrong digit passes."""

import traceback
from typing import assert_never

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nhs_number.validate import calculate_checksum

from identity.numbers import NhsNumber, NumberProblem, Scheme, normalise, parse
from tests.factories import ANN, BOB, CAT, DAN, with_check_digit

VALID = (ANN, BOB, CAT, DAN, *(with_check_digit(stem) for stem in ("999000001", "999999990", "999999998")))

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
SPACES = " \t\r\n\u00a0\u2009\u202f\u3000"
HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"

stems = st.integers(999_000_000, 999_999_999).map(str)
numbers = stems.filter(lambda stem: calculate_checksum(stem) != 10).map(with_check_digit).filter(lambda n: len(set(n)) > 1)
noise = st.text(INVISIBLE + SPACES + HYPHENS, max_size=3)


def verdict(value: object) -> str:
    """The scheme of a number, or the problem."""
    match parse(value):
        case NhsNumber(scheme=scheme):
            return scheme
        case NumberProblem() as problem:
            return problem.value
        case never:
            assert_never(never)


def chi(stem: str) -> str:
    """The first number with a fitting check digit whose first eight digits are these."""
    fitting = (f"{stem}{sex}" for sex in range(10) if calculate_checksum(f"{stem}{sex}") != 10)
    return with_check_digit(next(fitting))


# --- what is a number --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", VALID)
def test_numbers_of_the_test_range(number: str) -> None:
    assert parse(number) == NhsNumber(number, "test")


@pytest.mark.parametrize(
    ("stem", "scheme"),
    [
        ("010101001", "chi"),  # the CHI range begins on the first of a month
        ("311299001", "chi"),
        ("320000001", "hc"),
        ("399999999", "hc"),
        ("400000001", "nhs"),
        ("499999998", "nhs"),
        ("600000001", "nhs"),
        ("799999998", "nhs"),
        ("900000001", "test"),
        ("310299001", "invalid-date"),  # no February has 31 days
        ("312000001", "not-issued"),  # between the ranges of CHI and H&C
        ("500000001", "not-issued"),
        ("599999998", "not-issued"),
        ("800000001", "not-issued"),  # Republic of Ireland
        ("859999998", "not-issued"),
        ("860000001", "not-issued"),
        ("899999998", "not-issued"),
    ],
)
def test_the_range_tells_the_kind(stem: str, scheme: Scheme) -> None:
    while calculate_checksum(stem) == 10:
        stem = str(int(stem) + 1).zfill(9)
    assert verdict(with_check_digit(stem)) == scheme


@pytest.mark.parametrize("below", ["000000000", "000000001", "009999999"])
def test_below_the_chi_range_nothing_is_issued(below: str) -> None:
    while calculate_checksum(below) == 10 or len(set(below)) == 1:
        below = str(int(below) + 1).zfill(9)
    assert verdict(with_check_digit(below)) in {"not-issued", "invalid-date"}


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("290200", "chi"),  # 2000 was a leap year
        ("290204", "chi"),
        ("290296", "chi"),
        ("290201", "invalid-date"),
        ("290299", "invalid-date"),
        ("300200", "invalid-date"),
        ("310499", "invalid-date"),
        ("311299", "chi"),
        ("011300", "invalid-date"),
        ("010000", "invalid-date"),
        ("010100", "chi"),
    ],
)
def test_a_chi_begins_with_a_date_of_either_century(day: str, expected: str) -> None:
    assert verdict(chi(f"{day}00")) == expected


def test_a_wrong_date_is_told_before_a_wrong_check_digit() -> None:
    right = chi("31049900")
    assert verdict(f"{right[:9]}{(int(right[9]) + 1) % 10}") == "invalid-date"


@pytest.mark.parametrize("digit", "0123456789")
def test_ten_equal_digits_are_refused_though_the_check_digit_fits(digit: str) -> None:
    assert verdict(digit * 10) == "all-equal"


def test_a_stem_without_any_check_digit() -> None:
    assert {verdict(f"999613217{last}") for last in range(10)} == {"check-digit"}


def test_the_worked_example_of_the_check_digit() -> None:
    assert (verdict("999 462 1785"), verdict("999 462 1784")) == ("test", "check-digit")


# --- what people type and what Excel makes of it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "9994621785",
        "999 462 1785",
        "999-462-1785",
        " 9994621785\n",
        "999\u00a0462\u20091785",
        "\ufeff9994621785\u200b",
        "99946\u200d217\u206085",
        "999\u2010462\u20111785",
        "999\u2012462\u20131785",
        "999\u2014462\u22121785",
        "999\u20154621785",
        "9994621785.0",
        "9994621785.00",
        "9.994621785E9",
        "9.994621785E+09",
        "9.994621785e9",
        9994621785,
        9994621785.0,
    ],
)
def test_one_number_in_many_spellings(value: object) -> None:
    assert parse(value) == NhsNumber(ANN, "test")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "missing"),
        ("", "missing"),
        (" \u200b- ", "missing"),
        (True, "missing"),
        (False, "missing"),
        ("999462178", "too-short"),
        ("99946217855", "too-long"),
        (99946217855, "too-long"),
        (12345, "too-short"),
        (0, "too-short"),
        ("999462178O", "invalid-character"),
        ("99946217l5", "invalid-character"),
        ("9994621785.5", "invalid-character"),
        (9994621785.5, "invalid-character"),
        ("9.9946217855E9", "invalid-character"),
        (-9994621785, "invalid-character"),
        ("\uff19\uff19\uff19\uff14\uff16\uff12\uff11\uff17\uff18\uff15", "invalid-character"),  # full-width digits
        ("\u0669\u0669\u0669\u0664\u0666\u0662\u0661\u0667\u0668\u0665", "invalid-character"),  # Arabic-Indic digits
        ("999462178\u00b2", "invalid-character"),
        ("NHS 9994621785", "invalid-character"),
        ("9E99", "invalid-character"),
        (1e15, "invalid-character"),
        (1e16, "invalid-character"),
        ("1000000000000000.0", "invalid-character"),
        (9.994621785e-09, "invalid-character"),
        (float("nan"), "invalid-character"),
        (float("inf"), "invalid-character"),
        ("9" * 400 + ".0", "invalid-character"),
    ],
)
def test_everything_else_has_its_reason(value: object, expected: str) -> None:
    assert verdict(value) == expected


def test_a_chi_that_lost_its_zero_in_a_numeric_cell_gets_it_back() -> None:
    number = chi("01019900")
    assert number.startswith("0")
    restored = NhsNumber(number, "chi")
    assert [parse(value) for value in (int(number), float(number), f"{int(number)}.0")] == [restored] * 3


def test_nine_digits_of_text_may_be_a_slip_and_are_not_repaired() -> None:
    assert verdict(chi("01019900")[1:]) == "too-short"


def test_a_second_zero_is_not_made_up() -> None:
    assert verdict(99462178) == "too-short"


@pytest.mark.parametrize("problem", NumberProblem)
def test_every_problem_has_words_of_its_own(problem: NumberProblem) -> None:
    assert problem.words
    assert [other for other in NumberProblem if other.words == problem.words] == [problem]


# --- properties --------------------------------------------------------------------------------------------------------


@given(numbers, st.data())
def test_formatting_never_changes_the_verdict(number: str, data: st.DataObject) -> None:
    noisy = "".join(data.draw(noise, label="noise") + digit for digit in number) + data.draw(noise)
    assert parse(noisy) == parse(number) == NhsNumber(number, "test")


@given(st.text(st.sampled_from("0123456789 -.eE\u200bO"), max_size=14), st.data())
def test_formatting_never_rescues_a_wrong_one_either(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    noisy = text[:at] + data.draw(st.sampled_from(INVISIBLE + SPACES)) + text[at:]
    assert parse(noisy) == parse(text)


@given(numbers, st.integers(0, 9), st.integers(1, 9))
def test_any_single_wrong_digit_is_refused(number: str, at: int, more: int) -> None:
    wrong = f"{number[:at]}{(int(number[at]) + more) % 10}{number[at + 1 :]}"
    assert isinstance(parse(wrong), NumberProblem)


@given(numbers, st.integers(0, 8))
def test_two_neighbours_swapped_are_refused(number: str, at: int) -> None:
    assume(number[at] != number[at + 1])
    swapped = f"{number[:at]}{number[at + 1]}{number[at]}{number[at + 2 :]}"
    assert isinstance(parse(swapped), NumberProblem)


@given(numbers)
def test_a_number_is_the_same_as_text_whole_number_and_float(number: str) -> None:
    assert parse(int(number)) == parse(float(number)) == parse(number)


@given(st.one_of(st.text(), st.integers(-(10**20), 10**20), st.floats(), st.booleans(), st.none()))
def test_it_never_raises(value: object) -> None:
    parse(value)


@given(st.one_of(st.text(), st.text("0123456789.eE+- ", max_size=14)))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.one_of(st.text(min_size=4), numbers.map(lambda number: f"{number}x")))
def test_a_problem_never_holds_the_value(text: str) -> None:
    problem = parse(text)
    assume(isinstance(problem, NumberProblem))
    assert text not in repr(problem) + str(problem) + (problem.words if isinstance(problem, NumberProblem) else "")


def test_a_number_does_not_print() -> None:
    number = parse(ANN)
    with pytest.raises(ValueError, match="NhsNumber") as caught:
        raise ValueError(number)
    shown = f"{number} {number!r} {[number]} {caught.value!r} {''.join(traceback.format_exception_only(caught.value))}"
    assert [part for part in (ANN, ANN[:5], ANN[-5:]) if part in shown] == []
