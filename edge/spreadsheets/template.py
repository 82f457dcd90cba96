"""An empty template that people like to fill in: exact headers, cells that keep leading zeros, and a hint on every column.

Validation only warns, never blocks: what is allowed is for the upload to say, and it says it with the reason.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from edge.spreadsheets.places import letters
from schemas.records import Kind
from schemas.templates import Column, Template, template

GUIDANCE = "Guidance"
_LAST_ROW = 1_048_576  # of a worksheet in Excel
_FORMATS = {"nhs_or_chi": "@", "hospital_number": "@", "date": "dd/mm/yyyy"}  # @ is text: zeros in front survive
_WIDTHS = {"nhs_or_chi": 17, "hospital_number": 17, "date": 14, "text": 24, "code": 20}
_FIRST_DATE = "DATE(2019,1,1)"
_LONGEST_PROMPT, _LONGEST_TITLE = 255, 32  # Excel's own limits

_HINTS = {
    "nhs_or_chi": "Ten digits, with or without spaces.",
    "hospital_number": "The number exactly as Radiology/PACS writes it, with its letters and leading zeros.",
    "date": "A date as DD/MM/YYYY.",
    "text": "Text. No names, numbers or addresses of patients.",
}


def write_template(kind: Kind, path: Path, *, overwrite: bool = False) -> None:
    """Writes the empty workbook, whole or not at all.

    Raises:
        FileExistsError: the file is there, and ``overwrite`` is not given.
        OSError: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    if not overwrite:
        path.touch(exist_ok=False)
    try:
        workbook(kind).save(partial)
        os.replace(partial, path)  # noqa: PTH105 - as the contract of os.replace: atomic, over what is there
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
        if not overwrite:
            path.unlink()
        raise


def workbook(kind: Kind) -> Workbook:
    """The template of a kind, with a second worksheet that says what each column takes."""
    own = template(kind)
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = own.sheet
    sheet.freeze_panes = "C2"
    sheet.row_dimensions[1].height = 90
    for column in own.columns:
        _write_column(sheet, column)
    _write_guidance(book.create_sheet(GUIDANCE), own)
    return book


def _write_column(sheet: Worksheet, column: Column) -> None:
    letter = letters(column.position)
    header = sheet.cell(1, column.position, column.header)
    header.font = Font(bold=True)
    header.alignment = Alignment(wrap_text=True, vertical="top")
    header.fill = PatternFill("solid", fgColor="FFE8EDEE" if not column.required else "FFD8E6F5")
    sheet.column_dimensions[letter].width = _WIDTHS.get(column.type, 15)
    sheet.column_dimensions[letter].number_format = _FORMATS.get(column.type, "General")
    validation = _validation(column)
    validation.add(f"{letter}2:{letter}{_LAST_ROW}")
    sheet.add_data_validation(validation)


def _validation(column: Column) -> DataValidation:
    """What Excel checks and shows while the column is filled in."""
    rule = _rule(column)
    return DataValidation(
        **rule,
        allow_blank=True,
        errorStyle="warning",
        showErrorMessage="type" in rule,
        error=_cut(hint(column), _LONGEST_PROMPT),
        errorTitle=_cut(column.key, _LONGEST_TITLE),
        showInputMessage=True,
        prompt=_cut(hint(column), _LONGEST_PROMPT),
        promptTitle=_cut(column.key, _LONGEST_TITLE),
    )


def _rule(column: Column) -> dict[str, Any]:
    if column.type == "date":
        return {"type": "date", "operator": "between", "formula1": _FIRST_DATE, "formula2": "TODAY()"}
    if column.codes:
        return {"type": "list", "formula1": f'"{",".join(column.codes)}"'}
    match column.minimum, column.maximum:
        case None, None:
            return {}
        case low, None:
            return {"type": "decimal", "operator": "greaterThanOrEqual", "formula1": f"{low:g}"}
        case None, high:
            return {"type": "decimal", "operator": "lessThanOrEqual", "formula1": f"{high:g}"}
        case low, high:
            return {"type": "decimal", "operator": "between", "formula1": f"{low:g}", "formula2": f"{high:g}"}


def hint(column: Column) -> str:
    """What a column takes, in one line."""
    if column.codes:
        return "; ".join(f"{code} = {meaning}" for code, meaning in column.codes.items())
    if column.type in _HINTS:
        return _HINTS[column.type]
    kind = "A whole number" if column.type == "integer" else "A number"
    unit = f", in {column.unit}" if column.unit else ""
    bounds = ((column.minimum, "from"), (column.maximum, "to"))
    usual = " ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)
    return f"{kind}{unit}{f', usually {usual}' if usual else ''}."


def _write_guidance(sheet: Worksheet, own: Template) -> None:
    sheet.append(("Column", "What to enter", "Needed"))
    for column in own.columns:
        sheet.append((column.key, hint(column), "yes" if column.required else ""))
    rules = (
        f'Fill in the worksheet "{own.sheet}", one row for each patient, and upload the file under "{own.section}".',
        "Leave the columns as they are: none added, none removed, none renamed. Columns that are not known stay empty.",
        "No formulas, no merged cells. Nothing but the first two columns may say who a patient is.",
    )
    sheet.append(())
    for rule in rules:
        sheet.append((rule,))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, width in (("A", 44), ("B", 100), ("C", 10)):
        sheet.column_dimensions[letter].width = width


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
