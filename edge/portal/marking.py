"""A copy of a refused workbook with each fault marked in its cell, and a first worksheet that lists them all."""

import io
import re
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import openpyxl
from openpyxl.cell.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from edge.spreadsheets.findings import Finding
from edge.spreadsheets.places import corners
from edge.upload import UploadAnswer
from schemas.problems import WorkFailedError

TITLE = "NCCID problems"
MOST_COMMENTS = 5_000  # each costs Excel a drawing
MOST_BYTES = 100 * 1024 * 1024  # unpacked; 20,000 rows of 60 columns are 36 MB
WHOLE_BOOKS = threading.BoundedSemaphore(1)
"""To write a workbook back, it is held in memory as a whole, at some twenty times its size: one at a time."""

_FILLS = {"Problem": PatternFill("solid", fgColor="FFF4B6C2"), "Warning": PatternFill("solid", fgColor="FFFFF2CC")}
_HEADERS = {"": 10, "Worksheet": 24, "Cell": 10, "Column": 34, "What is wrong": 70, "What is expected": 60}
_BY_PLACE = re.compile(r"worksheet (\d+)")
_AUTHOR = "NCCID"


def marked_copy(path: Path, answer: UploadAnswer) -> bytes:
    """The workbook with marks.

    Raises:
        WorkFailedError: the file cannot be written back; its faults stand on the result page all the same.
    """
    listed = [*(("Problem", each) for each in answer.errors), *(("Warning", each) for each in answer.warnings)]
    try:
        with WHOLE_BOOKS, path.open("rb") as file:
            _weigh(file)
            book = openpyxl.load_workbook(file, rich_text=True)
            for label, finding in listed[:MOST_COMMENTS]:
                _mark(book, label, finding)
            _list(book, listed)
            book.save(out := io.BytesIO())
    except Exception:  # noqa: BLE001  # openpyxl raises whatever it meets, and its text may hold a cell
        raise WorkFailedError("This file cannot be written back with marks. Use the list of problems on the page.") from None
    return out.getvalue()


def _weigh(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
            raise ValueError("too large to be held in memory")
    file.seek(0)


def _mark(book: openpyxl.Workbook, label: str, finding: Finding) -> None:
    page = _page(book, finding.sheet)
    if page is None or finding.cell is None:
        return
    row, column, *_ = corners(finding.cell)
    target = page.cell(row, column)
    if isinstance(target, MergedCell):
        return  # but the first of merged cells
    target.fill = _FILLS[label]
    told = f"{label}: {finding.problem}" + (f"\nExpected: {finding.expected}" if finding.expected else "")
    before = f"{target.comment.text}\n\n" if target.comment else ""
    target.comment = Comment(before + told, _AUTHOR, height=60 + 18 * (len(before + told) // 40), width=320)


def _page(book: openpyxl.Workbook, title: str | None) -> Worksheet | None:
    """The worksheet that a finding names, by its title or by its place."""
    if title is None:
        return None
    if title in book.sheetnames:
        found = book[title]
    elif (place := _BY_PLACE.fullmatch(title)) and int(place[1]) <= len(book.sheetnames):
        found = book[book.sheetnames[int(place[1]) - 1]]
    else:
        return None
    return found if isinstance(found, Worksheet) else None  # type: ignore[redundant-expr]  # a chart is one too


def _list(book: openpyxl.Workbook, listed: Iterable[tuple[str, Finding]]) -> None:
    if TITLE in book.sheetnames:
        del book[TITLE]
    page = book.create_sheet(TITLE, 0)
    page.append(["Correct what is marked, remove this worksheet if you like, save, and upload the file again."])
    page.append([])
    page.append(list(_HEADERS))
    for label, each in listed:
        page.append([label, each.sheet, each.cell, each.column, each.problem, each.expected])
    for row in page.iter_rows(min_row=4):
        for cell in row:
            if cell.data_type == "f":
                cell.data_type = "s"  # never a formula
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in (page["A1"], *page[3]):
        cell.font = Font(bold=True)
    for letter, width in zip("ABCDEF", _HEADERS.values(), strict=True):
        page.column_dimensions[letter].width = width
    page.freeze_panes = "A4"
    book.active = 0
