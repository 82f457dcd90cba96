"""Dates as they really arrive, read as ISO dates or not at all: a cell that cannot be read day first is never swapped.

Read are real Excel dates, ISO, and UK day-first text; a bare number only where it is a plausible Excel serial of the workbook's
own date system; two-digit years never (domain decision 4, and what was settled with it).
"""

import datetime as dt
import re
from typing import Literal

from edge.spreadsheets.findings import Remark, shown
from edge.spreadsheets.verdicts import EMPTY, Verdict, is_empty, plain
from edge.spreadsheets.workbook import Value

EARLIEST = dt.date(1900, 1, 1)
EARLIEST_SERIAL = dt.date(2019, 1, 1)
"""Bare numbers are plausible serials from here to today: the sheets are about an illness that began at the end of 2019."""

_EPOCHS = {1900: dt.date(1899, 12, 30), 1904: dt.date(1904, 1, 1)}  # day 0, for days after February 1900
_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905 - reads

_TIME = r"(?:[T,\s]\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?\s*(?:[ap]\.?m\.?|Z|[+-]\d\d:?\d\d)?)?"
_NAMES = "|".join(f"{month}|{month[:3]}" for month in _MONTHS) + "|sept"
_FORMS = tuple(
    re.compile(form + _TIME, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<day>\d{1,2})\s?[/.\\-]\s?(?P<month>\d{1,2})\s?[/.\\-]\s?(?P<year>\d{4})",
        rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s/.,\\-]*(?P<month>{_NAMES})[\s/.,\\-]*(?P<year>\d{{4}})",
    )
)
_SHORT_YEAR = re.compile(
    rf"\d{{1,2}}(?:st|nd|rd|th)?\s?[\s/.,\\-]\s?(?:\d{{1,2}}|[a-z]{{3,9}})\s?[\s/.,\\-]\s?'?\d{{2}}{_TIME}",
    re.ASCII | re.IGNORECASE,
)
_ISO_AT_THE_END = re.compile(r"-\s?(\d{4}-\d{2}-\d{2})$", re.ASCII)
_YEAR = re.compile(r"\d{4}|\d[/.-]\d", re.ASCII)
_BARE = re.compile(r"\d+(\.\d+)?", re.ASCII)

EXPECTED = "a date as DD/MM/YYYY, for example 31/05/2020"


class DateReader:
    """Reads the date columns of one workbook on one day."""

    def __init__(self, today: dt.date, date_system: Literal[1900, 1904]) -> None:
        self._today = today
        self._epoch = _EPOCHS[date_system]

    def __call__(self, value: Value) -> Verdict:
        """The date, with what there is to say about it; an error where it is none."""
        if is_empty(value):
            return EMPTY
        match value:
            case bool() | dt.time() | dt.timedelta():
                return _no_date("The cell holds no date.")
            case dt.datetime():
                return self._dated(value.date())
            case dt.date():
                return self._dated(value)
            case int() | float():
                return self._serial(value)
            case _:
                return self._text(plain(str(value)))

    def _dated(self, date: dt.date, *remarks: Remark) -> Verdict:
        if date < EARLIEST:
            return _no_date("The date lies before 1900.")
        if date > self._today:
            remarks += (
                Remark(problem=f"The date {_uk(date)} lies in the future.", expected="check the day, the month and the year"),
            )
        return Verdict(text=date.isoformat(), remarks=remarks, date=date)

    def _serial(self, value: float) -> Verdict:
        days = int(value) if 0 <= value < 1e6 else -1  # beyond, there is no such date to compare with
        date = self._epoch + dt.timedelta(days=days)
        if not EARLIEST_SERIAL <= date <= self._today:
            return _no_date("The cell holds a bare number instead of a date.")
        problem = f"The cell holds a bare number, which is how Excel stores {_uk(date)}; it was read as that date."
        return self._dated(
            date, Remark(problem=problem, expected="format the cell as a date, and check that it is the right one")
        )

    def _text(self, text: str) -> Verdict:
        if found := next(filter(None, (form.fullmatch(text) for form in _FORMS)), None):
            month = found["month"]
            return self._calendar(text, int(found["year"]), int(month) if month.isdecimal() else _month(month), int(found["day"]))
        if _SHORT_YEAR.fullmatch(text):
            return _no_date(f"The year in {shown(text)} has two digits only.")
        if _BARE.fullmatch(text):
            return self._serial(float(text))
        if (found := _ISO_AT_THE_END.search(text)) and not _YEAR.search(text[: found.start()]):
            return self._after_text(found[1])
        return _no_date("The text in this cell is no date.")

    def _calendar(self, text: str, year: int, month: int, day: int) -> Verdict:
        try:
            return self._dated(dt.date(year, month, day))
        except ValueError:
            pass
        if not text.startswith(str(year)) and day <= 12 < month <= 31:
            return _no_date(f"{shown(text)} is no date when the day is read first; it seems to be month-first.", "DD/MM/YYYY")
        return _no_date(f"There is no such day as {shown(text)}.")

    def _after_text(self, iso: str) -> Verdict:
        try:
            date = dt.date.fromisoformat(iso)
        except ValueError:
            return _no_date(f"There is no such day as {shown(iso)}.")
        problem = f"The cell holds text and a date; it was read as {_uk(date)}, and the text was left out."
        return self._dated(date, Remark(problem=problem, expected=EXPECTED))


def _no_date(problem: str, form: str = "") -> Verdict:
    expected = f"write it as {form}, for example 31/05/2020" if form else EXPECTED
    return Verdict(remarks=(Remark(problem=problem, expected=expected, stops=True),))


def _uk(date: dt.date) -> str:
    return f"{date:%d/%m/%Y}"


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].casefold()))
