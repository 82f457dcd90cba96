"""Writes a site's workbook back with the marks beside its rows; its own cells, formats and formulas stay as they are.

The colour of a row is a conditional format over it, so no cell of the site's own is touched but for comments. Formulas stay
formulas; what they come to is worked out when the workbook is opened. What openpyxl cannot carry is left out: pictures, drawings,
form controls.
"""

import contextlib
import datetime as dt
import os
import secrets
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from edge.chasing.facts import Mark, Sheet, StudyLine
from edge.chasing.looks import LOOKS
from edge.chasing.summary import STUDIES, SUMMARY, write_studies, write_summary
from edge.spreadsheets.places import cell, letters
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.sites import Site

COLUMNS = {"NCCID status": 40, "What to do": 80, "Since": 12, "Deadline": 12, "Images in window": 26, "Flags": 38}
"""Header -> width of what is written to the right of the data."""

_OURS = "NCCID: "  # how our part of a comment begins
_AUTHOR = "NCCID"
_HEADER = PatternFill("solid", fgColor="FF003087")
_LINE = Side("thin", color="FFFFFFFF")
_BETWEEN = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_DATE = "dd/mm/yyyy"
_LINE_HEIGHT = 1.4  # of the font's size
_NARROW = 12  # columns of data beside which the whole sheet still fits a printed page


def refuse_output(path: Path, out: Path, *, overwrite: bool) -> None:
    """Refuses to write where something would be lost.

    Raises:
        UnusableInputError: ``out`` is the file itself, is there and may not be overwritten, or its folder is not there.
    """
    if out.exists() and path.exists() and out.samefile(path):
        raise UnusableInputError(f"{out} is the sheet itself; choose another name for the marked copy")
    if out.exists() and not overwrite:
        raise UnusableInputError(f"{out} is there already; choose another name, or say --force to overwrite it")
    if not out.parent.is_dir():
        raise UnusableInputError(f"there is no folder {out.parent} to write {out.name} into")


def write_book(
    sheet: Sheet, site: Site, marks: Sequence[Mark], studies: Sequence[StudyLine], now: dt.datetime, out: Path, *, overwrite: bool
) -> None:
    """Writes the marked workbook.

    Raises:
        UnusableInputError: it cannot be written there.
        WorkFailedError: the file cannot be written back.
    """
    _save(marked_book(sheet, site, marks, studies, now), out, overwrite=overwrite)


def marked_book(
    sheet: Sheet, site: Site, marks: Sequence[Mark], studies: Sequence[StudyLine], now: dt.datetime
) -> openpyxl.Workbook:
    """The marked workbook, in memory.

    Raises:
        WorkFailedError: the file cannot be written back.
    """
    try:
        with sheet.path.open("rb") as file:  # whatever its name
            book = openpyxl.load_workbook(file, rich_text=True)
        page = book[sheet.title]
        first = _mark(page, sheet, marks)
        _remove_ours(book, sheet.title)
        write_summary(book.create_sheet(SUMMARY), sheet, site, marks, studies, now, cell(sheet.header_row, first))
        write_studies(book.create_sheet(STUDIES), studies)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever it meets, and its text may hold a cell
        raise WorkFailedError(
            f"{sheet.path.name} cannot be written back; open it in Excel, save it again as an Excel Workbook (*.xlsx), try that"
        ) from None
    return book


def _remove_ours(book: openpyxl.Workbook, patients: str) -> None:
    """The summary of an earlier time, where the file is a chase list already."""
    for title in (SUMMARY, STUDIES):
        if title in book.sheetnames and title != patients and str(book[title].cell(1, 1).value).startswith("NCCID"):
            del book[title]


# --- beside the rows -------------------------------------------------------------------------------------------------


def _mark(page: Worksheet, sheet: Sheet, marks: Sequence[Mark]) -> int:
    """Writes the columns; answers where the first of them stands."""
    first = _first_column(page, sheet)
    _free_columns(page, first, first + len(COLUMNS) - 1)
    font = page.cell(sheet.header_row, sheet.hospital_column).font
    name, size = font.name or "Calibri", font.sz or 11.0
    bold, plain = Font(name=name, sz=size, b=True, color="FFFFFFFF"), Font(name=name, sz=size)
    for column, (header, width) in enumerate(COLUMNS.items(), first):
        _write(page, (sheet.header_row, column), header, _Style(bold, _HEADER, sheet.header_row, sheet.hospital_column))
        page.column_dimensions[letters(column)].width = width
    fills = {label: PatternFill("solid", fgColor=look.colour) for label, look in LOOKS.items()}
    for mark in marks:
        style = _Style(plain, fills[mark.label], mark.row, sheet.hospital_column)
        values = (mark.status, mark.to_do, mark.since, mark.deadline, mark.images, mark.flags)
        for column, value in enumerate(values, first):
            _write(page, (mark.row, column), value, style)
        _make_room(page, mark, size)
        _comment(page, cell(mark.row, sheet.hospital_column), mark.comment)
    if marks:
        _colour_rows(page, sheet, first)
        _show(page, sheet, first)
    return first


@dataclass(frozen=True, slots=True)
class _Style:
    """How a cell of ours looks: at the height at which the row's hospital number stands."""

    font: Font
    fill: PatternFill
    row: int
    beside: int


