"""What is counted of a site while its cases come and change, so that nothing has to be counted again when somebody asks."""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from monitoring.coverage import SiteCoverage
from monitoring.packed import Packed
from schemas.coverage import State

MISSING: tuple[State, ...] = ("awaiting-images", "images-missing", "awaiting-spreadsheet", "spreadsheet-missing")
"""The states in which something is missing."""

BANDS: tuple[tuple[str, int], ...] = (
    ("under a day", 1),
    ("1 to 3 days", 4),
    ("4 to 7 days", 8),
    ("8 to 14 days", 15),
    ("15 to 28 days", 29),
    ("over 28 days", 1_000_000),
)
"""How long something has been missing: words, and the number of days from which the next band begins."""


@dataclass
class Tally:
    """The coverage of a site, and by UTC day: since when its cases are in their states, and when each was first heard of."""

    counted: SiteCoverage = field(default_factory=SiteCoverage)
    since: dict[State, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    first: Counter[int] = field(default_factory=Counter)

    def take(self, case: Packed, by: int) -> None:
        """Counts one case more (1), or one less (-1)."""
        alike = case.alike
        self.counted.count(alike.state, alike.flags, alike.studies, by=by)
        _add(self.since[alike.state], case.since_day, by)
        _add(self.first, case.first_day, by)

    def ages(self, today: dt.date) -> dict[str, dict[str, Any]]:
        """For each state in which something is missing: since which day at the longest, and how many cases in each band."""
        return {state: _ages(self.since[state], today) for state in MISSING if self.since.get(state)}

    def oldest(self, today: dt.date) -> dict[State, int]:
        """For each state in which something is missing: for how many days at the longest."""
        return {state: today.toordinal() - min(self.since[state]) for state in MISSING if self.since.get(state)}

    def by_day(self) -> list[tuple[dt.date, int, int]]:
        """Day, patients heard of by its end, of which complete by its end and still so; days on which something changed."""
        complete = self.since["complete"]
        line, known, done = [], 0, 0
        for day in sorted({*self.first, *complete}):
            known, done = known + self.first[day], done + complete[day]
            line.append((dt.date.fromordinal(day), known, done))
        return line


def _ages(days: Counter[int], today: dt.date) -> dict[str, Any]:
    bands = dict.fromkeys((words for words, _ in BANDS), 0)
    for day, cases in days.items():
        age = today.toordinal() - day
        bands[next(words for words, below in BANDS if age < below)] += cases
    return {"oldest": dt.date.fromordinal(min(days)).isoformat(), "cases": bands}


def _add(counter: Counter[int], day: int, by: int) -> None:
    counter[day] += by
    if not counter[day]:
        del counter[day]
