"""A workbook in, and out of it either all its rows or every reason why not."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.spreadsheets.cells import readers
from edge.spreadsheets.container import RefusedError, UnreadableError
from edge.spreadsheets.findings import Finding, Findings, Remark
from edge.spreadsheets.headers import Layout, layout
from edge.spreadsheets.rowreader import RowReader
from edge.spreadsheets.rows import Checked, Row
from edge.spreadsheets.wholesheet import Patients, judge_numbers, say_shape
from edge.spreadsheets.workbook import Value, Workbook, open_workbook
from edge.spreadsheets.worksheets import Located, label, locate
from schemas.records import Kind
from schemas.sites import Site
from schemas.templates import template

__all__ = ["Checked", "Finding", "Progress", "Row", "UnreadableError", "check_workbook"]

MOST_ROWS = 100_000
MOST_COLUMNS = 500
MOST_CELLS = 10_000_000
_EVERY = 500  # rows between two reports of progress

Progress = Callable[[int, int | None], None]
"""Told now and then: rows read, and rows in all."""


def check_workbook(path: Path, site: Site, kind: Kind, today: dt.date, progress: Progress | None = None) -> Checked:
    """Everything that is wrong with an upload, at once and in the order of the sheet; where nothing is, all its rows.

    Args:
        path: the file, whatever its name.
        site: decides which of the two numbers must be right, and what a hospital number looks like.
        kind: under which section it was uploaded.
        today: dates after it are doubtful.
        progress: called now and then.

    Raises:
        UnreadableError: there is no such file, or it may not be read. All else is a finding.
    """
    task = _Task(site, kind, today, progress or _silent)
    try:
        with open_workbook(path) as book:
            return _check(book, task)
    except RefusedError as refused:
        return _answer((), (_whole_file(refused),), ())


@dataclass(frozen=True, slots=True)
class _Task:
    """What is asked of a file."""

    site: Site
    kind: Kind
    today: dt.date
    progress: Progress


def _check(book: Workbook, task: _Task) -> Checked:
    located, errors, warnings = locate(book)
    if located is None:
        return _answer((), tuple(errors), tuple(warnings))
    found = Findings(label(book, located.sheet))
    rows: tuple[Row, ...] = ()
    if refusal := _too_much(located):
        found.add(refusal)
    elif (columns := layout(located, task.kind, found)) is not None:
        own = template(task.kind)
        read = readers(own, task.today, book.date_system)
        reader = RowReader(own, task.site, columns, read, located.sheet.shape.formulas)
        rows = _rows(located, columns, reader, task, found)
    return _answer(rows, (*errors, *found.errors), (*warnings, *found.warnings))


def _rows(located: Located, columns: Layout, reader: RowReader, task: _Task, found: Findings) -> tuple[Row, ...]:
    """The rows under the headers, each patient once."""
    say_shape(located.sheet.shape, columns, found)
    patients = Patients(task.site, columns)
    rows = []
    any_row = False
    total = max(0, located.sheet.shape.last_row - located.header_row)
    for done, (number, cells) in enumerate(_numbered(located), 1):
        row = reader.read(number, cells, found)
        any_row |= row is not None
        if row is not None and patients.add(row, found):
            rows.append(row)
        if done % _EVERY == 0:
            task.progress(done, total)
    task.progress(total, total)
    if not any_row:
        found.add(Remark(problem="There are no rows under the headers.", expected="one row for each patient", stops=True))
    judge_numbers(task.site, reader.hospital_numbers, reader.misfits, found)
    return tuple(rows)


def _numbered(located: Located) -> Iterator[tuple[int, tuple[Value, ...]]]:
    """The rows under the headers, with their numbers."""
    return itertools.islice(enumerate(located.sheet.rows(), 1), located.header_row, None)


def _too_much(located: Located) -> Remark | None:
    shape = located.sheet.shape
    limits = (
        (shape.rows, MOST_ROWS, "rows"),
        (shape.last_column, MOST_COLUMNS, "columns"),
        (shape.cells, MOST_CELLS, "filled cells"),
    )
    for count, most, what in limits:
        if count > most:
            problem = f"The worksheet has {count:,} {what}; at most {most:,} can be read at once."
            expected = "remove what does not belong to the template" if what == "columns" else "split it into several files"
            return Remark(problem=problem, expected=expected, stops=True)
    return None


def _answer(rows: tuple[Row, ...], errors: tuple[Finding, ...], warnings: tuple[Finding, ...]) -> Checked:
    return Checked(rows=() if errors else rows, errors=errors, warnings=warnings)


def _whole_file(refused: RefusedError) -> Finding:
    return Finding(sheet=None, cell=None, column=None, problem=refused.problem, expected=refused.expected)


def _silent(_done: int, _total: int | None) -> None:
    """For those who do not watch."""
