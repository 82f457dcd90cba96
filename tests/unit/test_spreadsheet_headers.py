"""Which worksheet, which row, which column: by name, never by place, and everything that is wrong at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.spreadsheets.findings import Finding
from edge.spreadsheets.rows import Checked
from schemas.records import Kind
from schemas.templates import HOSPITAL_KEY, NHS_KEY, template
from tests.sheets import book, brief, check, headers, negative, positive, sheet, table

Table = list[list[Any]]
NEWEST = "use the newest template, without columns added or taken away"


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Checked]:
    def check_table(rows: Table, kind: Kind = "negative") -> Checked:
        book(tmp_path / "sheet.xlsx", {"Patients": rows})
        return check(tmp_path / "sheet.xlsx", kind)

    return check_table


Check = Callable[..., Checked]


def status() -> Table:
    return table("negative", [negative()])


def main() -> Table:
    return table("positive", [positive()])


def test_columns_stand_in_any_order_under_a_title(checked: Check) -> None:
    rows = [["NCCID"], [None], *([*row[::-1]] for row in status())]
    assert [row.number for row in checked(rows).rows] == [4]


@pytest.mark.parametrize("title_rows", [0, 9])
def test_the_header_row_is_among_the_first_ten(checked: Check, title_rows: int) -> None:
    assert checked([["a title"]] * title_rows + status()).accepted


def test_in_the_eleventh_row_it_is_not_found(checked: Check) -> None:
    answer = checked([["a title"]] * 10 + status())
    assert brief(answer.errors) == [(None, "No worksheet has the headers of a patient sheet.")]


def test_headers_are_compared_without_case_spaces_and_legend(checked: Check) -> None:
    rows = status()
    rows[0] = ["nhs/chi  number ", "HOSPITAL (INTERNAL) NUMBER", "date of rt-pcr", "RT-PCR Result (1 = positive)"]
    answer = checked(rows)
    assert (answer.accepted, answer.warnings) == (True, ())


def test_an_identifier_header_that_is_nearly_right(checked: Check) -> None:
    rows = status()
    rows[0][1] = "Hospital Number"
    assert checked(rows).errors == (
        Finding(
            sheet="Patients",
            cell="B1",
            column=HOSPITAL_KEY,
            problem=f'This header should be "{HOSPITAL_KEY}".',
            expected=f'the header "{HOSPITAL_KEY}" in row 1, as in the template',
        ),
    )


def test_all_missing_columns_are_named_at_once(checked: Check) -> None:
    rows = [[cell for at, cell in enumerate(row) if at not in (3, 7, 59)] for row in main()]
    answer = checked(rows, "positive")
    assert [(finding.column, finding.problem) for finding in answer.errors] == [
        (key, "This column is missing.") for key in ("Age", "PMH hypertension", "Death")
    ]


def test_an_added_column_is_named_with_its_cell(checked: Check) -> None:
    rows = status()
    rows[0].append("Comments")
    assert checked(rows).errors == (
        Finding(
            sheet="Patients",
            cell="E1",
            column="Comments",
            problem='The column "Comments" is not in the template.',
            expected=f"remove it; {NEWEST}",
        ),
    )


def test_a_slip_in_a_header_suggests_what_was_meant(checked: Check) -> None:
    rows = main()
    rows[0][11] = "PMH CDK (No = 0, Yes = 1, Unknown = 2)"
    answer = checked(rows, "positive")
    assert [finding.expected for finding in answer.errors if finding.cell == "L1"] == [
        'perhaps "PMH CKD (No = 0, Yes = 1, Unknown = 2)" was meant'
    ]


@pytest.mark.parametrize("header", ["PMH diabetes mellitus TYPE I", "O2 saturation (%)"])
def test_a_retired_column_is_told_from_an_added_one(checked: Check, header: str) -> None:
    rows = main()
    rows[0].append(header)
    assert brief(checked(rows, "positive").errors) == [("BI1", f'The column "{header}" is no longer collected.')]


def test_ferritin_2_is_seen_as_a_duplicate(checked: Check) -> None:
    rows = main()
    rows[0].append("Ferritin_2")
    answer = checked(rows, "positive")
    assert brief(answer.errors) == [("BI1", 'The column "Ferritin_2" looks like "Ferritin" a second time.')]


def test_the_same_column_twice_names_both_cells(checked: Check) -> None:
    rows = [[*row, row[2]] for row in status()]
    assert brief(checked(rows).errors) == [("E1", "This column stands twice: in C1 and in E1.")]


def test_an_alias_is_taken_with_a_warning(checked: Check) -> None:
    rows = main()
    rows[0][29], rows[1][29] = "Duration of symptoms at admission", 4
    answer = checked(rows, "positive")
    assert brief(answer.warnings) == [("AD1", 'This is another name of the column "Duration of symptoms"; it was read as that.')]
    assert answer.rows[0].values["Duration of symptoms"] == "4"


@pytest.mark.parametrize(("own", "alias", "value"), [(21, 35, "21"), (None, 35, "35")])
def test_an_alias_beside_its_column_fills_the_gaps(checked: Check, own: int | None, alias: int, value: str) -> None:
    rows = main()
    rows[0].append("Any supplemental oxygen: FiO2")
    rows[1][32] = own
    rows[1].append(alias)
    answer = checked(rows, "positive")
    assert [finding.cell for finding in answer.warnings] == ["BI1"]
    assert answer.rows[0].values["FiO2"] == value


def test_a_column_without_header_but_with_data(checked: Check) -> None:
    rows = [*status(), *table("negative", [negative(1)])[1:]]
    rows[1] += [None, "more"]
    rows[2] += [None, "and more"]
    assert brief(checked(rows).errors) == [("F2", "There is something in this column, but the column has no header.")]


def test_empty_columns_to_the_right_are_fine(checked: Check) -> None:
    assert checked([[*row, None, " ", ""] for row in status()]).accepted


@pytest.mark.parametrize(("kind", "rows"), [("positive", status()), ("negative", main())])
def test_the_wrong_sheet_is_one_error_that_names_the_section(checked: Check, kind: Kind, rows: Table) -> None:
    section = template("negative" if kind == "positive" else "positive").section
    (finding,) = checked(rows, kind).errors
    assert finding.expected == f'upload it under "{section}"'
    assert f'it was uploaded under "{template(kind).section}"' in finding.problem


def test_identifier_headers_alone_miss_the_other_columns(checked: Check) -> None:
    answer = checked([row[:2] for row in status()])
    assert [finding.column for finding in answer.errors] == ["Date of RT-PCR", "RT-PCR result"]


def test_an_identifier_in_the_place_of_a_header_is_not_repeated(checked: Check) -> None:
    rows = status()
    rows[0] += ["999 462 1785", "RR12345678"]
    answer = checked(rows)
    assert brief(answer.errors) == [
        ("E1", "A column with this header is not in the template."),
        ("F1", "A column with this header is not in the template."),
    ]
    assert [finding.column for finding in answer.errors] == [None, None]


def test_several_worksheets_with_patients(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"May": status(), "June": status(), "Notes": [["hello"]]})
    (finding,) = check(tmp_path / "sheet.xlsx").errors
    assert finding.problem == 'Several worksheets have the headers of a patient sheet: "May", "June".'


def test_a_hidden_worksheet_is_left_out_with_a_warning(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"May": status(), "Old": status(), "Empty": []}, hidden=["Old", "Empty"])
    answer = check(tmp_path / "sheet.xlsx")
    assert (answer.accepted, len(answer.rows)) == (True, 1)
    assert [(finding.sheet, finding.problem) for finding in answer.warnings] == [
        ("Old", "This worksheet is hidden; it was not read.")
    ]


def test_only_a_hidden_worksheet_has_patients(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"Front": [["hello"]], "Patients": status()}, hidden=["Patients"])
    (finding,) = check(tmp_path / "sheet.xlsx").errors
    assert (finding.sheet, finding.problem) == ("Patients", "The only worksheet with patients is hidden.")


def test_a_worksheet_named_after_a_patient_is_called_by_its_place(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"Notes": [], "RR12345678": table("negative", [])})
    (finding,) = check(tmp_path / "sheet.xlsx").errors
    assert (finding.sheet, finding.problem) == ("worksheet 2", "There are no rows under the headers.")


def test_too_many_columns(tmp_path: Path) -> None:
    rows = status()
    rows[0] += [None] * 600 + ["x"]
    book(tmp_path / "sheet.xlsx", {"Patients": rows})
    assert brief(check(tmp_path / "sheet.xlsx").errors) == [
        (None, "The worksheet has 605 columns; at most 500 can be read at once.")
    ]


def test_too_many_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.spreadsheets.spreadsheet.MOST_ROWS", 2)
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative(0), negative(1)])
    assert brief(check(path).errors) == [(None, "The worksheet has 3 rows; at most 2 can be read at once.")]


def test_the_headers_of_the_templates_are_all_known(tmp_path: Path) -> None:
    for kind in ("positive", "negative"):
        assert headers(kind)[:2] == [NHS_KEY, HOSPITAL_KEY]
        answer = check(sheet(tmp_path / f"{kind}.xlsx", kind, [positive() if kind == "positive" else negative()]), kind)
        assert (answer.errors, answer.warnings) == ((), ())
