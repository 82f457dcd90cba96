"""Writes a site's workbook back with the marks beside its rows; its own cells, formats and formulas stay as they are.

The colour of a row is a conditional format over it, so no cell of the site's own is touched but for comments. Formulas stay
formulas; what they come to is worked out when the workbook is opened. What openpyxl cannot carry is left out: pictures, drawings,
form controls.
"""

import contextlib
import datetime as dt
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.comments import Comment
from openpyxl.formatting.formatting import ConditionalFormattingList
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from edge.chase_facts import Mark, Sheet, StudyLine
from edge.chase_looks import LOOKS
from edge.chase_summary import STUDIES, SUMMARY, write_studies, write_summary
from edge.places import cell, letters
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.sites import Site

COLUMNS = {"NCCID status": 34, "What to do": 64, "Since": 12, "Deadline": 12, "Images in window": 26, "Flags": 40}
"""Header -> width of what is written to the right of the data."""

_OURS = "NCCID: "  # how our part of a comment begins
_AUTHOR = "NCCID"
_HEADER = PatternFill("solid", fgColor="FF003087")
_LINE = Side("thin", color="FFFFFFFF")
_BETWEEN = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_TOP = Alignment(vertical="top", wrap_text=True)
_DATE = "dd/mm/yyyy"
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
    try:
        book = openpyxl.load_workbook(sheet.path, rich_text=True)
        page = book[sheet.title]
        first = _mark(page, sheet, marks)
        _remove_ours(book, sheet.title)
        write_summary(book.create_sheet(SUMMARY), sheet, site, marks, studies, now, cell(sheet.header_row, first))
        write_studies(book.create_sheet(STUDIES), studies)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever it meets, and its text may hold a cell
        raise WorkFailedError(
            f"{sheet.path.name} cannot be written back; open it in Excel, save it again as an Excel Workbook (*.xlsx), try that"
        ) from None
    _save(book, out, overwrite=overwrite)


def _remove_ours(book: openpyxl.Workbook, patients: str) -> None:
    """The summary of an earlier time, where the file is a chase list already."""
    for title in (SUMMARY, STUDIES):
        if title in book.sheetnames and title != patients and str(book[title].cell(1, 1).value).startswith("NCCID"):
            del book[title]


# --- beside the rows -------------------------------------------------------------------------------------------------


def _mark(page: Worksheet, sheet: Sheet, marks: Sequence[Mark]) -> int:
    """Writes the columns; answers where the first of them stands."""
    first = _first_column(page, sheet)
    font = page.cell(sheet.header_row, sheet.hospital_column).font
    plain, bold = Font(name=font.name, sz=font.sz), Font(name=font.name, sz=font.sz, b=True, color="FFFFFFFF")
    for shift, (header, width) in enumerate(COLUMNS.items()):
        _write(page.cell(sheet.header_row, first + shift), header, bold, _HEADER)
        page.column_dimensions[letters(first + shift)].width = width
    for mark in marks:
        fill = PatternFill("solid", fgColor=LOOKS[mark.label].colour)
        values = (mark.status, mark.to_do, mark.since, mark.deadline, mark.images, mark.flags)
        for shift, value in enumerate(values):
            _write(page.cell(mark.row, first + shift), value, plain, fill)
        _comment(page, cell(mark.row, sheet.hospital_column), mark.comment)
    if marks:
        _colour_rows(page, sheet, first)
        _show(page, sheet, first)
    return first


def _first_column(page: Worksheet, sheet: Sheet) -> int:
    """The first free column; or that of an earlier time, where the file is a chase list already."""
    headers = [page.cell(sheet.header_row, column).value for column in range(1, sheet.last_column + 1)]
    if headers[-len(COLUMNS) :] == list(COLUMNS):
        return sheet.last_column - len(COLUMNS) + 1
    merged = [block.max_col for block in page.merged_cells.ranges if block.max_row >= sheet.header_row]
    return max([sheet.last_column, *merged]) + 1


def _write(target: object, value: str | dt.date | None, font: Font, fill: PatternFill) -> None:
    assert isinstance(target, Cell)  # noqa: S101  # the columns lie beyond all merged cells
    target.value = ILLEGAL_CHARACTERS_RE.sub(" ", value) if isinstance(value, str) else value
    if isinstance(value, str):
        target.data_type = "s"  # never a formula
    target.font, target.fill, target.border, target.alignment = font, fill, _BETWEEN, _TOP
    target.number_format = _DATE if isinstance(value, dt.date) else "General"


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
        kept.add(data, FormulaRule([formula], fill=PatternFill("solid", start_color=colour, end_color=colour)))
    page.conditional_formatting = kept


def _show(page: Worksheet, sheet: Sheet, first: int) -> None:
    """Opens with the patients' numbers at the left and the marks beside them, ready to be filtered."""
    last = first + len(COLUMNS) - 1
    if page.freeze_panes is None:
        page.freeze_panes = cell(sheet.header_row + 1, min(sheet.hospital_column, 4) + 1)
    if (pane := page.sheet_view.pane) is not None and pane.xSplit:
        pane.topLeftCell = cell(sheet.header_row + 1, first)
    if not page.tables:
        page.auto_filter.ref = f"A{sheet.header_row}:{letters(last)}{sheet.last_row}"
    if first <= _NARROW and page.sheet_properties.pageSetUpPr is None:
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
