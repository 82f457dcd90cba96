"""What the API answers, as records: their fields are the contract with programs outside, and its OpenAPI is made of them."""

import datetime as dt
from typing import Annotated

import msgspec

from monitoring.hub.progress import Standing
from monitoring.view import StatusView
from schemas.alerts import Alert
from schemas.coverage import CasesReconciled, CoverageStatus
from schemas.records import Record
from schemas.wire import Wire

MOST_ASKED = 1_000

PATIENT, PATIENT_LENGTH = "Covid[A-Z2-7]{26}", 31
PERSON, PERSON_LENGTH = "P[A-Z2-7]{26}", 27

Patient = Annotated[
    str, msgspec.Meta(pattern=f"^{PATIENT}$", max_length=PATIENT_LENGTH, description="The pseudonym of a patient at a site")
]
Person = Annotated[
    str, msgspec.Meta(pattern=f"^{PERSON}$", max_length=PERSON_LENGTH, description="The pseudonym of an NHS, CHI or H&C number")
]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose status is asked for: pseudonyms only, 1,000 in all. A number would be refused, not looked up."""

    patients: Annotated[list[Patient], msgspec.Meta(max_length=MOST_ASKED)] = msgspec.field(default_factory=list)
    persons: Annotated[list[Person], msgspec.Meta(max_length=MOST_ASKED)] = msgspec.field(default_factory=list)


class Answered(Record, frozen=True, kw_only=True):
    """By pseudonym: the status of a patient, null where there is none to be seen; the statuses of a person at all sites."""

    patients: dict[str, CoverageStatus | None]
    persons: dict[str, list[CoverageStatus]]
    view: Standing


class Counted(Record, frozen=True, kw_only=True):
    """The coverage of a site, in cases; ``studies`` counts all, in the window or not."""

    cases: int
    states: dict[str, int]
    flags: dict[str, int]
    studies: dict[str, int]


class Ages(Record, frozen=True, kw_only=True):
    """Since when cases are in a state in which something is missing."""

    oldest: dt.date
    cases: dict[str, int]  # by how long, in words


class SitesAnswered(Record, frozen=True, kw_only=True):
    """The coverage by site, and by site and state how long things have been missing."""

    sites: dict[str, Counted]
    ages: dict[str, dict[str, Ages]]
    view: Standing


class AlertsAnswered(Record, frozen=True, kw_only=True):
    """Alerts, those to act on first; ``total`` may be more than are listed."""

    alerts: list[Alert]
    total: int
    view: Standing


class UnclaimedAnswered(Record, frozen=True, kw_only=True):
    """A site's cases with studies that no row has claimed, by match."""

    matches: list[CasesReconciled]
    view: Standing


class SiteMoved(Record, frozen=True, kw_only=True):
    """A site's coverage as the stream tells it."""

    site: str
    coverage: Counted
    ages: dict[str, Ages]


def counted(view: StatusView, site: str) -> Counted:
    """The coverage of a site."""
    return msgspec.convert(view.tally(site).counted.as_json(), Counted)


def ages(view: StatusView, site: str, today: dt.date) -> dict[str, Ages]:
    """How long things have been missing at a site."""
    return msgspec.convert(view.tally(site).ages(today), dict[str, Ages])


def site_json(view: StatusView, site: str, today: dt.date) -> bytes:
    """A ``SiteMoved`` as JSON."""
    return Wire.encode(SiteMoved(site=site, coverage=counted(view, site), ages=ages(view, site, today)))
