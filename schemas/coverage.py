"""What is known of a patient at a site: the case, and the coverage status made from it.

A ``Case`` holds only what any order, repetition and batching of the same records leads to: latest-wins registers, earliest-wins
registers and sets. ``CoverageStatus`` is the answer that everybody reads; its fields are the contract with programs outside.
"""

import datetime as dt
from typing import Literal

import msgspec

from schemas.people import Review
from schemas.records import Record, Time

Group = Literal["positive", "negative", "unknown"]
Data = Literal["main", "status", "both", "none"]
State = Literal[
    "complete",
    "awaiting-images",
    "images-missing",
    "awaiting-spreadsheet",
    "spreadsheet-missing",
    "withdrawn",
]
Flag = Literal[
    "in-both-spreadsheets",
    "positive-in-status-sheet",
    "probable-id-mismatch",
    "several-hospital-numbers",
    "images-outside-window",
    "unexpected-modality",
    "no-nhs-number",
    "images-still-arriving",
    "several-patient-ids-in-study",
    "study-undated",
]


class RowFacts(Record, frozen=True, kw_only=True):
    """The row of one sheet that counts: the latest by time of upload, then upload id, then row; and when the first one came."""

    first_uploaded_at: Time
    uploaded_at: Time
    upload: str
    row: int
    person: str | None
    form: str
    swab_date: dt.date | None
    result: Literal[0, 1] | None

    @property
    def rank(self) -> tuple[dt.datetime, str, int]:
        """Who wins: the greater rank."""
        return (self.uploaded_at, self.upload, self.row)


class StudyFacts(Record, frozen=True, kw_only=True):
    """One study of a case: counts only grow, the first arrival stays, the rest is as the latest report has it."""

    first_received_at: Time
    received_at: Time
    event: str
    person: str | None
    form: str
    study_date: dt.date | None
    instances: dict[str, int]
    patient_ids: int
    settled: bool


class Case(Record, frozen=True, kw_only=True):
    """All that is known of one patient at one site."""

    patient: str
    site: str
    key_version: int
    main: RowFacts | None = None
    status: RowFacts | None = None
    studies: dict[str, StudyFacts] = msgspec.field(default_factory=dict)
    overdue: Time | None = None  # the latest deadline of this case that the clock has passed
    persons: list[str] = msgspec.field(default_factory=list)  # everybody whom a row or study of it has named
    reviews: dict[str, Review] = msgspec.field(default_factory=dict)  # by person: what other cases mean for this one
    withdrawn_at: Time | None = None  # opted out; nothing else is kept then


class Counts(Record, frozen=True, kw_only=True):
    """Studies of one kind, by whether they lie in the window."""

    in_window: int = 0
    out_of_window: int = 0


class Images(Record, frozen=True, kw_only=True):
    """Studies by kind; a study of several modalities counts once under each."""

    xray: Counts = Counts()
    ct: Counts = Counts()
    mr: Counts = Counts()
    other: Counts = Counts()


class CoverageStatus(Record, frozen=True, kw_only=True):
    """The live answer for one patient at one site: what has arrived, what is missing, since when."""

    patient: str
    person: str | None
    site: str
    group: Group
    state: State
    flags: list[Flag]
    data: Data
    images: Images
    since: Time
    deadline: Time | None
    updated_at: Time
    key_version: int


class CaseReconciled(Record, frozen=True, kw_only=True):
    """A case and the status that follows from it; none where nothing is left, since its row moved to another number."""

    case: Case
    status: CoverageStatus | None


class CasesReconciled(Record, frozen=True, kw_only=True, tag="cases-reconciled/1"):
    """All cases of a site whose identifiers have the same digits: the unit in which the join is kept and published.

    Nearly always one. Two lie side by side when rows and images write the same number differently, which is how a wrong
    representation is seen. The record on ``nccid.coverage-status`` is at once the publication and the table's changelog.
    """

    match: str
    cases: list[CaseReconciled]


def empty_cases(match: str) -> CasesReconciled:
    """What is known before anything has arrived."""
    return CasesReconciled(match=match, cases=[])


def as_builtins(status: CoverageStatus) -> dict[str, object]:
    """The status as plain JSON types, times with ``Z``, as ``nccid check --json`` prints it."""
    plain: dict[str, object] = msgspec.to_builtins(status)
    return plain