def _first_column(page: Worksheet, sheet: Sheet) -> int:
    """The first free column; or that of an earlier time, where the file is a chase list already."""
    headers = [page.cell(sheet.header_row, column).value for column in range(1, sheet.last_column + 1)]
    if headers[-len(COLUMNS) :] == list(COLUMNS):
        return sheet.last_column - len(COLUMNS) + 1
    merged = [int(block.max_col) for block in page.merged_cells.ranges if block.max_row >= sheet.header_row]
    return max([sheet.last_column, *merged]) + 1


def _free_columns(page: Worksheet, first: int, last: int) -> None:
    """Takes our columns out of whatever width or hiding the site gave to a block of columns."""
    dimensions = page.column_dimensions
    for key, block in list(dimensions.items()):
        block.reindex()  # which fills min and max
        least, most = block.min or 0, block.max or 0
        if most < first or least > last:
            continue
        if most > last:
            rest = letters(last + 1)
            dimensions[rest] = ColumnDimension(page, rest, width=block.width, hidden=block.hidden, min=last + 1, max=most)
        if least < first:
            block.max = first - 1
        else:
            del dimensions[key]


def _write(page: Worksheet, place: tuple[int, int], value: str | dt.date | None, style: _Style) -> None:
    target = cast("Cell", page.cell(*place))  # our columns lie beyond all merged cells
    target.value = ILLEGAL_CHARACTERS_RE.sub(" ", value) if isinstance(value, str) else value
    if isinstance(value, str):
        target.data_type = "s"  # never a formula
    vertical = page.cell(style.row, style.beside).alignment.vertical
    target.font, target.fill, target.border = style.font, style.fill, _BETWEEN
    target.alignment = Alignment(horizontal="left", vertical=vertical, wrap_text=True)
    target.number_format = _DATE if isinstance(value, dt.date) else "General"


def _make_room(page: Worksheet, mark: Mark, size: float) -> None:
    """A row high enough for what is written beside it; never lower than it was."""
    texts = zip((mark.status, mark.to_do, mark.flags), ("NCCID status", "What to do", "Flags"), strict=True)
    lines = max(len(textwrap.wrap(text, COLUMNS[header])) for text, header in texts)
    needed = lines * size * _LINE_HEIGHT
    row = page.row_dimensions[mark.row]
    if lines > 1 and (row.height is None or row.height < needed):
        row.height = needed


def _comment(page: Worksheet, name: str, text: str | None) -> None:
    """Ours below what the site has noted there itself; ours of an earlier time is gone."""
    target = page[name]
    if not isinstance(target, Cell):
        return  # one of merged cells
    own = target.comment.text.partition(_OURS)[0].rstrip() if target.comment else ""
    if text is None and (target.comment is None or _OURS not in target.comment.text):
        return
    author = target.comment.author if target.comment and own else _AUTHOR
    told = "\n\n".join(filter(None, (own, text and _OURS + text)))
    target.comment = Comment(told, author, height=60 + 18 * (len(told) // 40), width=320) if told else None


def _colour_rows(page: Worksheet, sheet: Sheet, first: int) -> None:
    """One rule a label over the data, after the site's own rules; those of an earlier time are replaced."""
    data = f"A{sheet.header_row + 1}:{letters(first - 1)}{sheet.last_row}"
    formulas = {
        f'LEFT(${letters(first)}{sheet.header_row + 1},{len(label)})="{label}"': look.colour for label, look in LOOKS.items()
    }
    kept = ConditionalFormattingList()
    for block in page.conditional_formatting:
        for rule in block.rules:
            if not formulas.keys() & set(rule.formula):
                kept.add(str(block.sqref), rule)
    for formula, colour in formulas.items():
        fill = PatternFill("solid", start_color=colour, end_color=colour)
        kept.add(data, FormulaRule([formula], fill=fill))  # type: ignore[no-untyped-call]  # openpyxl's own
    page.conditional_formatting = kept


def _show(page: Worksheet, sheet: Sheet, first: int) -> None:
    """Opens with the patients' numbers at the left and the marks beside them, ready to be filtered."""
    last = first + len(COLUMNS) - 1
    if page.freeze_panes is None:
        page.freeze_panes = cell(sheet.header_row + 1, min(sheet.hospital_column, 4) + 1)
    if (pane := page.sheet_view.pane) is not None and pane.xSplit:
        pane.topLeftCell = cell(sheet.header_row + 1, first)
    if not page.tables:
        begins = (page.auto_filter.ref or f"A{sheet.header_row}").partition(":")[0]
        page.auto_filter.ref = f"{begins}:{letters(last)}{sheet.last_row}"
    setup = page.sheet_properties.pageSetUpPr
    if first <= _NARROW and not (setup and setup.fitToPage):
        page.page_setup.orientation = "landscape"
        page.page_setup.fitToHeight = 0
        page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


# --- the file --------------------------------------------------------------------------------------------------------


def _save(book: openpyxl.Workbook, out: Path, *, overwrite: bool) -> None:
    """Whole or not at all, and readable by its owner alone: it holds patients' numbers."""
    partial = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
    claimed = False
    try:
        partial.touch(mode=0o600, exist_ok=False)
        book.save(partial)
        if not overwrite:
            out.touch(mode=0o600, exist_ok=False)
            claimed = True
        os.replace(partial, out)  # noqa: PTH105 - as the contract of os.replace: atomic, over what is there
    except FileExistsError:
        _remove(partial)
        raise UnusableInputError(f"{out} is there already; choose another name, or say --force to overwrite it") from None
    except OSError as error:
        _remove(partial, *([out] if claimed else []))
        raise UnusableInputError(f"{out} cannot be written: {error.strerror}") from None
    except BaseException:
        _remove(partial, *([out] if claimed else []))
        raise


def _remove(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
