"""The columns of a sheet by the names of their headers: which is which, which is missing, which does not belong."""

import difflib
from collections import defaultdict
from dataclasses import dataclass

from edge.spreadsheets.findings import Findings, Remark, shown_title
from edge.spreadsheets.places import cell
from edge.spreadsheets.verdicts import as_given, is_blank
from edge.spreadsheets.worksheets import Located
from schemas.records import Kind
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Column, Template, normalise_header, template

_RETIRED = frozenset(map(normalise_header, ("PMH diabetes mellitus TYPE I", "O2 saturation")))  # NCCID schema v2.1: no successor
_DUPLICATE = "_2"  # what becomes of a header that stands twice
_OTHER: dict[Kind, Kind] = {"positive": "negative", "negative": "positive"}
_NEWEST = "use the newest template, without columns added or taken away"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of the template stands in this sheet."""

    header_row: int
    places: dict[str, tuple[int, ...]]  # template key -> columns counted from 1, the first that is filled counts
    headed: frozenset[int]  # columns that have a header of any kind

    def place(self, key: str) -> int:
        """The first column of a key."""
        return self.places[key][0]

    def key_at(self, column: int) -> str | None:
        """The template's name of a column of the sheet; None where the template has no such column."""
        return next((key for key, columns in self.places.items() if column in columns), None)

    def unheaded(self, width: int) -> list[int]:
        """The columns without a header, up to the width of the sheet."""
        return [column for column in range(1, width + 1) if column not in self.headed]


def layout(located: Located, kind: Kind, found: Findings) -> Layout | None:
    """The layout of a sheet of this kind; None, with one error, where the sheet is of the other kind."""
    own = template(kind)
    named = _named(located)
    if _fits_better(template(_OTHER[kind]), own, set(named)):
        found.add(_wrong_kind(own, template(_OTHER[kind])))
        return None
    row = located.header_row
    for name, columns in named.items():
        _same_header_twice(own, row, name, columns, found)
        if name not in own.names:
            _added(own, located, columns[0], set(named), found)
    places = _places(own, named, row, found)
    for column in own.columns:
        if column.key not in places:
            found.add(
                Remark(problem="This column is missing.", expected=f"the column as in the template; {_NEWEST}", stops=True),
                None,
                column.key,
            )
    return Layout(row, places, frozenset(column for columns in named.values() for column in columns))


def _named(located: Located) -> dict[str, list[int]]:
    """Each header as it is compared, and the columns that have it."""
    named: dict[str, list[int]] = defaultdict(list)
    for column, value in enumerate(located.headers, 1):
        if not is_blank(value):
            named[normalise_header(as_given(value))].append(column)
    return dict(named)


def _fits_better(other: Template, own: Template, names: set[str]) -> bool:
    """Whether the sheet has more of the other template, both in number and in share, leaving out the two identifiers."""
    own_fit, other_fit = _fit(own, names), _fit(other, names)
    own_share, other_share = own_fit / len(own.columns), other_fit / len(other.columns)
    return other_fit > own_fit and other_share > own_share


def _fit(of: Template, names: set[str]) -> int:
    return len({column.key for name in names if (column := _column(of, name))} - {NHS_KEY, HOSPITAL_KEY})


def _column(of: Template, name: str) -> Column | None:
    known = of.names.get(name)
    return known[0] if known else None


def _wrong_kind(own: Template, other: Template) -> Remark:
    names = {"positive": "the main sheet (Covid positive data)", "negative": "the Covid status sheet"}
    return Remark(
        problem=f'This is {names[other.kind]}, but it was uploaded under "{own.section}".',
        expected=f'upload it under "{other.section}"',
        stops=True,
    )


def _same_header_twice(own: Template, row: int, name: str, columns: list[int], found: Findings) -> None:
    known = _column(own, name)
    title = known.key if known else shown_title(name)
    for column in columns[1:]:
        problem = f"This column stands twice: in {cell(row, columns[0])} and in {cell(row, column)}."
        found.add(Remark(problem=problem, expected="keep one of them", stops=True), cell(row, column), title)


def _added(own: Template, located: Located, column: int, names: set[str], found: Findings) -> None:
    """A header that the template does not have."""
    header = as_given(located.headers[column - 1])
    name, title = normalise_header(header), shown_title(header)
    place = cell(located.header_row, column)
    if name in _RETIRED:
        remark = Remark(problem=f'The column "{title}" is no longer collected.', expected=f"remove it; {_NEWEST}", stops=True)
    elif (twin := _column(own, name.removesuffix(_DUPLICATE))) and name.endswith(_DUPLICATE):
        problem = f'The column "{title}" looks like "{twin.key}" a second time.'
        remark = Remark(problem=problem, expected=f'keep one column "{twin.key}"', stops=True)
    else:
        remark = _unknown(own, name, title, names)
    found.add(remark, place, title)


def _unknown(own: Template, name: str, title: str | None, names: set[str]) -> Remark:
    named = f'The column "{title}"' if title else "A column with this header"
    there = {column.key for name in names if (column := _column(own, name))}
    missing = [name for name, (column, _) in own.names.items() if column.key not in there]
    if near := difflib.get_close_matches(name, missing, n=1, cutoff=0.8):
        meant = own.names[near[0]][0].header
        return Remark(problem=f"{named} is not in the template.", expected=f'perhaps "{meant}" was meant', stops=True)
    return Remark(problem=f"{named} is not in the template.", expected=f"remove it; {_NEWEST}", stops=True)


def _places(own: Template, named: dict[str, list[int]], row: int, found: Findings) -> dict[str, tuple[int, ...]]:
    """Each column's places, its own name before its aliases; a warning for each alias."""
    proper: dict[str, list[int]] = defaultdict(list)
    aliases: dict[str, list[int]] = defaultdict(list)
    for name, columns in named.items():
        if known := own.names.get(name):
            (aliases if known[1] else proper)[known[0].key].append(columns[0])
    for key, columns in aliases.items():
        for place in columns:
            found.add(_alias(own.column(key), beside=bool(proper.get(key))), cell(row, place), key)
    keys = [column.key for column in own.columns]
    return {key: (*proper[key], *aliases[key]) for key in keys if proper[key] or aliases[key]}


def _alias(column: Column, *, beside: bool) -> Remark:
    if beside:
        problem = (
            f'This is another name of the column "{column.key}", which is there too; it was read only where that one is empty.'
        )
    else:
        problem = f'This is another name of the column "{column.key}"; it was read as that.'
    return Remark(problem=problem, expected=f'the header "{column.header}"')
