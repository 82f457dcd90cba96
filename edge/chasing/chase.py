"""A site's own workbook, each row marked with what is missing and whose turn it is: asked with pseudonyms, written at the site.

Two halves, with the answer of the centre between them: ``ask`` reads the sheet and says for which pseudonyms a status is needed;
``write_marked`` takes the statuses and writes the workbook. The numbers themselves stay in the workbook.
"""

import datetime as dt
import io
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.chasing.book import marked_book, refuse_output, write_book
from edge.chasing.facts import AskedRow, Known, Mark, Sheet, StudyLine
from edge.chasing.looks import LOOKS, Label
from edge.chasing.marks import Marker
from edge.spreadsheets.cells import readers
from edge.spreadsheets.container import RefusedError, UnreadableError
from edge.spreadsheets.findings import Finding, Findings
from edge.spreadsheets.headers import Layout, layout
from edge.spreadsheets.places import corners
from edge.spreadsheets.rowreader import NO_HEADER, RowReader
from edge.spreadsheets.rows import Row
from edge.spreadsheets.spreadsheet import Progress, check_workbook
from edge.spreadsheets.workbook import Workbook, open_workbook
from edge.spreadsheets.worksheets import Located, locate
from identity.pseudonyms import Pseudonymiser, pacs_identifier
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.records import Kind
from schemas.rules import SiteRules
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, template

__all__ = ["Asked", "ChaseSummary", "Known", "ask", "chase_words", "marked_bytes", "refuse_output", "write_marked"]

MOST_CELLS = 2_000_000  # the whole workbook is held in memory to be written back: some 300 bytes a cell


@dataclass(frozen=True, slots=True)
class Asked:
    """A sheet, read: what to ask for, and where to write the answer."""

    site: Site
    sheet: Sheet
    rows: tuple[AskedRow, ...]
    stamp: tuple[int, int]  # size and time of the file when it was read

    @property
    def patients(self) -> tuple[str, ...]:
        """The pseudonyms to ask for; those of rows without a usable identifier are missing."""
        return tuple(dict.fromkeys(row.patient for row in self.rows if row.patient))

    @property
    def persons(self) -> tuple[str, ...]:
        """The pseudonyms of the NHS/CHI numbers: they may be known here under another number."""
        return tuple(dict.fromkeys(row.person for row in self.rows if row.person))


@dataclass(frozen=True, slots=True)
class ChaseSummary:
    """What was written, counted."""

    rows: int
    labels: Counter[Label]
    studies_without_row: int
    sheet_errors: int  # that stop the whole sheet, beside those of its rows


def ask(path: Path, site: Site, pseudonymiser: Pseudonymiser, today: dt.date, progress: Progress | None = None) -> Asked:
    """Reads a main or a status sheet, whichever its headers say it is; a row that could not be uploaded is still a row.

    Raises:
        WorkFailedError: it is no workbook, has no sheet with patients, or is too large; says what would be right.
        UnusableInputError: there is no such file, or it may not be read.
    """
    try:
        stamp = _stamp(path)
        kind, sheet, rows = _read(path, site, today)
        checked = check_workbook(path, site, kind, today, progress)
    except UnreadableError as error:
        raise UnusableInputError(f"{path.name}: {error}") from None
    of_rows, of_sheet = _sorted_out(checked.errors, sheet.header_row)
    asked = tuple(_asked(row, site, pseudonymiser, tuple(of_rows.get(row.number, ()))) for row in rows)
    return Asked(site, Sheet(path, kind, *sheet.place, tuple(of_sheet)), asked, stamp)


def write_marked(
    asked: Asked, out: Path, known: Known, rules: SiteRules, now: dt.datetime, *, overwrite: bool = False
) -> ChaseSummary:
    """Writes the workbook with its rows marked, a summary and the studies without a row; whole, and for its owner's eyes only.

    Raises:
        UnusableInputError: ``out`` is the file itself, is there already, or cannot be written.
        WorkFailedError: the file has changed since it was read, or cannot be written back.
    """
    refuse_output(asked.sheet.path, out, overwrite=overwrite)
    marks, studies = _marked(asked, known, rules)
    if _stamp(asked.sheet.path) != asked.stamp:
        raise WorkFailedError(
            f"{asked.sheet.path.name} was changed while it was read; nothing was written, run the command again"
        )
    write_book(asked.sheet, asked.site, marks, studies, now, out, overwrite=overwrite)
    return ChaseSummary(len(marks), _counted(marks), len(studies), len(asked.sheet.errors))


def marked_bytes(asked: Asked, known: Known, rules: SiteRules, now: dt.datetime) -> bytes:
    """The same workbook for somebody who takes it away at once: it is written to memory alone.

    Raises:
        WorkFailedError: the file cannot be written back.
    """
    out = io.BytesIO()
    marked_book(asked.sheet, asked.site, *_marked(asked, known, rules), now).save(out)
    return out.getvalue()


