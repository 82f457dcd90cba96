"""What becomes of one cell's value: its text as the records carry it, and what there is to say about it."""

import datetime as dt
from dataclasses import dataclass

from edge.spreadsheets.findings import Remark
from edge.spreadsheets.workbook import Value

_PLACEHOLDERS = frozenset(
    (".", "..", "...", "-", "--", "---", "?", "n/a", "n.a.", "n.a", "na", "null", "nan", "not available", "not applicable")
)
_LOOK_ALIKES = str.maketrans(
    {"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00a0": " "}
)

ERROR_VALUES = frozenset(
    (
        "#REF!",
        "#N/A",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
        "#SPILL!",
        "#CALC!",
        "#FIELD!",
        "#BLOCKED!",
        "#GETTING_DATA",
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was made of a value, wherever it stands."""

    text: str = ""  # empty where the cell counts as empty
    remarks: tuple[Remark, ...] = ()
    date: dt.date | None = None
    folded: str | None = None  # as the row's own hospital number is looked for in it


EMPTY = Verdict()


def is_blank(value: Value) -> bool:
    """Nothing, or nothing but space."""
    return value is None or (isinstance(value, str) and not value.strip(" \t\r\n\u00a0\u200b\ufeff"))


def plain(text: str) -> str:
    """Text with one kind of hyphen and of space, and none at the ends."""
    return " ".join(text.translate(_LOOK_ALIKES).split())


def is_placeholder(value: Value) -> bool:
    """What people type to say that there is nothing (NCCID data: "N/A", ".", " ")."""
    return isinstance(value, str) and plain(value).casefold() in _PLACEHOLDERS


def is_empty(value: Value) -> bool:
    """Blank, or something that says so."""
    return is_blank(value) or is_placeholder(value)


def as_given(value: Value) -> str:
    """The text of a value as the records carry it: whole numbers without ".0", dates as ISO, other text as it is."""
    match value:
        case bool():
            return str(value).upper()
        case float():
            return format(value, ".15g")  # Excel keeps 15 digits
        case dt.datetime():
            return value.date().isoformat()
        case dt.date() | dt.time():
            return value.isoformat()
        case None:
            return ""
        case _:
            return str(value).strip()
