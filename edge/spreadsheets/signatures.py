"""What a file really is, by its first bytes, and what to do with it: people rename files, and Excel's icon stays."""

import re
from typing import BinaryIO

from edge.spreadsheets.container import CHUNK, SAVE_AS_XLSX, RefusedError

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # compound file: old Office, and the envelope of encrypted new Office ([MS-OFFCRYPTO])

_PASSWORD = (
    "The file is protected with a password.",
    "open it in Excel, choose File > Info > Protect Workbook > Encrypt with Password, clear the password, save, upload it again",
)
_OLD = ("The file is an old Excel workbook (.xls).", SAVE_AS_XLSX)

_INSIDE_OLE = (
    ("EncryptedPackage".encode("utf-16-le"), _PASSWORD),
    ("Workbook".encode("utf-16-le"), _OLD),
    ("Book".encode("utf-16-le"), _OLD),
    ("WordDocument".encode("utf-16-le"), ("The file is a Word document.", "upload the Excel sheet")),
)

_STARTS = (
    (rb"%PDF", "The file is a PDF."),
    (rb"\{\\rtf", "The file is a text document (RTF)."),
    (rb"\x09[\x00\x02\x04\x08]", "The file is a very old Excel workbook (.xls)."),
    (
        rb"(\xef\xbb\xbf)?\s*<\?xml.{0,500}(urn:schemas-microsoft-com:office:spreadsheet|mso-application)",
        "The file is an XML spreadsheet.",
    ),
    (
        rb"(\xef\xbb\xbf)?\s*(<!--.{0,500}?-->\s*)?(<\?xml[^>]*>\s*)?<(!doctype\s+html|html|head|body|table|meta)",
        "The file is a web page (HTML).",
    ),
    (rb"(\xef\xbb\xbf)?\s*<\?xml", "The file is XML, and not an Excel workbook."),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM", "The file is a picture."),
    (rb".{128}DICM", "The file is a DICOM image; images are sent from PACS."),
)
_STARTS_COMPILED = tuple((re.compile(start, re.DOTALL | re.IGNORECASE), problem) for start, problem in _STARTS)

_TEXT = "The file is plain text, such as CSV, whatever its name says."
_UNKNOWN = "The file is not an Excel workbook."


def refuse(file: BinaryIO) -> RefusedError | None:
    """Why this file, by its first bytes, is no .xlsx; None where it may be one."""
    first = file.read(CHUNK)
    if first.startswith(_ZIP):
        return None
    if first.startswith(_OLE):
        whole = first + file.read()  # the names of the streams may stand anywhere
        return RefusedError(*next((words for mark, words in _INSIDE_OLE if mark in whole), (_UNKNOWN, SAVE_AS_XLSX)))
    known = next((problem for start, problem in _STARTS_COMPILED if start.match(first)), None)
    return RefusedError(known or (_TEXT if _is_text(first) else _UNKNOWN), SAVE_AS_XLSX)


def _is_text(first: bytes) -> bool:
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", first)
