"""The empty template: exact headers, cells that keep zeros, nothing half written."""

from pathlib import Path

import openpyxl
import pytest

from edge.spreadsheets.template import GUIDANCE, hint, write_template
from schemas.records import Kind
from schemas.templates import template
from tests.sheets import brief, check, headers, negative, positive

KINDS: tuple[Kind, ...] = ("positive", "negative")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def test_the_template_as_it_is_has_no_rows(tmp_path: Path, kind: Kind) -> None:
    write_template(kind, tmp_path / "template.xlsx")
    answer = check(tmp_path / "template.xlsx", kind)
    assert (brief(answer.errors), answer.warnings) == ([(None, "There are no rows under the headers.")], ())


def test_filled_in_it_is_accepted(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "template.xlsx"
    write_template(kind, path)
    book = openpyxl.load_workbook(path)
    row = negative() if kind == "negative" else positive()
    for column in template(kind).columns:
        book.worksheets[0].cell(2, column.position, row.get(column.key))
    book.save(path)
    answer = check(path, kind)
    assert (len(answer.rows), answer.errors, answer.warnings) == (1, (), ())


def test_what_it_looks_like(tmp_path: Path, kind: Kind) -> None:
    write_template(kind, tmp_path / "template.xlsx")
    book = openpyxl.load_workbook(tmp_path / "template.xlsx")
    assert book.sheetnames == [template(kind).sheet, GUIDANCE]
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == headers(kind)
    assert sheet.freeze_panes == "C2"
    assert [sheet.column_dimensions[letter].number_format for letter in "AB"] == ["@", "@"]
    rules = {str(rule.sqref).split("2")[0]: rule for rule in sheet.data_validations.dataValidation}
    assert len(rules) == len(template(kind).columns)
    assert {rule.errorStyle for rule in rules.values()} == {"warning"}
    assert all(len(rule.prompt or "") <= 255 and len(rule.promptTitle or "") <= 32 for rule in rules.values())
    assert all(len(rule.formula1 or "") <= 255 for rule in rules.values())


def test_hints() -> None:
    hints = {column.key: hint(column) for column in template("positive").columns}
    assert hints["Age"] == "A number, in years, usually from 12 to 109."
    assert hints["Sex"] == "0 = Female; 1 = Male"
    assert hints["Systolic BP"] == "A whole number, in mmHg."
    assert hints["Date of death"] == "A date as DD/MM/YYYY."


def test_it_is_not_written_over_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_template("negative", path)
    assert path.read_bytes() == b"mine"
    write_template("negative", path, overwrite=True)
    assert not check(path).rows
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(openpyxl.Workbook, "save", full)
    with pytest.raises(OSError, match="no space"):
        write_template("negative", tmp_path / "template.xlsx")
    assert list(tmp_path.iterdir()) == []
