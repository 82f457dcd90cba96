"""Which worksheet of a workbook holds the patients, and in which row its headers stand."""

import difflib
from dataclasses import dataclass

from edge.spreadsheets.findings import Finding, Findings, Remark, shown_title
from edge.spreadsheets.places import cell
from edge.spreadsheets.verdicts import is_blank
from edge.spreadsheets.workbook import Sheet, Value, Workbook
from schemas.templates import HOSPITAL_KEY, NHS_KEY, normalise_header

TOP = 10
"""The header row is the first of this many rows that has both identifier headers."""

_IDENTIFIERS = {normalise_header(key): key for key in (NHS_KEY, HOSPITAL_KEY)}
_TELLS = f'a row with the headers "{NHS_KEY}" and "{HOSPITAL_KEY}" among the first {TOP} rows, as in the template'


@dataclass(frozen=True, slots=True)
class Located:
    """The worksheet with the patients."""

    sheet: Sheet
    header_row: int
    headers: tuple[Value, ...]


def label(book: Workbook, sheet: Sheet) -> str:
    """How findings call a worksheet: its title, or its place where the title itself may say who a patient is."""
    return shown_title(sheet.title) or f"worksheet {book.sheets.index(sheet) + 1}"


def locate(book: Workbook) -> tuple[Located | None, list[Finding], list[Finding]]:
    """The one visible worksheet with both identifier headers; then errors (where there is none, or several), then warnings."""
    visible = [sheet for sheet in book.sheets if not sheet.hidden]
    with_headers = [located for sheet in visible if (located := _located(sheet))]
    hidden = [sheet for sheet in book.sheets if sheet.hidden and sheet.shape.last_row]
    if len(with_headers) == 1:
        return with_headers[0], [], [_ignored(label(book, sheet)) for sheet in hidden]
    if with_headers:
        return None, [_several([label(book, located.sheet) for located in with_headers])], []
    unhide = [_unhide(label(book, sheet)) for sheet in hidden if _located(sheet)]
    return None, unhide or _none(book, visible), []


def _located(sheet: Sheet) -> Located | None:
    for number, row in enumerate(sheet.rows(TOP), 1):
        if _IDENTIFIERS.keys() <= _names(row):
            return Located(sheet, number, row)
    return None


def _names(row: tuple[Value, ...]) -> set[str]:
    return {normalise_header(value) for value in row if isinstance(value, str)}


def _ignored(title: str) -> Finding:
    problem = "This worksheet is hidden; it was not read."
    return Finding(sheet=title, cell=None, column=None, problem=problem, expected="delete it if it is not needed")


def _unhide(title: str) -> Finding:
    problem = "The only worksheet with patients is hidden."
    return Finding(
        sheet=title, cell=None, column=None, problem=problem, expected="unhide it: right-click the tabs at the bottom, Unhide"
    )


def _several(titles: list[str]) -> Finding:
    names = ", ".join(f'"{title}"' for title in titles)
    return Finding(
        sheet=None,
        cell=None,
        column=None,
        problem=f"Several worksheets have the headers of a patient sheet: {names}.",
        expected="keep one of them in the file, and upload the others as files of their own",
    )


def _none(book: Workbook, visible: list[Sheet]) -> list[Finding]:
    """Nothing has both headers: tell the nearest row where there is one, else that this is another kind of file."""
    for sheet in visible:
        for number, row in enumerate(sheet.rows(TOP), 1):
            if near := _near(label(book, sheet), number, row):
                return near
    problem = "No worksheet has the headers of a patient sheet."
    return [Finding(sheet=None, cell=None, column=None, problem=problem, expected=_TELLS)]


def _near(title: str, number: int, row: tuple[Value, ...]) -> list[Finding]:
    """A row that has one identifier header but not the other."""
    missing = _IDENTIFIERS.keys() - _names(row)
    if len(missing) == len(_IDENTIFIERS):
        return []
    found = Findings(title)
    for name in sorted(missing, key=list(_IDENTIFIERS).index):
        key = _IDENTIFIERS[name]
        columns = [column for column, value in enumerate(row, 1) if isinstance(value, str) and not is_blank(value)]
        likely = [
            column for column in columns if difflib.get_close_matches(normalise_header(str(row[column - 1])), [name], 1, 0.6)
        ]
        likely = [column for column in likely if normalise_header(str(row[column - 1])) not in _IDENTIFIERS]
        place = cell(number, likely[0]) if likely else None
        problem = f'This header should be "{key}".' if likely else f'The column "{key}" is missing.'
        found.add(
            Remark(problem=problem, expected=f'the header "{key}" in row {number}, as in the template', stops=True), place, key
        )
    return list(found.errors)
