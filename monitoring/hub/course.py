"""The course of coverage over time: for the chart, and for the table that says the same."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.hub.hub import Hub

HOUR, DAYS = "hour", "days"
_HOUR_SECONDS = 3_600
_DAY_SECONDS = 86_400
_LISTED_DAYS = 60
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Line:
    """The course of coverage: moments in seconds since 1970, patients known, of which complete."""

    times: list[float] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    complete: list[int] = field(default_factory=list)

    def listed(self, most: int) -> list[tuple[dt.datetime, int, int]]:
        """The last points as a table lists them, the latest first."""
        points = list(zip(self.times, self.known, self.complete, strict=True))[-most:]
        return [(dt.datetime.fromtimestamp(at, dt.UTC), known, done) for at, known, done in reversed(points)]


def course_of(hub: Hub, codes: Sequence[str], span: str) -> Line:
    """The course of coverage over the sites: of the last hour as the hub saw it, or by day as the records tell it."""
    return _last_hour(hub, codes) if span == HOUR else _by_day(hub, codes)


def framed(line: Line, span: str, now: dt.datetime) -> Line:
    """The line as the chart draws it: days from nothing at all up to this moment."""
    if span != DAYS or not line.times:
        return line
    return Line(
        [line.times[0] - _DAY_SECONDS, *line.times, max(now.timestamp(), line.times[-1] + 1)],
        [0, *line.known, line.known[-1]],
        [0, *line.complete, line.complete[-1]],
    )


def listed(line: Line, span: str) -> list[tuple[dt.datetime, int, int]]:
    """The line as a table: each day, or the end of each minute."""
    if span == DAYS:
        return line.listed(_LISTED_DAYS)
    ends = {int(at // 60): place for place, at in enumerate(line.times)}
    kept = list(ends.values())
    minutes = Line([line.times[at] for at in kept], [line.known[at] for at in kept], [line.complete[at] for at in kept])
    return minutes.listed(_MINUTES)


def _last_hour(hub: Hub, codes: Sequence[str]) -> Line:
    since = time.time() - _HOUR_SECONDS
    sums: dict[float, list[int]] = {}
    for code in codes:
        for at, known, done in hub.lines.get(code, ()):
            if at >= since:
                point = sums.setdefault(at, [0, 0])
                point[0] += known
                point[1] += done
    times = sorted(sums)
    return Line(times, [sums[at][0] for at in times], [sums[at][1] for at in times])


def _by_day(hub: Hub, codes: Sequence[str]) -> Line:
    days: dict[dt.date, list[int]] = {}
    for code in codes:
        before = (0, 0)
        for day, known, done in hub.known.view.tally(code).by_day():
            step = days.setdefault(day, [0, 0])
            step[0] += known - before[0]
            step[1] += done - before[1]
            before = (known, done)
    line, known, done = Line(), 0, 0
    for day in sorted(days):
        known, done = known + days[day][0], done + days[day][1]
        line.times.append(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())
        line.known.append(known)
        line.complete.append(done)
    return line
