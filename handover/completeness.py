"""How complete the clinical data are: by site, sheet and field group, in cells; small numbers suppressed.

Of each patient's row that counts: filled and missing cells, and of the filled ones those that are implausible (no value could be
read, or one outside its expected range) and those that were repaired on the way to the typed copy. Not every cell applies to
every patient: nobody alive has a date of death.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from handover.cleaning.record import clean
from handover.cleaning.units import Units
from handover.disclosure import FEWEST, rounded, told, told_pair
from schemas.completeness import ALL, MEASURES, TOLD, GroupCounted
from schemas.records import Kind, RowPseudonymised
from schemas.templates import NHS_KEY, Column, template

_LEFT_OUT = frozenset(("hospital_number",))  # it never travels, and no row is without what PACS goes by


@dataclass(slots=True)
class _Counts:
    """Cells, and the patients whom each count is about."""

    patients: int = 0
    cells: Counter[str] = field(default_factory=Counter)
    about: Counter[str] = field(default_factory=Counter)

    def take(self, found: Counter[str]) -> None:
        self.patients += 1
        self.cells += found
        self.about.update(measure for measure in MEASURES if found[measure])

    def join(self, other: "_Counts") -> None:
        self.patients += other.patients
        self.cells += other.cells
        self.about += other.about

    def line(self, site: str, sheet: Kind, group: str) -> GroupCounted:
        if self.patients < FEWEST:
            return _line(site, sheet, group, dict.fromkeys(TOLD))
        shown = {measure: told(self.cells[measure], self.about[measure]) for measure in MEASURES}
        shown["filled"], shown["missing"] = told_pair(shown["filled"], shown["missing"])
        return _line(site, sheet, group, {"patients": rounded(self.patients), **shown})


class Completeness:
    """Counts rows; one patient at a time, so memory does not grow with them."""

    def __init__(self, units: Units) -> None:
        self._units = units
        self._counts: dict[tuple[str, Kind, str], _Counts] = {}

    def take(self, row: RowPseudonymised) -> None:
        """Counts the row of a patient."""
        groups: dict[str, Counter[str]] = {}
        for column in template(row.kind).columns:
            if column.type not in _LEFT_OUT:
                groups.setdefault(column.group, Counter())[self._measure(column, row)] += 1
        for group, found in groups.items():
            both = Counter(filled=found["filled"] + found["implausible"] + found["repaired"], missing=found["missing"])
            both.update(implausible=found["implausible"], repaired=found["repaired"])
            self._counts.setdefault((row.site, row.kind, group), _Counts()).take(both)

    def _measure(self, column: Column, row: RowPseudonymised) -> str:
        """What a cell is: missing, filled, and more precisely implausible or repaired."""
        if column.key == NHS_KEY:
            return "missing" if row.person is None else "filled"
        given = row.values.get(column.key)
        if given is None:
            return "missing"
        cleaned = clean(given, column, row.site, self._units)
        return "implausible" if cleaned.implausible else "repaired" if cleaned.repairs else "filled"

    def lines(self, site: str | None = None) -> list[GroupCounted]:
        """What may be told, by site, sheet and group; and of all sites together."""
        order = {group: place for place, group in enumerate(_groups())}
        keys = sorted(self._counts, key=lambda key: (key[0], key[1] != "positive", order[key[2]]))
        lines = [self._counts[key].line(*key) for key in keys]
        return [line for line in lines if line.site == site] if site else lines + self._totals(lines)

    def _totals(self, lines: list[GroupCounted]) -> list[GroupCounted]:
        """Of all sites together, but those of too few patients to tell anything of.

        What is suppressed of one of the others alone is so here too, since a subtraction would tell it.
        """
        totals: dict[tuple[Kind, str], _Counts] = {}
        for (_, sheet, group), counts in self._counts.items():
            joined = totals.setdefault((sheet, group), _Counts())
            if counts.patients >= FEWEST:
                joined.join(counts)
        by_sheet = sorted(lines, key=lambda line: line.sheet != "positive")
        made = []
        for sheet, group in dict.fromkeys((line.sheet, line.group) for line in by_sheet):
            of_sites = [line for line in lines if (line.sheet, line.group) == (sheet, group) and line.patients is not None]
            total = totals[sheet, group].line(ALL, sheet, group)
            shown = {name: None if _alone(name, of_sites) else getattr(total, name) for name in TOLD}
            made.append(_line(ALL, sheet, group, shown))
        return made


def _line(site: str, sheet: Kind, group: str, shown: Mapping[str, int | None]) -> GroupCounted:
    return GroupCounted(site=site, sheet=sheet, group=group, **shown)


def _alone(name: str, lines: list[GroupCounted]) -> bool:
    """Whether a count is suppressed of one site alone."""
    return sum(getattr(line, name) is None for line in lines) == 1


def _groups() -> list[str]:
    return list(dict.fromkeys(column.group for kind in ("positive", "negative") for column in template(kind).columns))
