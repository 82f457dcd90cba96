"""How complete the clinical data are: by site, sheet and field group, in cells; small numbers suppressed.

Of each patient's row that counts: filled and missing cells, and of the filled ones those that are implausible (no value could be
read, or one outside its expected range) and those that were repaired on the way to the typed copy. Not every cell applies to
every patient: nobody alive has a date of death.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field

import msgspec

from handover.aside import Kept, Patients
from handover.cleaning.record import clean
from handover.cleaning.units import Units
from handover.disclosure import FEWEST, rounded, told, told_pair
from handover.publishable import Counting, counting
from handover.reading import read_cases, read_rows
from schemas.coverage import CasesReconciled
from schemas.kafka import KafkaSettings
from schemas.records import Kind, RowPseudonymised
from schemas.templates import NHS_KEY, Column, template

Reading = Callable[[Callable[[Iterable[RowPseudonymised]], None]], None]
"""Reads all rows, and hands them over in pieces."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Counting).decode

MEASURES = ("filled", "missing", "implausible", "repaired")
ALL = "all"
_TOLD = ("patients", *MEASURES)

_LEFT_OUT = frozenset(("hospital_number",))  # it never travels, and no row is without what PACS goes by


@dataclass(frozen=True, slots=True)
class Line:
    """What may be told of one field group of one site's sheet; None where it may not."""

    site: str
    sheet: Kind
    group: str
    patients: int | None
    filled: int | None
    missing: int | None
    implausible: int | None
    repaired: int | None

    def as_json(self) -> dict[str, object]:
        """The form of ``nccid completeness --json``, and of its CSV."""
        return {name: getattr(self, name) for name in self.__slots__}


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

    def line(self, site: str, sheet: Kind, group: str) -> Line:
        if self.patients < FEWEST:
            return Line(site, sheet, group, *(None,) * 5)
        shown = {measure: told(self.cells[measure], self.about[measure]) for measure in MEASURES}
        filled, missing = told_pair(shown["filled"], shown["missing"])
        return Line(site, sheet, group, rounded(self.patients), filled, missing, shown["implausible"], shown["repaired"])


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

    def lines(self, site: str | None = None) -> list[Line]:
        """What may be told, by site, sheet and group; and of all sites together."""
        order = {group: place for place, group in enumerate(_groups())}
        keys = sorted(self._counts, key=lambda key: (key[0], key[1] != "positive", order[key[2]]))
        lines = [self._counts[key].line(*key) for key in keys]
        return [line for line in lines if line.site == site] if site else lines + self._totals(lines)

    def _totals(self, lines: list[Line]) -> list[Line]:
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
            shown = [None if _alone(name, of_sites) else getattr(total, name) for name in _TOLD]
            made.append(Line(ALL, sheet, group, *shown))
        return made


def _alone(name: str, lines: list[Line]) -> bool:
    """Whether a count is suppressed of one site alone."""
    return sum(getattr(line, name) is None for line in lines) == 1


def _groups() -> list[str]:
    return list(dict.fromkeys(column.group for kind in ("positive", "negative") for column in template(kind).columns))


def read_completeness(kafka: KafkaSettings, units: Units) -> Completeness:
    """The completeness of all rows that count now; also for the hub, which is given it by its command.

    Raises:
        TopicsUnavailableError: the topics cannot be read.
    """
    with closing(Waiting()) as waiting:
        read_cases(kafka, waiting.published)
        return count(units, waiting, lambda take: read_rows(kafka, take))


class Waiting:
    """The rows that count and were not counted yet, on disk. To be closed."""

    def __init__(self) -> None:
        self._patients = Patients()

    def published(self, cases: CasesReconciled) -> None:
        """Takes the newest record of a match in place of the one before."""
        open_cases = [each.case for each in cases.cases if each.case.withdrawn_at is None and each.status is not None]
        self.put(cases.match, [row for case in open_cases if (row := counting(case)) is not None])

    def put(self, match: str, rows: Iterable[Counting]) -> None:
        """Waits for these rows of a match, and for no others of it."""
        self._patients.put(match, [Kept(row.patient, None, _encode(row)) for row in rows])

    def is_next(self, record: RowPseudonymised) -> bool:
        """Whether a record is a row that counts; once."""
        kept = self._patients.value(record.patient)
        if kept is None or not _decode(kept).is_of(record):
            return False
        self._patients.drop(record.patient)
        return True

    def close(self) -> None:
        """Lets go of what is on disk."""
        self._patients.close()


def count(units: Units, waiting: Waiting, read: Reading) -> Completeness:
    """Counts the rows that count, each once, of all that are read.

    Args:
        units: the tables of units.
        waiting: the rows that count.
        read: reads all rows, in pieces.
    """
    counted = Completeness(units)

    def take(rows: Iterable[RowPseudonymised]) -> None:
        for row in rows:
            if waiting.is_next(row):
                counted.take(row)

    read(take)
    return counted
