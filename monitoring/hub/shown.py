"""What the dashboard shows, worked out of what is known: rows, sums, shares; the templates only set it in type."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.coverage import SiteCoverage
from monitoring.hub.hub import Hub
from monitoring.hub.tokens import Token
from monitoring.hub.wording import KINDS, OVERDUE
from monitoring.tally import BANDS, MISSING
from schemas.alerts import Alert


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