def _marked(asked: Asked, known: Known, rules: SiteRules) -> tuple[list[Mark], list[StudyLine]]:
    marker = Marker(asked.site, asked.sheet.kind, rules, known, sheet_fails=bool(asked.sheet.errors) or _any_errors(asked.rows))
    return [marker.mark(row) for row in asked.rows], list(marker.studies_without_row(asked.rows))


def chase_words(summary: ChaseSummary, out: Path) -> str:
    """What was written, for a person at a terminal: the most urgent first."""
    lines = [f"{summary.labels[label]:6,}  {label}" for label in LOOKS if summary.labels[label]]
    if summary.studies_without_row:
        lines.append(f"{summary.studies_without_row:6,}  studies without a row")
    if summary.sheet_errors:
        lines.append(f"The sheet as a whole would be refused at upload: {summary.sheet_errors} errors, listed in the summary.")
    written = f"{out} is written: {summary.rows:,} rows marked, and a summary. It holds patients' numbers: keep it as you keep"
    return "\n".join([*lines, f"{written} the sheet itself."])


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the patients are."""

    title: str
    header_row: int
    columns: Layout
    last_row: int
    last_column: int

    @property
    def place(self) -> tuple[str, int, int, int, int]:
        """As ``Sheet`` has it."""
        return self.title, self.header_row, self.columns.place(HOSPITAL_KEY), self.last_row, self.last_column


def _read(path: Path, site: Site, today: dt.date) -> tuple[Kind, _Found, list[Row]]:
    """The kind of sheet, its place in the workbook, its rows with whatever of each can be read."""
    try:
        with open_workbook(path) as book:
            located = _located(book, path)
            kind, columns = _recognised(located)
            found = _Found(
                located.sheet.title, located.header_row, columns, located.sheet.shape.last_row, located.sheet.shape.last_column
            )
            own = template(kind)
            reader = RowReader(own, site, columns, readers(own, today, book.date_system), located.sheet.shape.formulas)
            return kind, found, _rows(located, reader)
    except RefusedError as refused:
        raise WorkFailedError(f"{path.name}: {refused.problem} What to do: {refused.expected}.") from None


def _located(book: Workbook, path: Path) -> Located:
    located, errors, _ = locate(book)
    if located is None:
        told = " ".join(f"{each.problem} What to do: {each.expected}." for each in errors)
        raise WorkFailedError(f"{path.name}: {told}")
    if located.sheet.shape.cells > MOST_CELLS:
        raise WorkFailedError(
            f"{path.name}: the sheet has more than {MOST_CELLS:,} filled cells, too many to be written back; split it"
        )
    return located


def _recognised(located: Located) -> tuple[Kind, Layout]:
    """Which of the two sheets it is, by its headers."""
    kinds: tuple[Kind, ...] = ("positive", "negative")
    fitting = ((kind, columns) for kind in kinds if (columns := layout(located, kind, Findings(None))) is not None)
    return next(fitting)  # one of the two always does: neither can fit better than the other both ways


def _rows(located: Located, reader: RowReader) -> list[Row]:
    numbered = itertools.islice(enumerate(located.sheet.rows(), 1), located.header_row, None)
    return [row for number, cells in numbered if (row := reader.read(number, cells, Findings(None))) is not None]


def _sorted_out(errors: Iterable[Finding], header_row: int) -> tuple[dict[int, list[Finding]], list[Finding]]:
    """Errors by the row that they are about, and those that are about the sheet."""
    of_rows: dict[int, list[Finding]] = {}
    of_sheet: list[Finding] = []
    for error in errors:
        first, _, last, _ = corners(error.cell) if error.cell else (0, 0, 0, 0)
        if last <= header_row or error.problem == NO_HEADER.problem:
            of_sheet.append(error)
            continue
        for row in range(max(first, header_row + 1), last + 1):
            of_rows.setdefault(row, []).append(error)
    return of_rows, of_sheet


def _asked(row: Row, site: Site, pseudonymiser: Pseudonymiser, errors: tuple[Finding, ...]) -> AskedRow:
    identifier = pacs_identifier(site, row.nhs, row.hospital)
    return AskedRow(
        number=row.number,
        patient=pseudonymiser.patient(site, identifier) if identifier else None,
        person=pseudonymiser.person(row.nhs) if row.nhs else None,
        match=pseudonymiser.match(site, identifier) if identifier else None,
        form=identifier.form if identifier else None,
        swab_date=row.swab_date,
        result=row.result,
        errors=errors,
    )


def _any_errors(rows: Sequence[AskedRow]) -> bool:
    return any(row.errors for row in rows)


def _counted(marks: Iterable[Mark]) -> Counter[Label]:
    return Counter(mark.label for mark in marks)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116  # the same, and it says no more than it must
    except OSError as error:
        raise UnusableInputError(f"{path.name}: the file cannot be read: {error.strerror}") from None
    return status.st_size, status.st_mtime_ns
