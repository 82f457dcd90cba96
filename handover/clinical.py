"""The clinical record of a patient as the warehouse has it: the public schema's keys and date formats, and nothing else.

Positive: ``Pseudonym``, ``SubmittingCentre`` and the main sheet's keys, dates MM/DD/YYYY. Negative: ``SwabStatus`` (a number) and
``SwabDate`` (DD/MM/YYYY) besides. Values are as given; a cell that holds just a number is a number here too. The age is its
nearest integer (NCCID schema, and decisions 4 and 8 of the project's domain notes).
"""

import datetime as dt
import math
import re
from collections.abc import Mapping

import msgspec

from schemas.records import RowPseudonymised
from schemas.sites import Site
from schemas.templates import Column, template

Value = str | int | float

AGE = "Age"
_AMERICAN, _BRITISH = "%m/%d/%Y", "%d/%m/%Y"
_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_NUMERIC = frozenset(("integer", "number", "code"))
_IDENTITY = frozenset(("nhs_or_chi", "hospital_number"))

_encoder = msgspec.json.Encoder()


def record(row: RowPseudonymised, site: Site) -> dict[str, Value]:
    """The record of a row, keys in the order of the template; empty cells are left out.

    Args:
        row: the row that counts.
        site: its site, whose exact name the loader wants.
    """
    head: dict[str, Value] = {"Pseudonym": row.patient, "SubmittingCentre": site.name}
    return head | (_positive(row.values) if row.kind == "positive" else _negative(row))


def encoded(values: Mapping[str, object]) -> bytes:
    """A record as the bytes of its file: the same values, the same bytes."""
    return msgspec.json.format(_encoder.encode(values), indent=2) + b"\n"


def file_word(row: RowPseudonymised) -> str:
    """What the file of this row is called after: ``data`` or ``status``."""
    return "data" if row.kind == "positive" else "status"


def _positive(values: Mapping[str, str]) -> dict[str, Value]:
    columns = (column for column in template("positive").columns if column.type not in _IDENTITY)
    return {column.key: _value(column, values[column.key]) for column in columns if column.key in values}


def _negative(row: RowPseudonymised) -> dict[str, Value]:
    status: dict[str, Value] = {"SwabStatus": row.result or 0}
    return status | ({"SwabDate": f"{row.swab_date:{_BRITISH}}"} if row.swab_date else {})


def _value(column: Column, text: str) -> Value:
    if column.type == "date":
        return f"{dt.date.fromisoformat(text):{_AMERICAN}}"
    if column.key == AGE and _PLAIN.fullmatch(text):
        return math.floor(float(text) + 0.5)  # half a year rounds up
    return _number(text) if column.type in _NUMERIC else text


def _number(text: str) -> Value:
    """The number, where it is written just so: what was given can be told from it."""
    if not _PLAIN.fullmatch(text):
        return text
    number = float(text) if "." in text else int(text)
    return number if str(number) == text else text
