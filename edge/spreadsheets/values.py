"""Codes, numbers and text: carried as given; what the template does not expect is said and stops nothing.

The one exception is the result of the RT-PCR on the status sheet: it decides which patients are positive, so it is 0 or 1.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Literal

from edge.spreadsheets.findings import Remark, shown
from edge.spreadsheets.verdicts import EMPTY, Verdict, as_given, is_empty
from edge.spreadsheets.workbook import Value
from schemas.templates import Column

Read = Callable[[Value], Verdict]

LONGEST_TEXT = 1_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"\d+\.0+", re.ASCII)
_CVCX = re.compile(r"CVCX\s*(\d)", re.IGNORECASE | re.ASCII)
_CODE_AND_TEXT = re.compile(r"([A-Za-z]|\d{1,2})[\s:;=,.)(/-]+\S.*", re.DOTALL | re.ASCII)
_RESULT = re.compile(r"([01])(\.0*)?", re.ASCII)

_COVID_CODES = frozenset(("COVID CODE", "COVID CODE 2"))
_DETECTED = {"rna detected (sars-cov-2)": "1"}  # what laboratories write for positive (NCCID schema v2.1)
_SPELLINGS = dict.fromkeys(("1st RT-PCR result", "2nd RT-PCR result", "Final COVID Status"), _DETECTED)


def result(verdict: Verdict) -> Literal[0, 1] | None:
    """The result of an RT-PCR that ``reads_result`` let through; a blank one is 0."""
    if any(remark.stops for remark in verdict.remarks):
        return None
    return 1 if verdict.text.startswith("1") else 0


def reads_result(value: Value) -> Verdict:
    """The RT-PCR result of the status sheet: 0 or 1; a blank is read as 0, with a warning."""
    if is_empty(value):
        return Verdict(remarks=(Remark(problem="There is no result; it was read as 0 (negative).", expected="0 or 1"),))
    text = as_given(value)
    if _RESULT.fullmatch(text) and not isinstance(value, bool):
        return Verdict(text=text)
    problem = (
        f"The result is neither 0 nor 1: {shown(text)}." if shown(text).startswith('"') else "The result is neither 0 nor 1."
    )
    return Verdict(remarks=(Remark(problem=problem, expected="0 for negative, 1 for positive", stops=True),))


def reads(column: Column) -> Read:
    """The reader of a code, number or text column."""
    return {"code": _reads_code, "integer": _reads_number, "number": _reads_number}.get(column.type, _reads_text)(column)


def _reads_text(_: Column) -> Read:
    def read(value: Value) -> Verdict:
        return EMPTY if is_empty(value) else Verdict(text=as_given(value))

    return read


def _reads_code(column: Column) -> Read:
    meanings = {meaning.casefold() for meaning in column.codes.values()} | _SPELLINGS.get(column.key, {}).keys()
    codes = {code.casefold() for code in column.codes}
    listed = ", ".join(f"{code} = {meaning}" for code, meaning in column.codes.items())

    def read(value: Value) -> Verdict:
        if is_empty(value):
            return EMPTY
        text = as_given(value)
        bare = text.split(".")[0] if _WHOLE.fullmatch(text) else text.casefold()
        if bare in codes or bare in meanings:
            return Verdict(text=text)
        if (found := _CODE_AND_TEXT.fullmatch(text)) and found[1].casefold() in codes:
            return Verdict(text=text)
        if column.key in _COVID_CODES and (found := _CVCX.fullmatch(text)) and found[1] in codes:
            return Verdict(text=text)
        return Verdict(
            text=text, remarks=(Remark(problem=f"Not one of the codes of this column: {shown(text)}.", expected=listed),)
        )

    return read


def _reads_number(column: Column) -> Read:
    unit = f" {column.unit}" if column.unit else ""
    kind = "a whole number" if column.type == "integer" else "a number"
    expected = f"{kind}{_range(column, unit)}"

    def read(value: Value) -> Verdict:
        if is_empty(value):
            return EMPTY
        text = as_given(value)
        problem = _number_problem(value, text, column)
        return Verdict(text=text, remarks=(Remark(problem=problem, expected=expected),) if problem else ())

    return read


def _number_problem(value: Value, text: str, column: Column) -> str | None:
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return "The cell holds a date or a time instead of a number."
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        return "The cell does not hold just a number."
    number = float(text)
    if (column.minimum is not None and number < column.minimum) or (column.maximum is not None and number > column.maximum):
        return f"Outside the expected range: {shown(text)}." if shown(text).startswith('"') else "Outside the expected range."
    if column.type == "integer" and not number.is_integer():
        return f"Not a whole number: {shown(text)}." if shown(text).startswith('"') else "Not a whole number."
    return None


def _range(column: Column, unit: str) -> str:
    match column.minimum, column.maximum:
        case None, None:
            return f" ({column.unit})" if unit else ""
        case low, None:
            return f" from {low:g}{unit}"
        case None, high:
            return f" up to {high:g}{unit}"
        case low, high:
            return f" from {low:g} to {high:g}{unit}"
