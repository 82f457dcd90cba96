"""Is it an Excel workbook at all, and one that can be read without harm: judged from the bytes, never from the file's name.

An .xlsx is a zip archive of XML parts (ECMA-376 part 2, Open Packaging Conventions, which also forbids document type declarations
in parts: so an entity bomb never gets as far as an entity). Sizes are those that really come out of the archive.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.parsers import expat

from schemas.problems import UnusableInputError

MEGABYTE = 1024 * 1024
LARGEST_FILE = 128 * MEGABYTE
LARGEST_CONTENT = 512 * MEGABYTE  # unpacked; 20,000 rows of 60 columns are 36 MB
LARGEST_PART = 64 * MEGABYTE  # of all but the worksheets: read whole into memory
MOST_PARTS = 5_000
CHUNK = 256 * 1024

SAVE_AS_XLSX = 'open it in Excel, choose File > Save As, choose the type "Excel Workbook (*.xlsx)" and upload that file'
_AGAIN = (
    "open it in Excel, save it again as an Excel Workbook (*.xlsx) and upload that file; "
    "if Excel cannot open it, use your back-up"
)

Feed = Callable[[bytes], object]


class RefusedError(Exception):
    """The file cannot be used; says what is wrong with it and what to do. Never holds anything of its content."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected


class UnreadableError(UnusableInputError):
    """There is no such file, or it may not be read: a matter of the command and not of the sheet."""


def damaged(why: str) -> RefusedError:
    """A workbook that is broken."""
    return RefusedError(f"The file is damaged: {why}.", _AGAIN)


def too_large(why: str) -> RefusedError:
    """A workbook that would take too much of this machine."""
    return RefusedError(
        f"The file is too large: {why}.",
        "copy the sheet with the patients into a fresh template and upload that; split it if need be",
    )


def archive(file: BinaryIO, signature: Callable[[BinaryIO], RefusedError | None]) -> zipfile.ZipFile:
    """The archive inside of an .xlsx.

    Raises:
        RefusedError: another kind of file, damaged, or too large to be opened.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not size:
        raise RefusedError("The file is empty.", "save the sheet in Excel again, or start from the template")
    if size > LARGEST_FILE:
        raise too_large(f"it has more than {LARGEST_FILE // MEGABYTE} MB")
    if refusal := signature(file):
        raise refusal
    try:
        opened = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, IndexError):
        raise damaged("its end is missing or broken, perhaps because it was not copied or downloaded to the end") from None
    _weigh(opened)
    return opened


def _weigh(opened: zipfile.ZipFile) -> None:
    """Refuses by what the archive says of itself; what it does not admit is found while reading."""
    entries = opened.infolist()
    if len(entries) > MOST_PARTS:
        raise too_large(f"it has more than {MOST_PARTS:,} parts")
    if len({entry.filename for entry in entries}) != len(entries):
        raise damaged("it has two parts of the same name")
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise RefusedError("The file is a zip archive with a password, and not an Excel workbook.", SAVE_AS_XLSX)
    if sum(entry.file_size for entry in entries) > LARGEST_CONTENT:
        raise too_large(f"it unpacks to more than {LARGEST_CONTENT // MEGABYTE} MB")


def chunks(opened: zipfile.ZipFile, name: str, most: int) -> Iterator[bytes]:
    """One part, piece by piece.

    Raises:
        RefusedError: the part is damaged or unpacks to more than ``most`` bytes.
    """
    total = 0
    try:
        with opened.open(name) as part:
            while chunk := part.read(CHUNK):
                total += len(chunk)
                if total > most:
                    raise too_large(f"a part of it unpacks to more than {most // MEGABYTE} MB")
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, KeyError):
        raise damaged("a part of it cannot be unpacked") from None


def xml_parser() -> expat.XMLParserType:
    """A parser without handlers that refuses document type declarations; names come as ``namespace name``."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.buffer_text = True
    return parser


def _refuse_doctype(*_: object) -> None:
    raise RefusedError("The file holds a document type declaration, which no Excel workbook has and which can do harm.", _AGAIN)


def parse(parser: expat.XMLParserType, pieces: Iterator[bytes]) -> None:
    """Feeds a part to a parser.

    Raises:
        RefusedError: not well-formed XML, a document type declaration, or whatever ``chunks`` refuses.
    """
    try:
        for piece in pieces:
            parser.Parse(piece, False)  # noqa: FBT003 - expat knows no keywords
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError:
        raise damaged("a part of it is not well-formed XML") from None
