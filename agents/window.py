"""The window: which studies belong to a row, by Study Date. Both ends are inside; an end that is None is open.

Source: NCCID guidance as settled in the project's decisions: positive from three calendar years before the swab, open above;
negative 28 days either side.
"""

import datetime as dt

import msgspec

from schemas.coverage import RowFacts
from schemas.rules import Windows


class Window(msgspec.Struct, frozen=True):
    """Days from ``first`` to ``last``."""

    first: dt.date | None = None
    last: dt.date | None = None

    def holds(self, day: dt.date | None) -> bool:
        """Whether a study of this day lies inside; a study without a day never does."""
        return day is not None and (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


_OPEN = Window()


def window(main: RowFacts | None, status: RowFacts | None, rules: Windows) -> Window:
    """The window of a case: by its main row, else by its status row, else open."""
    if main is not None:
        return Window(first=years_before(anchor(main), rules.positive_years_before))
    if status is None:
        return _OPEN
    if status.result == 1:
        return Window(first=years_before(anchor(status), rules.positive_years_before))
    either_side = dt.timedelta(days=rules.negative_days_either_side)
    return Window(first=anchor(status) - either_side, last=anchor(status) + either_side)


def anchor(row: RowFacts) -> dt.date:
    """The swab date; without one the day of the upload, in UTC."""
    return row.swab_date or row.uploaded_at.astimezone(dt.UTC).date()


def years_before(day: dt.date, years: int) -> dt.date:
    """The same day of an earlier year; 29 February becomes 28 February where that year has none."""
    year = day.year - years
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)
