"""Writes the rows of a delivery as a workbook with the template's headers, in the hand of those who fill it in."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Template, template
from synth.clinical import Value, values
from synth.hands import nhs_cell, number_text
from synth.model import DateStyle, Group, Row

_EXCEL_DAY_0 = dt.date(1899, 12, 30)
_MADE = dt.datetime(2020, 5, 12, 9, 0)  # noqa: DTZ001 - workbooks know no time zone


def write_sheet(path: Path, door: Group, site: Site, rows: Iterable[Row]) -> None:
    """The workbook with these rows, headers exactly as the template prints them.

    Args:
        path: of the new workbook.
        door: which template.
        site: whose patients they are.
        rows: one a patient, in the order of the sheet.
    """
    form = template(door)
    book = Workbook(write_only=True)
    book.properties.creator, book.properties.created, book.properties.modified = "Research nurse", _MADE, _MADE
    sheet = book.create_sheet(form.sheet)
    sheet.append([_bold(sheet, column.header) for column in form.columns])
    for row in rows:
        cells = cells_of(row, form, site)
        sheet.append([cells.get(column.key) for column in form.columns])
    book.save(path)


def cells_of(row: Row, form: Template, site: Site) -> Mapping[str, Value]:
    """What the nurse types, by column key; empty cells are left out."""
    hand = row.patient.hand
    cells = dict(values(row.patient, site)) if row.door == "positive" else {}
    cells[NHS_KEY] = nhs_cell(row.nhs_number, hand.nhs) if row.nhs_number else None
    cells[HOSPITAL_KEY] = number_text(row.hospital_number, hand.number)
    cells[form.swab_date_key] = date_cell(row.swab_date, hand.date)
    if form.result_key:
        cells[form.result_key] = row.result
    return cells


def date_cell(day: dt.date | None, style: DateStyle) -> str | int | dt.date | None:
    """The date as a date cell, as text, or as the bare number that Excel shows for it once the cell's format is lost."""
    if day is None:
        return None
    match style:
        case "cell":
            return day
        case "iso":
            return day.isoformat()
        case "day-first":
            return f"{day:%d/%m/%Y}"
        case _:  # serial
            return (day - _EXCEL_DAY_0).days


def _bold(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    cell = WriteOnlyCell(sheet, text)
    cell.font = Font(bold=True)
    return cell
