"""Workbooks for tests: a test names the cells it is about, the rest is a valid sheet of a valid site."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import openpyxl
import xlsxwriter  # type: ignore[import-untyped]

from edge.spreadsheets.findings import Finding
from edge.spreadsheets.rows import Checked
from edge.spreadsheets.spreadsheet import check_workbook
from schemas.records import Kind
from schemas.sites import EXAMPLE, Site, read_sites
from schemas.templates import HOSPITAL_KEY, NHS_KEY, template

TODAY = dt.date(2021, 6, 1)
SITES = read_sites(EXAMPLE)
RDGM, NTHV, PENM = SITES["RDGM"], SITES["NTHV"], SITES["PENM"]
NUMBERS = ("9994621785", "9995451018", "9995181630", "9995202697")  # from the range that is never issued

Cells = Mapping[str, Any]
Writer = Literal["openpyxl", "xlsxwriter"]


def patient(index: int = 0) -> dict[str, Any]:
    """The identifiers of one of four invented patients."""
    return {NHS_KEY: NUMBERS[index], HOSPITAL_KEY: f"RR{12345678 + index}"}


def negative(index: int = 0, cells: Cells | None = None) -> dict[str, Any]:
    """A whole row of the status sheet."""
    return {**patient(index), "Date of RT-PCR": dt.date(2020, 5, 12), "RT-PCR result": 0, **(cells or {})}


def positive(index: int = 0, cells: Cells | None = None) -> dict[str, Any]:
    """A row of the main sheet with what is required."""
    return {**patient(index), "Date of Positive Covid Swab": dt.date(2020, 5, 12), **(cells or {})}


def headers(kind: Kind) -> list[str]:
    """The headers as the template prints them."""
    return [column.header for column in template(kind).columns]


def table(kind: Kind, rows: Sequence[Cells]) -> list[list[Any]]:
    """The sheet as rows of cells, headers first."""
    keys = [column.key for column in template(kind).columns]
    return [headers(kind), *([row.get(key) for key in keys] for row in rows)]


def book(path: Path, worksheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> openpyxl.Workbook:
    """A workbook of any worksheets, saved, and handed back for what else a test wants to do to it."""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for title, rows in worksheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = "hidden" if title in hidden else "visible"
    made.save(path)
    return made


def sheet(path: Path, kind: Kind, rows: Sequence[Cells], writer: Writer = "openpyxl") -> Path:
    """A workbook with one worksheet of this kind."""
    if writer == "openpyxl":
        book(path, {template(kind).sheet: table(kind, rows)})
        return path
    with xlsxwriter.Workbook(str(path), {"default_date_format": "dd/mm/yyyy"}) as made:
        worksheet = made.add_worksheet(template(kind).sheet)
        for number, row in enumerate(table(kind, rows)):
            worksheet.write_row(number, 0, row)
    return path


def check(path: Path, kind: Kind = "negative", site: Site = RDGM) -> Checked:
    """The answer to an upload on the day of the tests."""
    return check_workbook(path, site, kind, TODAY)


def brief(findings: Sequence[Finding]) -> list[tuple[str | None, str]]:
    """Where and what."""
    return [(finding.cell, finding.problem) for finding in findings]
