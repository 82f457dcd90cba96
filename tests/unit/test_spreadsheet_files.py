"""Whatever file is given: a clear answer, never an exception, never much time or memory."""

import io
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from edge.spreadsheets.container import SAVE_AS_XLSX
from edge.spreadsheets.findings import Finding
from edge.spreadsheets.spreadsheet import UnreadableError
from edge.spreadsheets.template import write_template
from tests.sheets import check, negative, sheet

DATA = Path(__file__).parents[1] / "data"
WORKSHEET = "xl/worksheets/sheet1.xml"


def refused(path: Path) -> Finding:
    checked = check(path)
    assert (checked.rows, checked.warnings, checked.accepted) == ((), (), False)
    (finding,) = checked.errors
    assert (finding.sheet, finding.cell, finding.column) == (None, None, None)
    assert finding.expected
    return finding


def changed(tmp_path: Path, parts: dict[str, bytes]) -> Path:
    """A sound workbook with some parts replaced or added."""
    sound, made = sheet(tmp_path / "sound.xlsx", "negative", [negative()]), tmp_path / "changed.xlsx"
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in dict.fromkeys([*source.namelist(), *parts]):
            target.writestr(name, parts[name] if name in parts else source.read(name))
    return made


def zipped(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty."),
        (b"NHS/CHI Number,Hospital (Internal) Number\n1,2\n", "The file is plain text, such as CSV, whatever its name says."),
        ("NHS/CHI Number\t2".encode("utf-16"), "The file is plain text, such as CSV, whatever its name says."),
        (b"<html><table><tr><td>1</td></tr></table>", "The file is a web page (HTML)."),
        (
            b"<?xml version='1.0'?><Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'/>",
            "The file is an XML spreadsheet.",
        ),
        (b"<?xml version='1.0'?><a/>", "The file is XML, and not an Excel workbook."),
        (b"%PDF-1.7", "The file is a PDF."),
        (b"\x00\x01\x02\x03", "The file is not an Excel workbook."),
        (b"\x00" * 128 + b"DICM", "The file is a DICOM image; images are sent from PACS."),
    ],
)
def test_other_files_by_their_first_bytes(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    assert refused(path).problem == problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("password.xlsx", "The file is protected with a password."),
        ("old.xls", "The file is an old Excel workbook (.xls)."),
        ("opendocument.ods", "The file is an OpenDocument file (such as .ods)."),
    ],
)
def test_files_that_other_programs_really_wrote(name: str, problem: str) -> None:
    assert refused(DATA / name).problem == problem


def test_a_password_says_where_to_clear_it() -> None:
    assert "Encrypt with Password" in str(refused(DATA / "password.xlsx").expected)


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"notes.txt": b"hello"}, "The file is a zip archive, and not an Excel workbook."),
        ({"[Content_Types].xml": b"<x>wordprocessingml</x>"}, "The file is a Word document."),
        (
            {"[Content_Types].xml": b"<x>application/vnd.ms-excel.sheet.binary.macroEnabled.main</x>"},
            "The file is a binary Excel workbook (.xlsb).",
        ),
        ({"[Content_Types].xml": b"<x>spreadsheetml</x>"}, "The file is damaged: a part of it cannot be unpacked."),
    ],
)
def test_zip_archives_of_something_else(tmp_path: Path, parts: dict[str, bytes], problem: str) -> None:
    assert refused(zipped(tmp_path / "sheet.xlsx", parts)).problem == problem


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).problem == "This is a folder and not a file."


def test_a_missing_file_is_the_commands_matter(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        check(tmp_path / "none.xlsx")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    whole = sheet(tmp_path / "sheet.xlsx", "negative", [negative()]).read_bytes()
    path = tmp_path / "cut.xlsx"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refused(path).problem.startswith("The file is damaged: its end is missing")


@pytest.mark.parametrize("at", range(0, 100, 7))
def test_a_file_with_broken_bytes_is_never_an_exception(tmp_path: Path, at: int) -> None:
    content = bytearray(sheet(tmp_path / "sheet.xlsx", "negative", [negative()]).read_bytes())
    middle = len(content) * at // 100
    content[middle : middle + 16] = bytes(16)
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content)
    checked = check(path)
    assert checked.accepted or not checked.rows


@pytest.mark.parametrize("name", [WORKSHEET, "xl/workbook.xml", "xl/styles.xml", "xl/_rels/workbook.xml.rels"])
def test_a_part_that_is_no_xml(tmp_path: Path, name: str) -> None:
    assert refused(changed(tmp_path, {name: b"<worksheet><sheetData>"})).problem.startswith("The file is damaged")


@pytest.mark.parametrize("name", [WORKSHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "docProps/core.xml"])
def test_entities_never_get_expanded(tmp_path: Path, name: str) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a11;</x>'.encode()
    started = time.monotonic()
    assert not check(changed(tmp_path, {name: bomb})).accepted
    assert time.monotonic() - started < 2


def test_a_zip_bomb_is_refused_quickly(tmp_path: Path) -> None:
    started = time.monotonic()
    problem = refused(changed(tmp_path, {"xl/media/image1.png": bytes(600 * 1024 * 1024)})).problem
    assert problem == "The file is too large: it unpacks to more than 512 MB."
    assert time.monotonic() - started < 20


def test_a_zip_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    path = changed(tmp_path, {"xl/media/image1.png": bytes(64 * 1024 * 1024)})
    content = bytearray(path.read_bytes())
    size = (64 * 1024 * 1024).to_bytes(4, "little")
    while size in content:
        at = content.index(size)
        content[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(content)
    assert refused(path).problem == "The file is damaged: a part of it cannot be unpacked."


def test_too_many_parts(tmp_path: Path) -> None:
    parts = {f"junk/{n}": b"" for n in range(6_000)}
    assert refused(changed(tmp_path, parts)).problem == "The file is too large: it has more than 5,000 parts."


def test_a_million_formatted_empty_rows_are_fine_and_quick(tmp_path: Path) -> None:
    sound = sheet(tmp_path / "sheet.xlsx", "negative", [negative()])
    with zipfile.ZipFile(sound) as source:
        worksheet = source.read(WORKSHEET)
    empty = io.BytesIO()
    for row in range(10, 1_000_000):
        empty.write(b'<row r="%d" s="1" customFormat="1"><c r="A%d" s="0"/></row>' % (row, row))
    path = changed(tmp_path, {WORKSHEET: worksheet.replace(b"</sheetData>", empty.getvalue() + b"</sheetData>")})
    started = time.monotonic()
    checked = check(path)
    assert (checked.accepted, len(checked.rows)) == (True, 1)
    assert time.monotonic() - started < 15


def test_strict_open_xml_is_named(tmp_path: Path) -> None:
    strict = b'<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"/>'
    finding = refused(changed(tmp_path, {"xl/workbook.xml": strict}))
    assert finding.problem == "The file is saved as Strict Open XML Spreadsheet."
    assert finding.expected == SAVE_AS_XLSX


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed on this machine")
@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_a_template_saved_by_libreoffice_is_still_the_template(tmp_path: Path, kind: str) -> None:
    write_template(kind, tmp_path / "template.xlsx")  # type: ignore[arg-type]
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(tmp_path / "saved"),
        str(tmp_path / "template.xlsx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    checked = check(tmp_path / "saved" / "template.xlsx", kind)  # type: ignore[arg-type]
    assert [finding.problem for finding in checked.errors] == ["There are no rows under the headers."]
    assert checked.warnings == ()
