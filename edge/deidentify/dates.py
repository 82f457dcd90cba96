"""Dates: moved earlier by whole days, or cut to the year (DICOM PS3.5 section 6.2: DA, DT)."""

import datetime as dt
import re

_DATE = re.compile(r"(\d{4})[.\-/]?(\d\d)[.\-/]?(\d\d)")
_START = 8


def earlier(value: str, days: int) -> str:
    """A date or date-time so many days earlier, its time as it is; empty where it is none."""
    date = _parsed(value[:_START])
    try:
        moved = date - dt.timedelta(days=days) if date else None
    except OverflowError:
        return ""
    return f"{moved:%Y%m%d}{value[_START:]}".rjust(_START, "0") if moved else ""


def year(value: str) -> str:
    """1 January of the year of a date; empty where it is none. Old and wrong separators are taken."""
    date = _parsed(value)
    return f"{date.year:04d}0101" if date else ""


def _parsed(value: str) -> dt.date | None:
    found = _DATE.fullmatch(value)
    try:
        return dt.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
