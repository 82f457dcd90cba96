"""NHS, CHI and H&C numbers: from what people type, paste and what Excel makes of it, to ten checked digits or one plain reason.

Sources: NHS Data Model and Dictionary (NHS NUMBER, HEALTH AND CARE NUMBER, COMMUNITY HEALTH INDEX NUMBER); ISB 0149; the check
digit and the ranges themselves are the ``nhs-number`` library's. What it leaves out is here: zero-width characters and look-alike
hyphens, Excel's floats, the lost leading zero of a CHI, ten equal digits, and which check failed.
"""

import calendar
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from nhs_number import constants as ranges
from nhs_number.validate import calculate_checksum

Scheme = Literal["nhs", "chi", "hc", "test"]

_IGNORED = re.compile("[\\s\u200b\u200c\u200d\u2060\ufeff\u00ad\\-\u2010\u2011\u2012\u2013\u2014\u2015\u2212]+")
_EXCEL_FLOAT = re.compile(r"^\d+\.0+$")
_EXCEL_EXPONENT = re.compile(r"^\d\.\d{7,}[eE]\+?\d{1,2}$")  # with fewer decimals it is a rounded display, and no number


class NumberProblem(StrEnum):
    """Why text is not an NHS, CHI or H&C number, in the order in which it is tested."""

    MISSING = "missing"
    INVALID_CHARACTER = "invalid-character"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    ALL_EQUAL = "all-equal"
    INVALID_DATE = "invalid-date"
    CHECK_DIGIT = "check-digit"
    NOT_ISSUED = "not-issued"

    @property
    def words(self) -> str:
        """The problem, for the person who typed the number."""
        return _WORDS[self]


_WORDS = {
    NumberProblem.MISSING: "there is no number",
    NumberProblem.INVALID_CHARACTER: "the number holds something else than digits, spaces and hyphens",
    NumberProblem.TOO_SHORT: "the number has fewer than ten digits",
    NumberProblem.TOO_LONG: "the number has more than ten digits",
    NumberProblem.ALL_EQUAL: "all ten digits are the same, which is no real number",
    NumberProblem.INVALID_DATE: "it is in the CHI range, but its first six digits are no date (DDMMYY)",
    NumberProblem.CHECK_DIGIT: "the last digit does not fit the others, so one digit is wrong or two are swapped",
    NumberProblem.NOT_ISSUED: "it lies in a range that is not issued as NHS, CHI or H&C number",
}


@dataclass(frozen=True, slots=True)
class NhsNumber:
    """Ten checked digits and the scheme they belong to."""

    digits: str = field(repr=False)
    scheme: Scheme


def normalise(value: object) -> str:
    """What is compared: text without spaces, zero-width characters and hyphens; Excel's numbers as their digits.

    Args:
        value: text, or what a spreadsheet cell holds (int, float, None).

    Returns:
        Digits where the value was a whole number, else the text that is left. A float with a fraction keeps its point, which
        ``parse`` then calls an invalid character. Nine digits in a *numeric* value are a CHI that lost its leading zero.
    """
    if isinstance(value, str) and value.isascii() and value.isalnum():
        return value  # nearly always: nothing to ignore, and no number of Excel's
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, int):
        return f"{value:010d}" if 10**8 <= value < 10**9 else str(value)
    text = _IGNORED.sub("", str(value))
    return _of_float(float(text)) if _EXCEL_FLOAT.fullmatch(text) or _EXCEL_EXPONENT.fullmatch(text) else text


def _of_float(value: float) -> str:
    return normalise(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)


def parse(value: object) -> NhsNumber | NumberProblem:
    """The number in ``value``, or the first problem.

    Shapes: text with or without spaces and hyphens, int, float. Never raises, and the problem never holds the value.
    """
    text = normalise(value)
    if not text:
        return NumberProblem.MISSING
    if not (text.isascii() and text.isdigit()):
        return NumberProblem.INVALID_CHARACTER
    if len(text) != 10:
        return NumberProblem.TOO_SHORT if len(text) < 10 else NumberProblem.TOO_LONG
    if len(set(text)) == 1:
        return NumberProblem.ALL_EQUAL
    return _checked(text)


def _checked(digits: str) -> NhsNumber | NumberProblem:
    number = int(digits)
    scheme = _scheme_of(number)
    if scheme == "chi" and not _begins_with_a_date(digits):
        return NumberProblem.INVALID_DATE
    if calculate_checksum(digits[:9]) != number % 10:
        return NumberProblem.CHECK_DIGIT
    return NhsNumber(digits, scheme) if scheme else NumberProblem.NOT_ISSUED


def _scheme_of(number: int) -> Scheme | None:
    for first, last, scheme in _RANGES:
        if first <= number <= last:
            return scheme
    return None


def _begins_with_a_date(digits: str) -> bool:
    """DDMMYY; the century is not known, and 29 February needs a YY divisible by four, 00 included (2000)."""
    day, month, year = int(digits[:2]), int(digits[2:4]), 2000 + int(digits[4:6])
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


_REGIONS: tuple[tuple[Scheme, ranges.Region], ...] = (
    ("chi", ranges.REGION_SCOTLAND),
    ("hc", ranges.REGION_NORTHERN_IRELAND),
    ("nhs", ranges.REGION_ENGLAND_WALES_IOM),
    ("test", ranges.REGION_SYNTHETIC),
)
_RANGES: tuple[tuple[int, int, Scheme], ...] = tuple(
    (each.start, each.end, scheme) for scheme, region in _REGIONS for each in region.ranges
)
