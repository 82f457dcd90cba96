"""A sheet's rows: who they are about, what stops them, and what is only said."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from edge.spreadsheets.findings import Finding
from edge.spreadsheets.rows import Checked, Row
from edge.spreadsheets.spreadsheet import check_workbook
from edge.spreadsheets.workbook import Value
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber
from schemas.records import Kind
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.sheets import NTHV, NUMBERS, PENM, RDGM, TODAY, Writer, book, brief, check, negative, patient, positive, sheet, table

TITLE = "Covid status"
SWAB = "Date of RT-PCR"


def upload(
    tmp_path: Path, *rows: dict[str, Any], kind: Kind = "negative", site: Site = RDGM, writer: Writer = "openpyxl"
) -> Checked:
    return check(sheet(tmp_path / "sheet.xlsx", kind, rows, writer), kind, site)


def finding(cell: str | None, column: str | None, problem: str, expected: str | None) -> Finding:
    return Finding(sheet=TITLE, cell=cell, column=column, problem=problem, expected=expected)


@pytest.mark.parametrize("writer", ["openpyxl", "xlsxwriter"])
def test_a_good_row_is_what_the_sheet_says(tmp_path: Path, writer: Writer) -> None:
    cells = {"Age": 63, "Hospital": "Ridgemoor", "Date of death": "5 June 2020", "PMH CKD": 1.0, "Ferritin": 12.5}
    answer = upload(tmp_path, positive(cells=cells), kind="positive", writer=writer)
    row = Row(
        number=2,
        nhs=NhsNumber(NUMBERS[0], "test"),
        hospital=HospitalNumber("RR12345678"),
        swab_date=dt.date(2020, 5, 12),
        result=None,
        values={
            "Hospital": "Ridgemoor",
            "Age": "63",
            "PMH CKD": "1",
            "Date of Positive Covid Swab": "2020-05-12",
            "Date of death": "2020-06-05",
            "Ferritin": "12.5",
        },
    )
    assert answer == Checked(rows=(row,), errors=(), warnings=())


def test_a_row_prints_its_number_only(tmp_path: Path) -> None:
    assert repr(upload(tmp_path, negative()).rows[0]) == "Row(number=2)"


def test_all_errors_come_at_once_in_the_order_of_the_sheet(tmp_path: Path) -> None:
    answer = upload(
        tmp_path,
        negative(0, {NHS_KEY: "9994621784", SWAB: "05/13/2020"}),
        negative(1, {HOSPITAL_KEY: None, "RT-PCR result": "maybe"}),
        negative(2),
    )
    assert [error.cell for error in answer.errors] == ["A2", "C2", "B3", "D3"]
    assert (answer.accepted, answer.rows) == (False, ())


def test_no_rows(tmp_path: Path) -> None:
    expected = finding(None, None, "There are no rows under the headers.", "one row for each patient")
    assert upload(tmp_path) == Checked(rows=(), errors=(expected,), warnings=())


def test_empty_rows_between_are_skipped(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0), {}, {NHS_KEY: "  "}, negative(1))
    assert ([row.number for row in answer.rows], answer.warnings) == ([2, 5], ())


# --- who -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["999 462 1785", "999-462-1785", 9994621785, 9994621785.0, "9994621785.0", "\u200b9994621785"])
def test_an_nhs_number_however_it_is_written(tmp_path: Path, value: Value) -> None:
    answer = upload(tmp_path, negative(0, {NHS_KEY: value}))
    assert ([row.nhs for row in answer.rows], answer.warnings) == ([NhsNumber(NUMBERS[0], "test")], ())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("9994621784", "the last digit does not fit the others, so one digit is wrong or two are swapped"),
        ("999462178", "the number has fewer than ten digits"),
        ("99946217855", "the number has more than ten digits"),
        ("999462178O", "the number holds something else than digits, spaces and hyphens"),
        ("1111111111", "all ten digits are the same, which is no real number"),
    ],
)
def test_a_malformed_nhs_number(tmp_path: Path, value: Value, words: str) -> None:
    expected = finding("A2", NHS_KEY, f"Not an NHS/CHI number: {words}.", "ten digits, with or without spaces")
    assert upload(tmp_path, negative(0, {NHS_KEY: value})).errors == (expected,)


@pytest.mark.parametrize("value", [None, "N/A", "-"])
def test_a_missing_nhs_number_stops_only_where_pacs_goes_by_it(tmp_path: Path, value: Value) -> None:
    rows = negative(0, {NHS_KEY: value, HOSPITAL_KEY: "RR12345678"})
    assert [(w.cell, w.column) for w in upload(tmp_path, rows).warnings] == [("A2", NHS_KEY)]
    rows[HOSPITAL_KEY] = "X123456"
    assert [(e.cell, e.column) for e in upload(tmp_path, rows, site=NTHV).errors] == [("A2", NHS_KEY)]


@pytest.mark.parametrize("value", [None, ".", "x" * 65, "RR\\1234567", True, dt.date(2020, 5, 12), "#N/A"])
def test_an_unusable_hospital_number_stops_only_where_pacs_goes_by_it(tmp_path: Path, value: Value) -> None:
    answer = upload(tmp_path, negative(0, {HOSPITAL_KEY: value}))
    assert [(e.cell, e.column) for e in answer.errors] == [("B2", HOSPITAL_KEY)]
    answer = upload(tmp_path, negative(0, {HOSPITAL_KEY: value}), site=NTHV)
    assert (answer.accepted, [w.cell for w in answer.warnings], answer.rows[0].hospital) == (True, ["B2"], None)


def test_a_hospital_number_of_another_form_is_a_warning_with_a_suggestion(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0, {HOSPITAL_KEY: 12345678}))
    problem = "The hospital number does not have the form that Radiology uses at this site; images may not be found."
    assert answer.warnings == (finding("B2", HOSPITAL_KEY, problem, "RR followed by 8 digits: put RR in front"),)
    assert answer.rows[0].hospital == HospitalNumber("12345678")


def test_a_lost_zero_is_told(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0, {HOSPITAL_KEY: 123456}), site=PENM)
    assert "Excel drops them" in str(answer.warnings[0].expected)


def test_a_sheet_written_for_another_system_is_one_error(tmp_path: Path) -> None:
    answer = upload(tmp_path, *many(fitting=6, of=10))
    assert answer.errors == (
        finding(
            None,
            HOSPITAL_KEY,
            "Only 6 of 10 hospital numbers have the form that Radiology uses at this site.",
            "RR followed by 8 digits, as Radiology writes them; "
            "this sheet seems to be written for another system, or for another hospital",
        ),
    )
    assert [w for w in answer.warnings if w.column == HOSPITAL_KEY] == []


@pytest.mark.parametrize(("fitting", "of"), [(7, 10), (0, 9)])
def test_enough_that_fit_or_too_few_to_tell(tmp_path: Path, fitting: int, of: int) -> None:
    answer = upload(tmp_path, *many(fitting, of))
    assert (answer.accepted, len([w for w in answer.warnings if w.column == HOSPITAL_KEY])) == (True, of - fitting)


def many(fitting: int, of: int) -> list[dict[str, Any]]:
    return [negative(0, {NHS_KEY: None, HOSPITAL_KEY: f"{'RR' if n < fitting else 'ZZ'}{10000000 + n}"}) for n in range(of)]


# --- the same patient ----------------------------------------------------------------------------------------------------


def test_the_same_row_twice_is_taken_once(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0), negative(1), negative(0, {HOSPITAL_KEY: " rr12345678", NHS_KEY: "999 462 1785"}))
    assert ([row.number for row in answer.rows], brief(answer.warnings)) == (
        [2, 3],
        [("B4", "The same row twice: B2 and B4 are the same patient; the row was taken once.")],
    )


def test_the_same_patient_with_different_rows(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0), negative(0, {"RT-PCR result": 1}))
    assert brief(answer.errors) == [("B3", "The same patient twice, in B2 and in B3, and the two rows differ.")]


def test_at_nhs_sites_the_nhs_number_makes_the_patient(tmp_path: Path) -> None:
    rows = negative(0, {HOSPITAL_KEY: "X123456"}), negative(0, {HOSPITAL_KEY: "X123457"})
    assert [error.cell for error in upload(tmp_path, *rows, site=NTHV).errors] == ["A3"]


def test_one_nhs_number_under_two_hospital_numbers(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0), negative(1, {NHS_KEY: NUMBERS[0]}))
    assert brief(answer.warnings) == [("A3", "The same NHS/CHI number in A2 and in A3, under two different hospital numbers.")]
    assert len(answer.rows) == 2


# --- what else stands in cells -------------------------------------------------------------------------------------------


def test_a_row_without_swab_date_is_taken_with_a_warning(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0, {SWAB: None}), negative(1, {SWAB: "N/A"}))
    assert brief(answer.warnings) == [("C2", "The swab date is missing."), ("C3", "The swab date is missing.")]
    assert "the day of the upload" in str(answer.warnings[0].expected)
    assert [row.swab_date for row in answer.rows] == [None, None]


def test_a_blank_result_is_read_as_negative(tmp_path: Path) -> None:
    answer = upload(tmp_path, negative(0, {"RT-PCR result": None}))
    assert ([row.result for row in answer.rows], brief(answer.warnings)) == (
        [0],
        [("D2", "There is no result; it was read as 0 (negative).")],
    )


def test_a_bare_serial_is_read_in_the_workbooks_own_date_system(tmp_path: Path) -> None:
    made = book(tmp_path / "sheet.xlsx", {TITLE: table("negative", [negative(0, {SWAB: 43962 - 1462})])})
    made.epoch = dt.datetime(1904, 1, 1)  # noqa: DTZ001 - Excel knows no time zones
    made.save(tmp_path / "sheet.xlsx")
    answer = check(tmp_path / "sheet.xlsx")
    assert (answer.errors, [row.swab_date for row in answer.rows]) == ((), [dt.date(2020, 5, 11)])
    assert [(w.cell, "11/05/2020" in w.problem) for w in answer.warnings] == [("C2", True)]


@pytest.mark.parametrize("value", ["#REF!", "#N/A", "#DIV/0!"])
def test_an_error_of_excels(tmp_path: Path, value: str) -> None:
    answer = upload(tmp_path, positive(cells={"Age": value}), kind="positive")
    assert brief(answer.errors) == [("D2", f"The cell shows Excel's error {value}.")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("see 999 545 1018", "an NHS, CHI or H&C number"),
        ("was RR12345678", "a hospital number"),
        ("was 12345678", "a hospital number"),
        ("also RR99999999", "a hospital number"),
        (12345678, "a hospital number"),
        (9995451018, "an NHS, CHI or H&C number"),
        ("SW1A 1AA", "a postcode"),
        ("a.b@example.org", "an e-mail address"),
        ("01632 960123", "a telephone number"),
    ],
)
@pytest.mark.parametrize("key", ["Hospital", "Age", "PMH CKD"])
def test_what_identifies_a_person_elsewhere_is_an_error(tmp_path: Path, key: str, text: Value, words: str) -> None:
    answer = upload(tmp_path, positive(cells={key: text}), kind="positive")
    problem = f"The cell holds something that identifies a person: {words}."
    assert [error.problem for error in answer.errors] == [problem]


def test_an_endless_text_is_refused(tmp_path: Path) -> None:
    answer = upload(tmp_path, positive(cells={"Hospital": "x" * 1001}), kind="positive")
    assert brief(answer.errors) == [("C2", "The text is longer than 1,000 characters.")]


# --- formulas, merged cells, hidden rows ---------------------------------------------------------------------------------


def altered(tmp_path: Path, alter: Callable[[Worksheet], object], *rows: dict[str, Any]) -> Checked:
    path = tmp_path / "sheet.xlsx"
    made: Workbook = book(path, {TITLE: table("negative", rows)})
    alter(made.worksheets[0])
    made.save(path)
    return check(path)


def test_a_formula_with_a_stored_value(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    with xlsxwriter.Workbook(str(path)) as made:
        worksheet = made.add_worksheet(TITLE)
        for number, row in enumerate(table("negative", [negative(0, {SWAB: "12/05/2020"})])):
            worksheet.write_row(number, 0, row)
        worksheet.write_formula("D2", "=1+0", value=1)
        worksheet.write_formula("D3", '=IF(A3="","",0)', value=" ")
    answer = check(path)
    assert ([(row.number, row.result) for row in answer.rows], brief(answer.warnings)) == (
        [(2, 1)],
        [("D2", "The cell holds a formula; the value that Excel stored was read.")],
    )


def test_a_formula_without_a_stored_value(tmp_path: Path) -> None:
    answer = altered(tmp_path, lambda sheet: sheet.__setitem__("D2", "=1+0"), negative(0))
    assert brief(answer.errors) == [("D2", "The cell holds a formula without a stored value.")]
    assert answer.errors[0].column == "RT-PCR result"


def test_merged_cells_in_the_data(tmp_path: Path) -> None:
    answer = altered(tmp_path, lambda sheet: sheet.merge_cells("C2:C3"), negative(0), negative(1))
    assert brief(answer.errors) == [("C2:C3", "These cells are merged.")]


@pytest.mark.parametrize("block", ["A5:B9", "H2:K3", "A1:A1"])
def test_merged_cells_elsewhere(tmp_path: Path, block: str) -> None:
    assert altered(tmp_path, lambda sheet: sheet.merge_cells(block), negative(0), negative(1)).accepted


def test_hidden_rows_are_read_and_named(tmp_path: Path) -> None:
    def hide(sheet: Worksheet) -> None:
        for row in (2, 3, 5, 9):
            sheet.row_dimensions[row].hidden = True

    answer = altered(tmp_path, hide, *(negative(n) for n in range(4)))
    assert (len(answer.rows), brief(answer.warnings)) == (4, [(None, "Hidden rows were read too: 2 to 3, 5.")])


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    rows = [{**patient(), NHS_KEY: None, HOSPITAL_KEY: f"RR{n:08}", SWAB: "12/05/2020", "RT-PCR result": 0} for n in range(1200)]
    path = sheet(tmp_path / "sheet.xlsx", "negative", rows)
    check_workbook(path, RDGM, "negative", TODAY, lambda done, total: told.append((done, total)))
    assert told == [(500, 1200), (1000, 1200), (1200, 1200)]
