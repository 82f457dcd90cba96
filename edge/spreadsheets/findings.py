"""What is wrong in a sheet: one finding a place, in words for the person who fills it in, never with an identifier in it."""

import re
from collections.abc import Iterable

from edge.spreadsheets import identifying
from edge.spreadsheets.places import order
from schemas.records import Record

_HARMLESS = re.compile(
    r"""
    -?\d{1,4}(\.\d{1,2})?                                       # a short number
    | \d{1,2}[./\\-]\d{1,2}[./\\-](19|20)?\d\d(\ \d\d?:\d\d)?   # a date, however it is meant
    | (19|20)\d\d[./\\-]\d{1,2}[./\\-]\d{1,2}(\ \d\d?:\d\d)?
    """,
    re.VERBOSE | re.ASCII,
)
_LONG_NUMBER = re.compile(r"(?:\d[\s./\\-]*){6,}")
_LONGEST_TITLE = 100


class Finding(Record, frozen=True, kw_only=True, gc=False):
    """One thing found in an uploaded file, as ``nccid upload --json`` prints it under ``errors`` or ``warnings``."""

    sheet: str | None
    cell: str | None  # None where the whole sheet is meant
    column: str | None  # the header, where one column is meant
    problem: str
    expected: str | None  # what would be right


class Remark(Record, frozen=True, kw_only=True, gc=False):
    """What is wrong with a value, before it has a place."""

    problem: str
    expected: str | None = None
    stops: bool = False  # an error: the upload is refused


class Findings:
    """What has been found so far in one worksheet."""

    def __init__(self, sheet: str | None) -> None:
        self.sheet = sheet
        self._errors: list[Finding] = []
        self._warnings: list[Finding] = []

    def add(self, remark: Remark, cell: str | None = None, column: str | None = None) -> None:
        """The remark, at its place."""
        finding = Finding(sheet=self.sheet, cell=cell, column=column, problem=remark.problem, expected=remark.expected)
        (self._errors if remark.stops else self._warnings).append(finding)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops the upload, in the order of the sheet."""
        return _in_order(self._errors)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What does not, in the order of the sheet."""
        return _in_order(self._warnings)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: order(finding.cell)))


def shown(value: object) -> str:
    """How a finding speaks of a cell's content: as it is where it is a short number or a date, else without repeating it.

    Six digits in a row may be somebody's hospital number in the wrong column.
    """
    text = str(value).strip()
    return f'"{text}"' if _HARMLESS.fullmatch(text) else "the text in this cell"


def shown_title(text: str) -> str | None:
    """A header or the title of a worksheet as findings may repeat it; None where it may hold more than a title."""
    text = " ".join(text.split())
    if len(text) > _LONGEST_TITLE or _LONG_NUMBER.search(text) or identifying.what(text):
        return None
    return text
