"""What goes into a chase list and what comes out of it, as records: the sheet, its rows, what is known, the marks."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from edge.chasing.looks import Label
from edge.spreadsheets.findings import Finding
from schemas.coverage import CasesReconciled, CoverageStatus, StudyFacts
from schemas.records import Kind

NOWHERE = "not in this sheet"
"""What is said of a study that no row of the sheet may be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRow:
    """A row of the sheet as the centre may know it, and what stops its upload."""

    number: int
    patient: str | None
    person: str | None
    match: str | None
    form: str | None
    swab_date: dt.date | None = field(repr=False)
    result: Literal[0, 1] | None = field(repr=False)
    errors: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the patients stand in a workbook, and what is wrong with it as a whole."""

    path: Path
    kind: Kind
    title: str
    header_row: int
    hospital_column: int
    last_row: int
    last_column: int
    errors: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What the centre answered, all of it pseudonymous."""

    patients: Mapping[str, CoverageStatus]
    persons: Mapping[str, Sequence[CoverageStatus]]
    without_row: Sequence[CasesReconciled]  # the site's cases that have studies and no row


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is written beside one row."""

    row: int
    label: Label
    status: str
    to_do: str
    since: dt.date | None
    deadline: dt.date | None
    images: str
    flags: str
    comment: str | None  # at the hospital number
    mismatched: bool


@dataclass(frozen=True, slots=True)
class StudyLine:
    """A study without a row, as the second sheet lists it."""

    facts: StudyFacts
    overdue: bool
    claimed: bool  # a row of this sheet is, or may be, about it
    hint: str
