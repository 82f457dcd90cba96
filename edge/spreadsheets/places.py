"""Cells by name and by number: ``B3`` is row 3, column 2."""

import re
from functools import lru_cache

_NAME = re.compile(r"([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?")


@lru_cache(maxsize=20_000)
def letters(column: int) -> str:
    """1 is A, 27 is AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


@lru_cache(maxsize=20_000)
def number(name: str) -> int:
    """A is 1, AA is 27.

    Raises:
        ValueError: not one to three capital letters.
    """
    if not 1 <= len(name) <= 3 or not (name.isascii() and name.isalpha() and name.isupper()):
        raise ValueError("not the name of a column")
    total = 0
    for letter in name:
        total = total * 26 + ord(letter) - ord("A") + 1
    return total


def cell(row: int, column: int) -> str:
    """The name of a cell; both count from 1."""
    return f"{letters(column)}{row}"


def corners(name: str) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column of ``B3`` or ``B3:C9``.

    Raises:
        ValueError: the name is of another form.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError("not the name of a cell or of a block of cells")
    first_column, first_row, last_column, last_row = found.groups()
    row, column = int(first_row), number(first_column)
    return row, column, int(last_row or row), number(last_column) if last_column else column


def order(name: str | None) -> tuple[int, int]:
    """Sorts cells as the sheet is read; what has no cell comes first."""
    return corners(name)[:2] if name else (0, 0)


def listed(ranges: list[tuple[int, int]], most: int = 10) -> str:
    """Row ranges in words: ``5 to 9, 12``; after ``most`` of them, how many more."""
    words = [str(first) if first == last else f"{first} to {last}" for first, last in ranges[:most]]
    more = len(ranges) - len(words)
    return ", ".join(words) + (f" and {more} more blocks" if more else "")
