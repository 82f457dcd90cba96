"""Every topic once: its name, what lies on it, its key, its partitions, how long it is kept."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from schemas.alerts import AlertsRaised, MismatchSeen, SiteFact, SiteReconciled, UploadSubmitted
from schemas.coverage import CasesReconciled
from schemas.people import CaseReviewed, PersonCaseSeen, PersonEvent, PersonReconciled, PersonWithdrawn
from schemas.records import (
    PatientWithdrawn,
    Pseudonymised,
    Quarantined,
    Raw,
    RowPseudonymised,
    RowSubmitted,
    StudyPseudonymised,
    StudyReceived,
    Ticked,
)
from schemas.wire import Wire

PARTITIONS = 4
"""One number for all topics: a row, its images and their case must land in the same partition (co-partitioning)."""

DAY_MS = 24 * 60 * 60 * 1000
FOREVER = -1

R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Topic(Generic[R]):
    """One topic of the flow; each is there once, so that equal is the same."""

    name: str
    record: type[R]
    key: str  # what the message key is, in words; never an identifier
    retention_ms: int = FOREVER
    compacted: bool = False
    partitions: int = PARTITIONS
    wire: Wire[R] = field(init=False, repr=False)  # the strict decoder and encoder of its records

    def __post_init__(self) -> None:
        object.__setattr__(self, "wire", Wire(self.record))

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings for this topic; what was superseded is gone after a day: it may be of somebody who opted out."""
        if self.compacted:
            return {"cleanup.policy": "compact", "retention.ms": str(self.retention_ms), "max.compaction.lag.ms": str(DAY_MS)}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


RAW_ROWS = Topic("nccid.raw.rows", RowSubmitted, key="routing HMAC of site and identifier digits", retention_ms=7 * DAY_MS)
RAW_IMAGES = Topic("nccid.raw.images", StudyReceived, key="routing HMAC of site and identifier digits", retention_ms=7 * DAY_MS)
UPLOADS = Topic("nccid.uploads", UploadSubmitted, key="site")
ROWS = Topic("nccid.rows", RowPseudonymised, key="match")
IMAGES = Topic("nccid.images", StudyPseudonymised, key="match")
WITHDRAWALS = Topic("nccid.withdrawals", PatientWithdrawn, key="match")
TICKS = Topic("nccid.ticks", Ticked, key="none: one for each partition", retention_ms=DAY_MS)
COVERAGE_STATUS = Topic("nccid.coverage-status", CasesReconciled, key="match", compacted=True)
PERSON_WITHDRAWALS = Topic("nccid.person-withdrawals", PersonWithdrawn, key="person")
PERSON_CASES = Topic("nccid.person-cases", PersonCaseSeen, key="person", retention_ms=7 * DAY_MS)
PEOPLE = Topic("nccid.people", PersonReconciled, key="person", compacted=True)
REVIEWS = Topic("nccid.reviews", CaseReviewed, key="match", retention_ms=7 * DAY_MS)
ALERTS = Topic("nccid.alerts", AlertsRaised, key="match", compacted=True)
SITE_FACTS = Topic("nccid.site-facts", MismatchSeen, key="site", retention_ms=7 * DAY_MS)
SITES = Topic("nccid.sites", SiteReconciled, key="site", compacted=True)
QUARANTINE = Topic("nccid.quarantine", Quarantined, key="topic/partition/offset of the source", retention_ms=90 * DAY_MS)

AnyTopic = (
    Topic[RowSubmitted]
    | Topic[StudyReceived]
    | Topic[RowPseudonymised]
    | Topic[StudyPseudonymised]
    | Topic[PatientWithdrawn]
    | Topic[PersonWithdrawn]
    | Topic[PersonCaseSeen]
    | Topic[PersonReconciled]
    | Topic[CaseReviewed]
    | Topic[UploadSubmitted]
    | Topic[AlertsRaised]
    | Topic[MismatchSeen]
    | Topic[SiteReconciled]
    | Topic[Ticked]
    | Topic[CasesReconciled]
    | Topic[Quarantined]
)

TOPICS: tuple[AnyTopic, ...] = (
    RAW_ROWS,
    RAW_IMAGES,
    UPLOADS,
    ROWS,
    IMAGES,
    WITHDRAWALS,
    PERSON_WITHDRAWALS,
    TICKS,
    COVERAGE_STATUS,
    PERSON_CASES,
    PEOPLE,
    REVIEWS,
    ALERTS,
    SITE_FACTS,
    SITES,
    QUARANTINE,
)

SiteEvent = SiteFact | Ticked
Reconcilable = RowPseudonymised | StudyPseudonymised | PatientWithdrawn | CaseReviewed | Ticked

RAW_WIRE: Wire[Raw] = Wire(Raw)  # type: ignore[arg-type]  # a union of types, which mypy does not see as a type
PSEUDONYMISED_WIRE: Wire[Pseudonymised] = Wire(Pseudonymised)  # type: ignore[arg-type]  # as above
RECONCILABLE_WIRE: Wire[Reconcilable] = Wire(Reconcilable)  # type: ignore[arg-type]  # as above
SITE_WIRE: Wire[SiteEvent] = Wire(SiteEvent)  # type: ignore[arg-type]  # as above
PERSON_WIRE: Wire[PersonEvent] = Wire(PersonEvent)  # type: ignore[arg-type]  # as above
