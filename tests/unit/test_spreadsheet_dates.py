"""Dates in every form in which they really arrive: read as themselves, or refused, never swapped."""

import datetime as dt
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.spreadsheets.dates import DateReader
from edge.spreadsheets.workbook import Value
from tests.sheets import TODAY

read = DateReader(TODAY, 1900)
dates = st.dates(dt.date(1900, 1, 1), TODAY)
serials = st.dates(dt.date(2019, 1, 1), TODAY)

FORMS = (
    "{0:%Y-%m-%d}", "{0:%d/%m/%Y}", "{0.day}/{0.month}/{0.year}", "{0:%d.%m.%Y}", "{0:%d-%m-%Y}", "{0:%d\\%m\\%Y}",
    "{0.day} {0:%B} {0.year}", "{0.day}-{0:%b}-{0.year}", "{0:%d %b %Y}", " {0:%d/%m/%Y} ", "{0:%d/%m/%Y} 10:30",
    "{0:%Y-%m-%d}T23:59:59Z", "{0:%Y-%m-%d} 00:00:00", "{0:%d}\u2010{0:%m}\u2010{0:%Y}", "{0.day}th {0:%B} {0.year}",
)  # fmt: skip


@given(dates, st.sampled_from(FORMS))
def test_any_date_in_any_accepted_form_is_itself(date: dt.date, form: str) -> None:
    verdict = read(form.format(date))
    assert (verdict.date, verdict.text, verdict.remarks) == (date, date.isoformat(), ())


@given(dates, st.times())
def test_real_excel_dates_lose_the_time(date: dt.date, time: dt.time) -> None:
    assert read(dt.datetime.combine(date, time)).date == date


@given(serials, st.sampled_from([(1900, dt.date(1899, 12, 30)), (1904, dt.date(1904, 1, 1))]), st.sampled_from([int, str]))
def test_a_plausible_serial_is_read_in_the_workbooks_own_system(
    date: dt.date, system: tuple[Literal[1900, 1904], dt.date], kind: type[int] | type[str]
) -> None:
    days = (date - system[1]).days
    verdict = DateReader(TODAY, system[0])(kind(days))
    assert verdict.date == date
    assert [remark.stops for remark in verdict.remarks] == [False]
    assert f"{date:%d/%m/%Y}" in verdict.remarks[0].problem


@given(dates, st.sampled_from(["Admitted", "[Text]", "seen in A&E", "ward 12"]))
def test_text_before_an_iso_date_is_left_out_with_a_warning(date: dt.date, text: str) -> None:
    verdict = read(f"{text} - {date.isoformat()}")
    assert (verdict.date, [remark.stops for remark in verdict.remarks]) == (date, [False])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("05/13/2020", '"05/13/2020" is no date when the day is read first; it seems to be month-first.'),
        ("5/31/2020 10:30", '"5/31/2020 10:30" is no date when the day is read first; it seems to be month-first.'),
        ("31/02/2020", 'There is no such day as "31/02/2020".'),
        ("29/02/2021", 'There is no such day as "29/02/2021".'),
        ("2020-13-01", 'There is no such day as "2020-13-01".'),
        ("31 June 2020", "There is no such day as the text in this cell."),
        ("Admitted - 2020-02-30", 'There is no such day as "2020-02-30".'),
        ("12/05/20", 'The year in "12/05/20" has two digits only.'),
        ("5 May 20", "The year in the text in this cell has two digits only."),
        (5, "The cell holds a bare number instead of a date."),
        (2020, "The cell holds a bare number instead of a date."),
        (12052020, "The cell holds a bare number instead of a date."),
        (99999, "The cell holds a bare number instead of a date."),
        (-1.5, "The cell holds a bare number instead of a date."),
        ("20200512", "The cell holds a bare number instead of a date."),
        ("last week", "The text in this cell is no date."),
        ("May 5 2020", "The text in this cell is no date."),
        ("2020-05-01 - 2020-05-09", "The text in this cell is no date."),
        ("- - - - - - - - - 9", "The text in this cell is no date."),
        ("31/12/1899", "The date lies before 1900."),
        (dt.datetime(1899, 12, 31), "The date lies before 1900."),  # noqa: DTZ001 - Excel knows no time zones
        (dt.time(10, 30), "The cell holds no date."),
        (True, "The cell holds no date."),
    ],
)
def test_what_is_no_date_is_an_error(value: Value, problem: str) -> None:
    verdict = read(value)
    assert (verdict.date, verdict.text) == (None, "")
    assert [(remark.problem, remark.stops) for remark in verdict.remarks] == [(problem, True)]
    assert "DD/MM/YYYY" in str(verdict.remarks[0].expected)


@pytest.mark.parametrize("value", [None, "", "  ", "\u00a0", ".", "-", "\u2013", "N/A", "n/a", "NA", "?"])
def test_what_says_that_there_is_nothing_is_nothing(value: Value) -> None:
    assert (read(value).text, read(value).remarks) == ("", ())


def test_the_future_is_doubted() -> None:
    verdict = read("02/06/2021")
    assert [(remark.problem, remark.stops) for remark in verdict.remarks] == [("The date 02/06/2021 lies in the future.", False)]
    assert (verdict.date, read(TODAY).remarks) == (dt.date(2021, 6, 2), ())


@example(-693594)  # further back than there are years
@given(st.text(max_size=30) | st.integers() | st.floats(allow_nan=True) | st.datetimes() | st.timedeltas())
def test_nothing_makes_it_raise(value: Value) -> None:
    verdict = read(value)
    assert verdict.date is None or verdict.text == verdict.date.isoformat()
