"""Opens a workbook from anywhere, safely, and reads its worksheets row by row: the one place that reads with openpyxl."""

import collections
import contextlib
import datetime as dt
import stat
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet.worksheet import Worksheet

from edge.spreadsheets import container, parts, signatures
from edge.spreadsheets.container import LARGEST_CONTENT, LARGEST_PART, RefusedError, UnreadableError, chunks, damaged
from edge.spreadsheets.structure import Structure, structure

Value = str | int | float | bool | dt.datetime | dt.date | dt.time | dt.timedelta | None
"""What a cell holds: text, a number, a truth value, or a date or time where the cell is formatted as one."""

# openpyxl warns of what it leaves out, and of dates out of range with the cell's content, which may be anything.
warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One worksheet: its shape, and its cells for as long as the workbook is open."""

    title: str
    hidden: bool
    shape: Structure
    _source: ReadOnlyWorksheet

    def rows(self, last_row: int | None = None) -> Iterator[tuple[Value, ...]]:
        """The rows from the first on, all as wide as the widest; formulas as the value that Excel stored.

        Raises:
            RefusedError: a row is damaged.
        """
        if not self.shape.last_row:
            return
        last = min(last_row or self.shape.last_row, self.shape.last_row)
        worksheet = cast("Worksheet", self._source)  # it borrows the method, and the types do not know
        rows = worksheet.iter_rows(1, last, 1, self.shape.last_column, values_only=True)
        try:
            yield from cast("Iterator[tuple[Value, ...]]", rows)
        except Exception:  # noqa: BLE001 - openpyxl raises whatever it meets, and its text may hold the cell
            raise damaged("one of its worksheets cannot be read") from None


@dataclass(frozen=True, slots=True)
class Workbook:
    """An open workbook."""

    sheets: tuple[Sheet, ...]
    date_system: Literal[1900, 1904]


@contextlib.contextmanager
def open_workbook(path: Path) -> Iterator[Workbook]:
    """The workbook in a file; formulas are read as stored, macros and links to other files not at all.

    Raises:
        RefusedError: not a workbook, protected, damaged, or too large.
        UnreadableError: no such file, or it may not be read.
    """
    with _open(path) as file, container.archive(file, signatures.refuse) as archive:
        contents = parts.contents(archive)
        shapes = _shapes(archive, contents)
        book = _load(file)
        with contextlib.closing(book):
            titles = {sheet.title: sheet for sheet in book.worksheets}
            sheets = tuple(
                Sheet(part.title, part.hidden, shapes[part.name], titles[part.title])
                for part in contents.worksheets
                if part.title in titles
            )
            yield Workbook(sheets, contents.date_system)


def _open(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RefusedError("This is a folder and not a file.", "choose the Excel file itself")
        return path.open("rb")
    except FileNotFoundError:
        raise UnreadableError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"the file cannot be read: {error.strerror}") from None
    except ValueError:  # a null character in the name
        raise UnreadableError("there is no such file") from None


def _shapes(archive: zipfile.ZipFile, contents: parts.Contents) -> dict[str, Structure]:
    """The shape of each worksheet; all other parts are read through once, for size and for being what they should be."""
    worksheets = {part.name for part in contents.worksheets}
    shapes = {name: structure(chunks(archive, name, LARGEST_CONTENT)) for name in worksheets}
    for name in archive.namelist():
        if name in worksheets:
            continue
        if name.endswith((".xml", ".rels")):
            container.parse(container.xml_parser(), chunks(archive, name, LARGEST_PART))
        else:
            collections.deque(chunks(archive, name, LARGEST_CONTENT), maxlen=0)
    return shapes


def _load(file: BinaryIO) -> openpyxl.Workbook:
    try:
        return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever it meets, and its text may hold a cell
        raise damaged("its parts do not fit together") from None
