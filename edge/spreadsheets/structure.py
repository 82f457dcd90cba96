"""What openpyxl does not tell while it streams: which cells are formulas, merged or hidden, and where the data really ends.

One pass of expat over a worksheet's XML (ECMA-376 part 1, 18.3.1). The dimension that a sheet declares is not trusted: a sheet
with a million formatted, empty rows ends with its last value.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.spreadsheets.container import damaged, parse, xml_parser
from edge.spreadsheets.parts import MAIN
from edge.spreadsheets.places import number

_ROW, _CELL, _VALUE, _TEXT, _FORMULA, _MERGED = (f"{MAIN} {name}" for name in ("row", "c", "v", "is", "f", "mergeCell"))
_TRUE = frozenset(("1", "true", "on"))
_MOST_MERGED = 10_000
_COLUMNS = 32_768  # more than any worksheet has
_DIGITS = "0123456789"


@dataclass(slots=True)
class Structure:
    """The shape of one worksheet; rows and columns count from 1."""

    last_row: int = 0  # with a value or a formula in it
    last_column: int = 0
    rows: int = 0  # that hold anything
    cells: int = 0
    formulas: dict[int, bool] = field(default_factory=dict)  # place -> whether its stored value is text, maybe empty
    merged: list[str] = field(default_factory=list)  # as A1:B2
    hidden: list[tuple[int, int]] = field(default_factory=list)  # first and last row of each block


def place(row: int, column: int) -> int:
    """A cell as one number: a sheet may hold a formula in each of a million cells."""
    return row * _COLUMNS + column


def row_of(place_: int) -> int:
    """The row of a place."""
    return place_ // _COLUMNS


class _Scan:
    """Handlers for expat; called for every element, so no more is done than must be."""

    def __init__(self) -> None:
        self.found = Structure()
        self._row = self._column = 0
        self._cell: dict[str, str] = {}
        self._rare = {_ROW: self._start_row, _FORMULA: self._formula, _TEXT: self._value, _MERGED: self._merge}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _CELL:
            self._cell = attributes
            self._column += 1
            if "r" in attributes:
                self._column = number(attributes["r"].rstrip(_DIGITS))
        elif name == _VALUE:
            self._value(attributes)
        elif handler := self._rare.get(name):
            handler(attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        row = int(attributes.get("r", self._row + 1))
        if row <= self._row:
            raise damaged("its rows are out of order")
        if attributes.get("hidden") in _TRUE:
            _extend(self.found.hidden, row)
        self._row, self._column = row, 0

    def _value(self, _: dict[str, str]) -> None:
        found = self.found
        found.cells += 1
        found.last_column = max(found.last_column, self._column)
        if self._row != found.last_row:
            found.last_row = self._row
            found.rows += 1

    def _formula(self, attributes: dict[str, str]) -> None:
        self._value(attributes)
        self.found.formulas[place(self._row, self._column)] = self._cell.get("t") == "str"

    def _merge(self, attributes: dict[str, str]) -> None:
        if len(self.found.merged) < _MOST_MERGED and "ref" in attributes:
            self.found.merged.append(attributes["ref"])


def _extend(blocks: list[tuple[int, int]], row: int) -> None:
    if blocks and blocks[-1][1] == row - 1:
        blocks[-1] = (blocks[-1][0], row)
    else:
        blocks.append((row, row))


def structure(pieces: Iterator[bytes]) -> Structure:
    """The shape of the worksheet whose XML comes in pieces.

    Raises:
        RefusedError: the XML is damaged.
    """
    scan = _Scan()
    parser = xml_parser()
    parser.StartElementHandler = scan.start
    try:
        parse(parser, pieces)
    except (ValueError, TypeError):
        raise damaged("a row or a cell has no proper place") from None
    return scan.found
