"""The parts of a workbook: which one holds which worksheet, who is hidden, and where the days are counted from."""

import posixpath
import zipfile
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from edge.spreadsheets.container import LARGEST_PART, SAVE_AS_XLSX, RefusedError, chunks, damaged

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OFFICE_DOCUMENT = "/officeDocument"

_OTHER_KINDS = (
    ("application/vnd.ms-excel.sheet.binary", "The file is a binary Excel workbook (.xlsb)."),
    ("wordprocessingml", "The file is a Word document."),
    ("presentationml", "The file is a PowerPoint presentation."),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One worksheet of the archive."""

    title: str
    hidden: bool
    name: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the workbook says of itself."""

    worksheets: tuple[Part, ...]
    date_system: Literal[1900, 1904]


def contents(archive: zipfile.ZipFile) -> Contents:
    """The worksheets in the order of their tabs.

    Raises:
        RefusedError: a zip archive of something else, or a damaged one.
    """
    _refuse_other_kinds(archive)
    workbook_part = _workbook_part(archive)
    workbook = _xml(archive, workbook_part)
    if workbook.tag == f"{{{_STRICT}}}workbook":
        raise RefusedError("The file is saved as Strict Open XML Spreadsheet.", SAVE_AS_XLSX)
    targets = _relationships(archive, workbook_part)
    parts = [
        Part(sheet.get("name", ""), sheet.get("state", "visible") != "visible", target)
        for sheet in workbook.iter(f"{{{MAIN}}}sheet")
        if (link := targets.get(sheet.get(f"{{{_DOCUMENT}}}id", ""))) and (target := link[1]) and link[0].endswith("/worksheet")
    ]
    properties = workbook.find(f"{{{MAIN}}}workbookPr")
    from_1904 = properties is not None and properties.get("date1904") in ("1", "true", "on")
    return Contents(tuple(parts), 1904 if from_1904 else 1900)


def _refuse_other_kinds(archive: zipfile.ZipFile) -> None:
    names = set(archive.namelist())
    if "mimetype" in names and b"opendocument" in b"".join(chunks(archive, "mimetype", LARGEST_PART)):
        raise RefusedError("The file is an OpenDocument file (such as .ods).", SAVE_AS_XLSX)
    if "[Content_Types].xml" not in names:
        raise RefusedError("The file is a zip archive, and not an Excel workbook.", SAVE_AS_XLSX)
    types = b"".join(chunks(archive, "[Content_Types].xml", LARGEST_PART)).decode("utf-8", "replace")
    if "spreadsheetml" not in types and "vnd.ms-excel" not in types:
        for mark, problem in _OTHER_KINDS[1:]:
            if mark in types:
                raise RefusedError(problem, "upload the Excel sheet")
        raise RefusedError("The file is a zip archive, and not an Excel workbook.", SAVE_AS_XLSX)
    if _OTHER_KINDS[0][0] in types:
        raise RefusedError(_OTHER_KINDS[0][1], SAVE_AS_XLSX)


def _workbook_part(archive: zipfile.ZipFile) -> str:
    links = _relationships(archive, "")
    name = next((target for kind, target in links.values() if kind.endswith(_OFFICE_DOCUMENT)), None)
    if name is None:
        raise damaged("the part that lists the worksheets is missing")
    return name


def _relationships(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Of one part: link id -> type of what is linked, name of the part."""
    folder, name = posixpath.split(part)
    root = _xml(archive, posixpath.join(folder, "_rels", f"{name}.rels"))
    return {
        link.get("Id", ""): (
            link.get("Type", ""),
            posixpath.normpath(posixpath.join("/", folder, link.get("Target", ""))).lstrip("/"),
        )
        for link in root
        if link.get("TargetMode") != "External"
    }


def _xml(archive: zipfile.ZipFile, name: str) -> Element:
    try:
        root: Element = fromstring(b"".join(chunks(archive, name, LARGEST_PART)), forbid_dtd=True)
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        raise damaged("the part that lists the worksheets cannot be read") from None
    return root
