"""What the page of completeness shows, worked out of the counts: bars, shares, and CSV; the template only sets it in type."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec

from schemas.completeness import COLUMNS, GroupCounted
from schemas.records import Kind

SHEETS: dict[Kind, str] = {"positive": "Main spreadsheet (positives)", "negative": "Status spreadsheet (negatives)"}
GROUPS = {
    "identity": "Identity",
    "demographic": "Demographic",
    "medical_history": "Medical history",
    "dates": "Dates",
    "admission_laboratory": "Admission and laboratory",
    "outcome": "Outcome",
}
"""Field groups of the templates -> names."""

PARTS = (
    ("as-given", "Filled", "the value is used as it was given"),
    ("repaired", "Repaired", "filled, and brought into form where its meaning leaves no doubt"),
    ("implausible", "Implausible", "filled, but no value can be read, or one outside its expected range"),
    ("missing", "Missing", "the cell is empty"),
)
"""Parts of a bar -> name, what it means."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: where it begins and how wide it is, in per cent."""

    name: str
    begins: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A field group of a sheet."""

    group: GroupCounted

    @property
    def name(self) -> str:
        """The group in words; that of a newer template as it is."""
        return GROUPS.get(self.group.group, self.group.group.replace("_", " ").capitalize())

    @property
    def share(self) -> int | None:
        """How many per cent of the cells are filled, rounded down, so that 100 means all; None where that may not be told."""
        filled, missing = self.group.filled, self.group.missing
        if filled is None or missing is None or not filled + missing:
            return None
        return 100 * filled // (filled + missing)

    @property
    def parts(self) -> list[Part]:
        """The bar; nothing where it may not be told. What is suppressed within the filled cells is drawn as filled."""
        filled, missing = self.group.filled, self.group.missing
        if filled is None or missing is None or not (total := filled + missing):
            return []
        repaired, implausible = min(self.group.repaired or 0, filled), min(self.group.implausible or 0, filled)
        implausible = min(implausible, filled - repaired)
        widths = [100 * count / total for count in (filled - repaired - implausible, repaired, implausible, missing)]
        begins = [0.0, *accumulate(widths)]
        return [Part(name, at, width) for (name, _, _), at, width in zip(PARTS, begins, widths, strict=False) if width]


@dataclass(frozen=True, slots=True)
class Compared:
    """A site beside others: how much of each group is filled."""

    code: str
    patients: int | None
    shares: list[int | None]


def sheets(groups: Iterable[GroupCounted]) -> list[tuple[str, list[Bar]]]:
    """The bars by sheet, each with its name; sheets of which nothing is there are left out."""
    bars = [Bar(group) for group in groups]
    by_sheet = [(name, [bar for bar in bars if bar.group.sheet == sheet]) for sheet, name in SHEETS.items()]
    return [(name, those) for name, those in by_sheet if those]


def compared(groups: Sequence[GroupCounted], codes: Sequence[str]) -> list[tuple[str, list[str], list[Compared]]]:
    """By sheet: its name, the names of its groups, and a line for each site that has any row."""
    found = []
    for sheet, name in SHEETS.items():
        of_sheet = [Bar(group) for group in groups if group.sheet == sheet and group.site in codes]
        names = list(dict.fromkeys(bar.name for bar in of_sheet))
        lines = [_line(code, [bar for bar in of_sheet if bar.group.site == code], names) for code in codes]
        if kept := [line for line in lines if line is not None]:
            found.append((name, names, kept))
    return found


def _line(code: str, bars: Sequence[Bar], names: Sequence[str]) -> Compared | None:
    shares = {bar.name: bar.share for bar in bars}
    return Compared(code, bars[0].group.patients, [shares.get(name) for name in names]) if bars else None


def as_csv(groups: Iterable[GroupCounted]) -> str:
    """The counts as ``nccid completeness --csv`` has them; what is suppressed is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(msgspec.structs.asdict(group) for group in groups)
    return text.getvalue()
