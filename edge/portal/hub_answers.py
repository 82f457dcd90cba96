"""What the hub answers, as far as the portal reads it; fields that the hub has besides are of no concern here."""

import datetime as dt

import msgspec

from schemas.alerts import Alert
from schemas.coverage import CasesReconciled, CoverageStatus


class View(msgspec.Struct, frozen=True):
    """How far the hub has read; what it does not know yet may be there all the same."""

    condition: str = "live"
    behind_records: int | None = None

    @property
    def complete(self) -> bool:
        """Whether all that has arrived is in the answer."""
        return self.condition == "live"


class SiteCounts(msgspec.Struct, frozen=True):
    """The coverage of one site, counted in patients."""

    cases: int = 0
    states: dict[str, int] = msgspec.field(default_factory=dict)
    flags: dict[str, int] = msgspec.field(default_factory=dict)
    studies: dict[str, int] = msgspec.field(default_factory=dict)


class Ages(msgspec.Struct, frozen=True):
    """How long something has been missing."""

    oldest: dt.date


class Sites(msgspec.Struct, frozen=True):
    """The coverage by site."""

    sites: dict[str, SiteCounts]
    ages: dict[str, dict[str, Ages]] = msgspec.field(default_factory=dict)
    view: View = View()


class Alerts(msgspec.Struct, frozen=True):
    """What somebody has to do."""

    alerts: list[Alert]


class Unclaimed(msgspec.Struct, frozen=True):
    """Cases that have studies and no row."""

    matches: list[CasesReconciled]


class Statuses(msgspec.Struct, frozen=True):
    """What is known of those asked for; who is not in it has not been seen."""

    patients: dict[str, CoverageStatus | None] = msgspec.field(default_factory=dict)
    persons: dict[str, list[CoverageStatus]] = msgspec.field(default_factory=dict)
    view: View = View()


class SiteKnown(msgspec.Struct, frozen=True):
    """How a site stands."""

    counts: SiteCounts
    oldest: dict[str, dt.date]  # by state: since when something has been missing longest
    view: View
