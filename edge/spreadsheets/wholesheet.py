"""What only the whole sheet can tell: the same patient twice, merged and hidden cells, and whether it is this hospital's."""

from collections.abc import Iterator

from edge.spreadsheets.findings import Findings, Remark
from edge.spreadsheets.headers import Layout
from edge.spreadsheets.places import cell, corners, listed
from edge.spreadsheets.rows import Row
from edge.spreadsheets.structure import Structure
from identity import hospital
from identity.pseudonyms import pacs_identifier
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY

ENOUGH_ROWS = 10
SHARE_THAT_FITS = 0.7
"""Of at least ten hospital numbers, so many have the site's form, or it was written for another system (domain decision)."""


def judge_numbers(site: Site, numbers: int, misfits: list[tuple[str, Remark]], found: Findings) -> None:
    """One error for a sheet whose hospital numbers are not this site's, else a warning for each that does not fit."""
    fitting = numbers - len(misfits)
    if site.pacs_identifier == "hospital" and numbers >= ENOUGH_ROWS and fitting < SHARE_THAT_FITS * numbers:
        form = hospital.expected_form(site.hospital_number_pattern)
        problem = f"Only {fitting} of {numbers} hospital numbers have the form that Radiology uses at this site."
        expected = f"{form}, as Radiology writes them; this sheet seems to be written for another system, or for another hospital"
        found.add(Remark(problem=problem, expected=expected, stops=True), None, HOSPITAL_KEY)
        return
    for place, remark in misfits:
        found.add(remark, place, HOSPITAL_KEY)


class Patients:
    """The patients of a sheet, each once."""

    def __init__(self, site: Site, layout: Layout) -> None:
        self._site = site
        key = NHS_KEY if site.pacs_identifier == "nhs" else HOSPITAL_KEY
        self._key, self._column, self._nhs_column = key, layout.place(key), layout.place(NHS_KEY)
        self._by_identifier: dict[str, Row] = {}
        self._by_nhs: dict[str, Row] = {}

    def add(self, row: Row, found: Findings) -> bool:
        """Whether the row is kept: it is about a patient who has no row yet."""
        identifier = pacs_identifier(self._site, row.nhs, row.hospital)
        if identifier is None:
            return False  # an error already
        first = self._by_identifier.setdefault(identifier.text, row)
        if first is not row:
            found.add(self._twice(first, row), cell(row.number, self._column), self._key)
            return False
        self._under_another_number(row, found)
        return True

    def _twice(self, first: Row, row: Row) -> Remark:
        there = cell(first.number, self._column)
        here = cell(row.number, self._column)
        if _content(first) == _content(row):
            problem = f"The same row twice: {there} and {here} are the same patient; the row was taken once."
            return Remark(problem=problem, expected="remove one of the two rows")
        problem = f"The same patient twice, in {there} and in {here}, and the two rows differ."
        return Remark(problem=problem, expected="keep the row that is right, remove the other", stops=True)

    def _under_another_number(self, row: Row, found: Findings) -> None:
        if row.nhs is None:
            return
        first = self._by_nhs.setdefault(row.nhs.digits, row)
        if first is not row:
            there, here = cell(first.number, self._nhs_column), cell(row.number, self._nhs_column)
            problem = f"The same NHS/CHI number in {there} and in {here}, under two different hospital numbers."
            expected = "check whether this is one patient with two hospital numbers, or a slip in one of the two rows"
            found.add(Remark(problem=problem, expected=expected), here, NHS_KEY)


def _content(row: Row) -> tuple[object, ...]:
    return row.nhs, row.hospital, row.swab_date, row.result, row.values


def say_shape(shape: Structure, layout: Layout, found: Findings) -> None:
    """An error for each merged block in the data, one warning for all hidden rows that hold data."""
    for name in shape.merged:
        if _in_the_data(name, shape, layout):
            remark = Remark(
                problem="These cells are merged.",
                expected="unmerge them (Home > Merge & Center) and fill in each cell",
                stops=True,
            )
            found.add(remark, name)
    if hidden := list(_cut(shape.hidden, layout.header_row + 1, shape.last_row)):
        problem = f"Hidden rows were read too: {listed(hidden)}."
        found.add(Remark(problem=problem, expected="show them and check that they belong in this upload"))


def _in_the_data(name: str, shape: Structure, layout: Layout) -> bool:
    try:
        first_row, first_column, last_row, _ = corners(name)
    except ValueError:
        return False
    return last_row > layout.header_row and first_row <= shape.last_row and first_column <= shape.last_column


def _cut(blocks: list[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """The parts of the blocks that lie between two rows, both included."""
    for start, end in blocks:
        if start <= last and end >= first:
            yield max(start, first), min(end, last)
