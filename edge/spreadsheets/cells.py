"""Every column of a template as a function from a cell's value to a verdict."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edge.spreadsheets import identifying
from edge.spreadsheets.dates import DateReader
from edge.spreadsheets.findings import Remark
from edge.spreadsheets.values import LONGEST_TEXT, Read, reads, reads_result
from edge.spreadsheets.verdicts import ERROR_VALUES, Verdict
from edge.spreadsheets.workbook import Value
from identity import numbers
from identity.numbers import NhsNumber
from schemas.templates import Column, Template

_REMEMBERED = 20_000  # values a column; the same few dates, codes and numbers come again and again


def readers(template: Template, today: dt.date, date_system: Literal[1900, 1904]) -> dict[str, Read]:
    """For each column that is no identifier: its key, and what reads its cells."""
    dates = DateReader(today, date_system)

    def reader(column: Column) -> Read:
        if column.type == "date":
            return dates
        return reads_result if column.key == template.result_key else reads(column)

    return {
        column.key: remembering(guarded(reader(column)))
        for column in template.columns
        if column.type not in ("nhs_or_chi", "hospital_number")
    }


def guarded(read: Read) -> Read:
    """What holds for every column: no error of Excel's, no endless text, nothing that identifies a person."""

    def guard(value: Value) -> Verdict:
        if refusal := refused(value):
            return Verdict(remarks=(refusal,))
        verdict = read(value)
        if verdict.date is not None and not verdict.remarks:
            return verdict
        return replace(verdict, remarks=(*verdict.remarks, *_identifying(value)), folded=identifying.folded(value))

    return guard


def refused(value: Value) -> Remark | None:
    """Why no column takes this value."""
    if isinstance(value, str):
        if value in ERROR_VALUES:
            return Remark(
                problem=f"The cell shows Excel's error {value}.",
                expected="type the value itself, or leave the cell empty",
                stops=True,
            )
        if len(value) > LONGEST_TEXT:
            return Remark(problem=f"The text is longer than {LONGEST_TEXT:,} characters.", expected="shorten it", stops=True)
    return None


def identifies(words: str) -> Remark:
    """The error for a cell that holds an identifier where none belongs."""
    return Remark(
        problem=f"The cell holds something that identifies a person: {words}.",
        expected="remove it; only the first two columns may say who the patient is",
        stops=True,
    )


def _identifying(value: Value) -> tuple[Remark, ...]:
    if isinstance(value, str):
        words = identifying.what(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and isinstance(numbers.parse(value), NhsNumber):
        words = identifying.NHS_NUMBER
    else:
        words = None
    return (identifies(words),) if words else ()


def remembering(read: Callable[[Value], Verdict]) -> Read:
    """The same reader, asked once for each value."""
    known: dict[Value, Verdict] = {}

    def remember(value: Value) -> Verdict:
        if isinstance(value, bool):  # equal to 0 and 1, but not the same in a cell
            return read(value)
        verdict = known.get(value)
        if verdict is None:
            verdict = read(value)
            if len(known) < _REMEMBERED:
                known[value] = verdict
        return verdict

    return remember
