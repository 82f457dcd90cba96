"""What a checked sheet is made of: its rows with who they are about, and the answer to the whole upload."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from edge.spreadsheets.findings import Finding
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One patient's row. Prints its number only: everything else is about a person."""

    number: int  # the sheet's own row number, as the nurse sees it
    nhs: NhsNumber | None = field(repr=False)
    hospital: HospitalNumber | None = field(repr=False)
    swab_date: dt.date | None = field(repr=False)
    result: Literal[0, 1] | None = field(repr=False)  # of the RT-PCR; None on the main sheet
    values: dict[str, str] = field(repr=False)  # by template key, dates as ISO; empty cells and the identifiers left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The answer to one upload: all its rows, or every error that stops it."""

    rows: tuple[Row, ...]  # empty where there is an error
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether the rows may be sent."""
        return not self.errors
