"""What the dashboard shows, worked out of what is known: rows, sums, shares; the templates only set it in type."""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitoring.coverage import SiteCoverage
from monitoring.hub.hub import Hub
from monitoring.hub.tokens import Token
from monitoring.hub.wording import KINDS, OVERDUE
from monitoring.tally import BANDS, MISSING
from schemas.alerts import Alert

HOUR, DAYS = "hour", "days"
_HOUR_SECONDS = 3_600
_DAY_SECONDS = 86_400
_LISTED_DAYS = 60
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One line of the coverage table."""

    code: str
    name: str
    counted: SiteCoverage
    alerts: int

    @property
    def states(self) -> dict[str, int]:
        """State -> patients."""
        return dict(self.counted.states)

    @property
    def complete(self) -> int:
        """How many per cent are complete; rounded down, so that 100 means all."""
        judged = self.counted.cases - self.counted.states["withdrawn"]
        return 100 * self.counted.states["complete"] // judged if judged else 0

    @property
    def overdue(self) -> int:
        """For how many patients something is overdue."""
        return sum(self.counted.states[state] for state in OVERDUE)


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


def rows(hub: Hub, codes: Iterable[str]) -> list[SiteRow]:
    """The lines of the coverage table, sites without a case too."""
    alerts = Counter(alert.site for alert in open_alerts(hub, None))
    return [SiteRow(code, name_of(hub, code), hub.known.view.tally(code).counted, alerts[code]) for code in codes]


def total(lines: Sequence[SiteRow]) -> SiteRow:
    """The line for all."""
    counted = SiteCoverage()
    for line in lines:
        counted.cases += line.counted.cases
        counted.states.update(line.counted.states)
        counted.flags.update(line.counted.flags)
        counted.studies.update(line.counted.studies)
    return SiteRow("", "All sites", counted, sum(line.alerts for line in lines))


def codes_for(hub: Hub, token: Token) -> list[str]:
    """The sites that a token may see: those of the registry, and those that have cases."""
    return [code for code in sorted({*hub.sites, *hub.known.view.coverage()}) if token.may_see(code)]


def name_of(hub: Hub, code: str) -> str:
    """The name of a site."""
    return hub.sites[code].name if code in hub.sites else code


def open_alerts(hub: Hub, site: str | None) -> list[Alert]:
    """What somebody has to do, in the order of the command."""
    return hub.known.alerting.list(open_only=True).chosen(site=site, state="open")


def alerts_by(hub: Hub, site: str | None, kind: str | None, state: str) -> list[Alert]:
    """Alerts of a site, a kind and a state; None and ``all`` leave out nothing."""
    known = hub.known.alerting.list(open_only=state == "open")
    found = known.chosen(site=site, state=state if state in ("open", "resolved") else None)  # type: ignore[arg-type]  # one of them
    return [alert for alert in found if kind in (None, alert.kind)]


def age_table(hub: Hub, code: str) -> list[dict[str, Any]]:
    """For each state in which something is missing: since when at the longest, and patients in each band."""
    ages = hub.known.view.tally(code).ages(hub.now().date())
    return [
        {"state": state, "oldest": dt.date.fromisoformat(ages[state]["oldest"]), "bands": list(ages[state]["cases"].values())}
        for state in MISSING
        if state in ages
    ]


def band_names() -> list[str]:
    """The bands of age, in words."""
    return [words for words, _ in BANDS]


def kinds() -> list[tuple[str, str]]:
    """The kinds of alerts that there may be, by their names."""
    return sorted(KINDS.items(), key=lambda each: each[1])


def course(hub: Hub, codes: Sequence[str], span: str) -> Line:
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
    minutes = Line(*([values[place] for place in kept] for values in (line.times, line.known, line.complete)))  # type: ignore[arg-type]  # as the fields
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
