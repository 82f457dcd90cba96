"""A site's workbook, each row marked: what is said for each status, and that the site's own work is as it was."""

import datetime as dt
import re
import shutil
import stat
import subprocess
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.cell_range import MultiCellRange
from openpyxl.worksheet.datavalidation import DataValidation

from agents import window
from edge.chasing.book import COLUMNS
from edge.chasing.chase import Asked, ChaseSummary, Known, ask, chase_words, refuse_output, write_marked
from edge.chasing.looks import FLAG_MEANINGS, FLAGS, LABELS, LOOKS, TO_DO, Label
from edge.chasing.marks import years_before
from identity import hospital
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber
from identity.numbers import parse as parse_nhs
from identity.pseudonyms import Pseudonymiser
from monitoring.view import StatusView
from schemas.coverage import (
    Case,
    CaseReconciled,
    CasesReconciled,
    Counts,
    CoverageStatus,
    Data,
    Flag,
    Group,
    Images,
    State,
    StudyFacts,
)
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.rules import default_rules
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.edge_factories import PSEUDONYMISER
from tests.sheets import NTHV, NUMBERS, PENM, RDGM, TODAY, book, negative, positive, sheet, table

NOW = dt.datetime(2020, 6, 1, 9, 0, tzinfo=dt.UTC)
CAME = dt.datetime(2020, 5, 20, 12, 0, tzinfo=dt.UTC)
DEADLINE = CAME + dt.timedelta(days=7)
ONE = Images(xray=Counts(in_window=1))
NOBODY = Known({}, {}, [])


def patient(text: str, site: Site = RDGM) -> str:
    number = hospital.parse(text)
    assert isinstance(number, HospitalNumber)
    return PSEUDONYMISER.patient(site, number)


def match(text: str, site: Site = RDGM) -> str:
    number = hospital.parse(text)
    assert isinstance(number, HospitalNumber)
    return PSEUDONYMISER.match(site, number)


def person(text: str) -> str:
    number = parse_nhs(text)
    assert isinstance(number, NhsNumber)
    return PSEUDONYMISER.person(number)


def status(
    state: State,
    *,
    data: Data = "main",
    group: Group = "positive",
    flags: Sequence[Flag] = (),
    images: Images | None = None,
    number: str = "RR12345678",
    site: Site = RDGM,
) -> CoverageStatus:
    """The status of the first patient of ``tests.sheets``."""
    late = state.endswith("missing")
    return CoverageStatus(
        patient=patient(number, site),
        person=None,
        site=site.code,
        group=group,
        state=state,
        flags=list(flags),
        data=data,
        images=Images() if images is None else images,
        since=DEADLINE if late else CAME,
        deadline=None if state in ("complete", "withdrawn") else DEADLINE,
        updated_at=CAME,
        key_version=1,
    )


def study(
    form: str = "AA99999999", named: str | None = None, day: int = 2, study_date: dt.date | None = dt.date(2020, 5, 1)
) -> StudyFacts:
    came = dt.datetime(2020, 5, day, 12, 0, tzinfo=dt.UTC)
    return StudyFacts(
        first_received_at=came,
        received_at=came,
        event=f"event-{day}",
        person=named,
        form=form,
        study_date=study_date,
        instances={"CT": 120, "DX": 1},
        patient_ids=1,
        settled=True,
    )


def unclaimed(number: str, *studies: StudyFacts, state: State = "awaiting-spreadsheet", site: Site = RDGM) -> CasesReconciled:
    """A case with studies and no row."""
    case = Case(
        patient=patient(number, site), site=site.code, key_version=1, studies={f"2.25.{n}": s for n, s in enumerate(studies)}
    )
    known = CaseReconciled(case=case, status=status(state, data="none", group="unknown", images=ONE, number=number, site=site))
    return CasesReconciled(match=match(number, site), cases=[known])


def known(
    *statuses: CoverageStatus,
    persons: Mapping[str, Sequence[CoverageStatus]] | None = None,
    without_row: Sequence[CasesReconciled] = (),
) -> Known:
    return Known({each.patient: each for each in statuses}, persons or {}, without_row)


def chase(
    path: Path, answer: Known = NOBODY, out: Path | None = None, site: Site = RDGM
) -> tuple[openpyxl.Workbook, ChaseSummary]:
    """The marked workbook, read again."""
    out = out or path.with_name("out.xlsx")
    asked = ask(path, site, PSEUDONYMISER, TODAY)
    summary = write_marked(asked, out, answer, default_rules().at(site.code), NOW, overwrite=True)
    return openpyxl.load_workbook(out, rich_text=True), summary


def marks(marked: openpyxl.Workbook, row: int = 2, header_row: int = 1) -> dict[str, Any]:
    """What stands beside a row."""
    page = marked.worksheets[0]
    headers = [cell.value for cell in page[header_row]]
    return {name: page.cell(row, headers.index(name) + 1).value for name in COLUMNS}


def one(tmp_path: Path, answer: Known = NOBODY, **cells: Any) -> dict[str, Any]:  # noqa: ANN401  # as a cell has it
    """The marks of a main sheet with one patient."""
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive(0, cells)])
    return marks(chase(path, answer)[0])


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_only_pseudonyms_are_asked_for(tmp_path: Path) -> None:
    asked = ask(sheet(tmp_path / "sheet.xlsx", "positive", [positive(0), positive(1)]), RDGM, PSEUDONYMISER, TODAY)
    assert asked.patients == (patient("RR12345678"), patient("RR12345679"))
    assert asked.persons == (person(NUMBERS[0]), person(NUMBERS[1]))
    assert "12345678" not in repr(asked)
    assert NUMBERS[0] not in repr(asked)


def test_where_pacs_goes_by_nhs_numbers_so_does_the_pseudonym(tmp_path: Path) -> None:
    row = positive(0, {HOSPITAL_KEY: "X123456"})
    asked = ask(sheet(tmp_path / "sheet.xlsx", "positive", [row]), NTHV, PSEUDONYMISER, TODAY)
    assert asked.patients == (patient(NUMBERS[0], NTHV),)


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_the_kind_is_told_by_the_headers(tmp_path: Path, kind: Any) -> None:  # noqa: ANN401  # one of two words
    make = positive if kind == "positive" else negative
    assert ask(sheet(tmp_path / "sheet.xlsx", kind, [make()]), RDGM, PSEUDONYMISER, TODAY).sheet.kind == kind


# --- what is said ----------------------------------------------------------------------------------------------------

POSITIVE: list[tuple[CoverageStatus | None, str, str]] = [
    (status("complete", images=ONE), "complete", "Nothing."),
    (
        status("awaiting-images"),
        "images still to come",
        "PACS: send chest X-ray or CT taken on or after 12/05/2017 (3 years before the swab) by 27/05/2020.",
    ),
    (
        status("images-missing"),
        "images overdue since 27/05/2020",
        "PACS: send chest X-ray or CT taken on or after 12/05/2017 (3 years before the swab). It is overdue.",
    ),
    (
        status("awaiting-spreadsheet", data="none"),
        "row to be uploaded",
        'Nurse: upload this sheet under "Upload Covid Data" by 27/05/2020.',
    ),
    (
        status("spreadsheet-missing", data="none"),
        "row overdue since 27/05/2020",
        'Nurse: upload this sheet under "Upload Covid Data". The images are here, and the row is overdue.',
    ),
    (None, "row to be uploaded", 'Nurse: upload this sheet under "Upload Covid Data".'),
    (
        status("complete", data="status", group="negative"),
        "row to be uploaded",
        'Nurse: upload this sheet under "Upload Covid Data".',
    ),
    (
        status("withdrawn", data="none", group="unknown"),
        "withdrawn",
        "Nurse: remove the row; the patient has opted out. PACS: send nothing more.",
    ),
]


@pytest.mark.parametrize(("answer", "state", "to_do"), POSITIVE, ids=[each[1] for each in POSITIVE])
def test_a_row_of_the_main_sheet(tmp_path: Path, answer: CoverageStatus | None, state: str, to_do: str) -> None:
    said = one(tmp_path, known(answer) if answer else NOBODY)
    assert (said["NCCID status"], said["What to do"]) == (state, to_do)


NEGATIVE: list[tuple[CoverageStatus, int, str, str]] = [
    (
        status("awaiting-images", data="status", group="negative"),
        0,
        "images still to come",
        "PACS: send chest X-ray or CT taken between 14/04/2020 and 09/06/2020 (within 28 days of the swab) by 27/05/2020.",
    ),
    (
        status("awaiting-images", data="both"),
        0,
        "images still to come",
        "PACS: send chest X-ray or CT in the window of the patient's row in the main sheet by 27/05/2020.",
    ),
    (
        status("awaiting-spreadsheet", data="status"),
        1,
        "main row still to come",
        'Nurse: the result is positive, so add the patient to the main sheet, under "Upload Covid Data" by 27/05/2020.',
    ),
    (
        status("spreadsheet-missing", data="status"),
        1,
        "main row overdue since 27/05/2020",
        'Nurse: the result is positive, so add the patient to the main sheet, under "Upload Covid Data", now.',
    ),
    (status("complete", data="main"), 0, "row to be uploaded", 'Nurse: upload this sheet under "Upload Covid Status Data".'),
]


@pytest.mark.parametrize(("answer", "result", "state", "to_do"), NEGATIVE, ids=[each[2] for each in NEGATIVE])
def test_a_row_of_the_status_sheet(tmp_path: Path, answer: CoverageStatus, result: int, state: str, to_do: str) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative(0, {"RT-PCR result": result})])
    said = marks(chase(path, known(answer))[0])
    assert (said["NCCID status"], said["What to do"]) == (state, to_do)


@pytest.mark.parametrize(
    ("kind", "window_words"),
    [
        ("positive", "taken from 3 years before the day of the upload on (the swab date is missing)"),
        ("negative", "taken within 28 days of the day of the upload (the swab date is missing)"),
    ],
)
def test_without_a_swab_date(tmp_path: Path, kind: Any, window_words: str) -> None:  # noqa: ANN401  # one of two words
    row = positive(0, {"Date of Positive Covid Swab": None}) if kind == "positive" else negative(0, {"Date of RT-PCR": None})
    answer = status("images-missing", data="main" if kind == "positive" else "status", group=kind)
    said = marks(chase(sheet(tmp_path / "sheet.xlsx", kind, [row]), known(answer))[0])
    assert said["What to do"] == f"PACS: send chest X-ray or CT {window_words}. It is overdue."


def test_days_counts_and_flags(tmp_path: Path) -> None:
    images = Images(xray=Counts(in_window=2, out_of_window=1), mr=Counts(in_window=1), other=Counts(in_window=3, out_of_window=1))
    flags: list[Flag] = ["images-outside-window", "no-nhs-number"]
    said = one(tmp_path, known(status("awaiting-images", images=images, flags=flags)))
    assert said["Since"] == dt.datetime(2020, 5, 20)  # noqa: DTZ001  # a day, as Excel keeps it
    assert said["Deadline"] == dt.datetime(2020, 5, 27)  # noqa: DTZ001
    assert said["Images in window"] == "X-ray 2, CT 0, MR 1, other 3 (2 outside)"
    assert said["Flags"] == "images outside the window; no NHS/CHI number"


def test_the_words_are_complete() -> None:
    labels = get_args(Label)
    assert set(LOOKS) == set(TO_DO) == set(labels)
    assert set(FLAGS) == set(FLAG_MEANINGS) == set(get_args(Flag))
    assert set(LABELS) == set(get_args(State))
    assert not [(a, b) for a in labels for b in labels if a != b and a.startswith(b)]  # colours go by how a status begins


def test_years_are_counted_as_the_centre_counts_them() -> None:
    days = [dt.date(2016, 1, 1) + dt.timedelta(days=n) for n in range(3000)]
    assert [years_before(day, 3) for day in days] == [window.years_before(day, 3) for day in days]


# --- who is it -------------------------------------------------------------------------------------------------------


def comment(marked: openpyxl.Workbook, name: str) -> str | None:
    found = marked.worksheets[0][name].comment
    return found.text if found else None


def test_images_of_the_same_digits_under_another_form(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    answer = known(
        status("awaiting-images", flags=["probable-id-mismatch"]), without_row=[unclaimed("12345678", study("99999999"))]
    )
    marked, _ = chase(path, answer)
    first = "Nurse: check the hospital number with Radiology first: images came under 99999999, and the row has AA99999999."
    assert marks(marked)["What to do"].startswith(f"{first} PACS: send")
    assert comment(marked, "B2") == (
        "NCCID: Probably the same patient under another number. Images came under 99999999; this row has AA99999999."
    )
    assert "images came that are probably theirs" in words(marked, "NCCID summary")
    assert "perhaps row 2: the same digits, there written as AA99999999" in words(marked, "Studies without a row")


def test_images_under_the_nhs_number(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    stranger = unclaimed(NUMBERS[0], study("9999999999", person(NUMBERS[0])))
    marked, _ = chase(path, known(status("awaiting-images", flags=["probable-id-mismatch"]), without_row=[stranger]))
    assert "images came under 9999999999" in marks(marked)["What to do"]
    assert "perhaps row 2: the same NHS/CHI number" in words(marked, "Studies without a row")


def test_a_mismatch_is_seen_before_the_row_is_uploaded(tmp_path: Path) -> None:
    said = one(tmp_path, known(without_row=[unclaimed("12345678", study("99999999"))]))
    assert said["NCCID status"] == "row to be uploaded"
    assert "images came under 99999999" in said["What to do"]


def test_a_patient_who_is_known_under_another_number_of_the_site(tmp_path: Path) -> None:
    other, elsewhere = status("complete", number="RR99900001"), status("complete", number="9990001", site=PENM)
    said = one(tmp_path, known(persons={person(NUMBERS[0]): [other, elsewhere]}))
    first = "Nurse: the same NHS/CHI number is known here under another hospital number (complete); check which is right."
    assert said["What to do"].startswith(first)
    alone = one(tmp_path, known(persons={person(NUMBERS[0]): [elsewhere]}))
    assert "another" not in alone["What to do"]  # what another hospital has is not told


def test_comments_on_the_hospital_number(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive(0, {NHS_KEY: None}), positive(1)])
    marked, _ = chase(path, known(status("complete", flags=["no-nhs-number"]), status("complete", number="RR12345679")))
    assert comment(marked, "B2") == (
        "NCCID: There is no NHS/CHI number: the row is taken, but cannot be linked beyond this hospital."
    )
    assert comment(marked, "B3") is None


# --- rows and sheets that could not be uploaded ----------------------------------------------------------------------


def test_a_row_with_an_error_is_marked_and_the_others_are_told(tmp_path: Path) -> None:
    rows = [positive(0, {HOSPITAL_KEY: None, "Date of Positive Covid Swab": "31/31/2020"}), positive(1), positive(2)]
    path = sheet(tmp_path / "sheet.xlsx", "positive", rows)
    marked, summary = chase(path, known(status("complete", number="RR12345679")))
    said = [marks(marked, row) for row in (2, 3, 4)]
    assert said[0]["NCCID status"] == (
        "not uploaded: B2: The hospital number is missing; the images of this site are found by it. And 1 more."
    )
    assert said[0]["What to do"].startswith("Nurse: correct B2 (RR followed by 8 digits); ")
    assert said[0]["What to do"].endswith('. Then upload the sheet again under "Upload Covid Data".')
    assert said[1]["NCCID status"] == "complete"
    assert said[2]["What to do"] == (
        'Nurse: correct the errors of this sheet (see the summary), then upload this sheet under "Upload Covid Data".'
    )
    assert summary.labels == {"not uploaded": 1, "complete": 1, "row to be uploaded": 1}


def test_what_is_known_of_an_earlier_version_of_a_row_is_said_too(tmp_path: Path) -> None:
    said = one(tmp_path, known(status("images-missing")), **{NHS_KEY: "999 462 1784"})
    assert said["NCCID status"].startswith("not uploaded: A2: Not an NHS/CHI number")
    assert said["NCCID status"].endswith("An earlier version is known: images overdue.")
    assert said["Images in window"] == "X-ray 0, CT 0, MR 0"


def test_errors_of_the_sheet_as_a_whole_stand_in_the_summary(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    lines = table("negative", [negative()])
    lines[0].append("My notes")
    book(path, {"Covid status": lines})
    marked, summary = chase(path, known(status("complete", data="status", group="negative")))
    assert summary.sheet_errors == 1
    assert 'The column "My notes" is not in the template.' in words(marked, "NCCID summary")
    assert "would be refused" in chase_words(summary, path)
    assert marks(marked)["NCCID status"] == "complete"


def test_a_sheet_without_rows(tmp_path: Path) -> None:
    marked, summary = chase(sheet(tmp_path / "sheet.xlsx", "positive", []))
    assert summary.rows == 0
    assert "There are no rows under the headers." in words(marked, "NCCID summary")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a workbook", "What to do:"), (b"", "The file is empty."), (b"PK\3\4 cut off", "damaged")],
)
def test_a_file_that_is_no_workbook_is_refused_with_what_to_do(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    with pytest.raises(WorkFailedError, match=words):
        ask(path, RDGM, PSEUDONYMISER, TODAY)


def test_a_workbook_without_patients_is_refused(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"Sheet": [["Name"], ["x"]]})
    with pytest.raises(WorkFailedError, match="No worksheet has the headers of a patient sheet"):
        ask(tmp_path / "sheet.xlsx", RDGM, PSEUDONYMISER, TODAY)


def test_a_sheet_that_would_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.chasing.chase.MOST_CELLS", 10)
    with pytest.raises(WorkFailedError, match="more than 10 filled cells"):
        ask(sheet(tmp_path / "sheet.xlsx", "positive", [positive()]), RDGM, PSEUDONYMISER, TODAY)


def test_a_workbook_that_cannot_be_written_back_is_told_without_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, path = asked_and_path(tmp_path)

    def broken(*_: object, **__: object) -> None:
        raise ValueError("RR12345678")

    monkeypatch.setattr("openpyxl.load_workbook", broken)
    with pytest.raises(WorkFailedError, match="cannot be written back") as raised:
        write(asked, tmp_path / "out.xlsx")
    assert "RR12345678" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [path]


def test_merged_cells_in_the_data_are_an_error_of_each_row_of_theirs(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    made = book(path, {"Covid status": table("negative", [negative(0), negative(1), negative(2)])})
    made.worksheets[0].merge_cells("B2:B3")
    made.save(path)
    flagged = status("complete", data="status", group="negative", flags=["no-nhs-number"])
    marked, summary = chase(path, known(flagged))
    assert marks(marked, 2)["NCCID status"].startswith("not uploaded: B2:B3: These cells are merged.")
    assert marks(marked, 3)["NCCID status"].startswith("not uploaded: B2:B3: ")
    assert summary.labels["not uploaded"] == 2


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UnusableInputError, match=r"sheet\.xlsx: .*no such file|sheet\.xlsx: .*No such file"):
        ask(tmp_path / "sheet.xlsx", RDGM, PSEUDONYMISER, TODAY)


# --- the site's own work ---------------------------------------------------------------------------------------------


@pytest.fixture
def own_work(tmp_path: Path) -> Path:
    """A sheet that somebody has worked on: title rows, formats, formulas, comments, a filter, hidden columns, a second sheet."""
    path = tmp_path / "own.xlsx"
    lines = [["Ridgemoor, COVID"], [], *table("negative", [negative(0), negative(1), negative(2)])]
    made = book(path, {"Our patients": lines, "Notes": [["keep me", "=1+1"]]})
    page = made.worksheets[0]
    page.merge_cells("A1:H1")
    page["A1"].font = Font(name="Arial", b=True, sz=16)
    for row in page["A4:D6"]:
        row[0].number_format, row[1].number_format, row[2].number_format = "@", "@", "dd-mmm-yy"
        row[1].font, row[1].alignment = Font(name="Arial", i=True, color="FF112233"), Alignment(horizontal="center")
        row[2].fill, row[2].border = PatternFill("solid", fgColor="FFABCDEF"), Border(top=Side("thick"))
    page["D4"] = "=IF(1=1,0,1)"
    page["B5"].comment = Comment("ask Jo about this one", "Ward 3", width=200, height=80)
    page["C6"] = "12/05/2020"
    page.conditional_formatting.add("D4:D6", Rule(type="expression", formula=["$D4=1"]))
    rule = DataValidation("list", formula1='"0,1"')
    rule.add("D4:D6")
    page.add_data_validation(rule)
    page.auto_filter.ref = "A3:D6"
    page.row_dimensions[5].hidden = True
    page.column_dimensions["A"].width = 33
    page.column_dimensions["E"].hidden = True
    page.column_dimensions["E"].min, page.column_dimensions["E"].max = 5, 16384  # all that is not used, as people do
    made.save(path)
    store(path, "IF(1=1,0,1)", "0")
    return path


def store(path: Path, formula: str, value: str) -> None:
    """Writes what a formula comes to, as Excel does and openpyxl cannot."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet_part = "xl/worksheets/sheet1.xml"
    before = parts[sheet_part]
    parts[sheet_part] = re.sub(
        rb"(<f>" + re.escape(formula.encode()) + rb"</f>)<v ?/>", rb"\1<v>" + value.encode() + b"</v>", before
    )
    assert parts[sheet_part] != before
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def cells(page: Any) -> dict[str, tuple[object, ...]]:  # noqa: ANN401  # a worksheet
    """Everything that openpyxl tells of the cells of the data."""
    return {
        cell.coordinate: (cell.value, cell.number_format, *map(repr, (cell.font, cell.fill, cell.border, cell.alignment)))
        for row in page["A1:D6"]
        for cell in row
    }


def test_the_sites_own_work_is_as_it_was(own_work: Path) -> None:
    before_bytes = own_work.read_bytes()
    before = openpyxl.load_workbook(own_work)
    marked, _ = chase(own_work, known(status("complete", data="status", group="negative", flags=["no-nhs-number"])))
    assert own_work.read_bytes() == before_bytes
    assert marked.sheetnames == ["Our patients", "Notes", "NCCID summary", "Studies without a row"]
    was, now = before.worksheets[0], marked.worksheets[0]
    assert cells(now) == cells(was)
    assert now["D4"].value == "=IF(1=1,0,1)"
    assert marked["Notes"]["B1"].value == "=1+1"
    assert comment(marked, "B5") == "ask Jo about this one"
    assert [str(block) for block in now.merged_cells.ranges] == ["A1:H1"]
    assert [rule.formula1 for rule in now.data_validations.dataValidation] == ['"0,1"']
    assert next(iter(now.conditional_formatting)).sqref == MultiCellRange("D4:D6")
    assert now.row_dimensions[5].hidden
    assert now.column_dimensions["A"].width == 33
    assert now.auto_filter.ref == "A3:J6"


def test_the_marks_stand_to_the_right_and_can_be_seen(own_work: Path) -> None:
    marked, _ = chase(own_work, known(status("complete", data="status", group="negative")))
    page = marked.worksheets[0]
    assert [cell.value for cell in page[3]][4:10] == list(COLUMNS)
    assert marks(marked, 5, header_row=3)["NCCID status"] == "row to be uploaded"
    blocks = {key: (block.min or 0, block.max or 0, block.hidden) for key, block in page.column_dimensions.items()}
    assert not [block for block in blocks.values() if block[2] and block[0] <= 10 and block[1] >= 5]
    assert blocks["K"] == (11, 16384, True)


def test_our_comment_stands_below_the_sites_own(own_work: Path) -> None:
    answer = known(status("complete", data="status", group="negative", flags=["no-nhs-number"], number="RR12345679"))
    text = comment(chase(own_work, answer)[0], "B5")
    assert text is not None
    assert text.startswith("ask Jo about this one\n\nNCCID: There is no NHS/CHI number")


def test_a_row_has_its_colour_and_the_text_says_the_same(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative(0), negative(1)])
    marked, _ = chase(path, known(status("complete", data="status", group="negative")))
    page = marked.worksheets[0]
    assert page["E2"].fill.fgColor.rgb == LOOKS["complete"].colour
    assert page["E3"].fill.fgColor.rgb == LOOKS["row to be uploaded"].colour
    (block,) = page.conditional_formatting
    assert str(block.sqref) == "A2:D3"
    assert {rule.formula[0]: rule.dxf.fill.bgColor.rgb for rule in block.rules} == {
        f'LEFT($E2,{len(label)})="{label}"': look.colour for label, look in LOOKS.items()
    }


def test_a_chase_list_can_be_chased_again(own_work: Path) -> None:
    first, _ = chase(own_work, known(status("complete", data="status", group="negative", flags=["no-nhs-number"])))
    again_from = own_work.with_name("out.xlsx")
    again, _ = chase(again_from, NOBODY, own_work.with_name("again.xlsx"))
    assert again.sheetnames == first.sheetnames
    assert [cell.value for cell in again.worksheets[0][3]] == [cell.value for cell in first.worksheets[0][3]]
    assert marks(again, 6, header_row=3)["NCCID status"] == "row to be uploaded"
    assert comment(again, "B4") is None
    assert comment(again, "B5") == "ask Jo about this one"
    rules = [rule for block in again.worksheets[0].conditional_formatting for rule in block.rules]
    assert len(rules) == 1 + len(LOOKS)


def test_text_of_ours_is_never_a_formula(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative()])
    strange = unclaimed("=1+1", study("=9+9"))
    marked, _ = chase(path, known(without_row=[strange]))
    assert marked["Studies without a row"]["F6"].data_type == "s"


# --- the summary and the studies -------------------------------------------------------------------------------------


def words(marked: openpyxl.Workbook, title: str) -> str:
    """All that a sheet says."""
    return "\n".join(str(value) for row in marked[title].iter_rows(values_only=True) for value in row if value is not None)


def test_the_summary_says_how_it_stands_and_what_to_do_first(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive(0), positive(1), positive(2), positive(3)])
    statuses = [status("images-missing", number=f"RR{12345678 + index}") for index in (0, 1, 3)]
    marked, summary = chase(path, known(*statuses, status("complete", number="RR12345680")))
    page = marked["NCCID summary"]
    lines = {str(row[0]): row[1:4] for row in page.iter_rows(values_only=True) if row[0]}
    assert lines["Site"][1] == "Ridgemoor Royal NHS Foundation Trust (RDGM)"
    assert lines["Made"][1] == "01/06/2020 09:00 UTC; all days here are UTC"
    assert (lines["images overdue"][0], lines["complete"][0], lines["withdrawn"][0]) == (3, 1, 0)
    assert lines["1. PACS"] == (3, "Send the images of these patients now.", "2 to 3, 5")
    assert "2. PACS" not in lines
    assert chase_words(summary, Path("out.xlsx")).splitlines()[:2] == ["     3  images overdue", "     1  complete"]


def test_studies_without_a_row_are_listed_without_a_number(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    late = unclaimed("RR99900001", study(day=1), study(day=9, study_date=None), state="spreadsheet-missing")
    mine = unclaimed("RR12345678", study(day=5))
    marked, summary = chase(path, known(status("awaiting-spreadsheet", data="none"), without_row=[mine, late]))
    listed = list(marked["Studies without a row"].iter_rows(min_row=6, values_only=True))
    received = [dt.datetime(2020, 5, day, 12, 0) for day in (1, 5, 9)]  # noqa: DTZ001  # as Excel keeps it
    first = dt.datetime(2020, 5, 1)  # noqa: DTZ001
    assert listed == [
        (first, "CT, DX", 121, received[0], "overdue", "AA99999999", "not in this sheet"),
        (first, "CT, DX", 121, received[1], "in time", "AA99999999", "row 2, which is not uploaded yet"),
        ("no date", "CT, DX", 121, received[2], "overdue", "AA99999999", "not in this sheet"),
    ]
    assert summary.studies_without_row == 3
    said = words(marked, "NCCID summary") + words(marked, "Studies without a row")
    assert not [secret for secret in ("12345678", "99900001", NUMBERS[0], "Covid2", "2.25.") if secret in said]
    assert "Nurse and PACS, 2 studies" in said


def test_the_view_tells_the_studies_of_a_site_that_have_no_row() -> None:
    view = StatusView()
    here, there = unclaimed("RR99900001", study()), unclaimed("9990001", study(), site=PENM)
    with_row = unclaimed("RR99900002", study())
    (known_case,) = with_row.cases
    rowed = CaseReconciled(case=known_case.case, status=status("complete", images=ONE, number="RR99900002"))
    nothing = CaseReconciled(case=Case(patient="CovidX", site="RDGM", key_version=1), status=None)
    for cases in (here, there, CasesReconciled(match=with_row.match, cases=[rowed, nothing])):
        view.apply(cases)
    assert list(view.studies_without_row("RDGM")) == [here]
    assert list(view.studies_without_row("PENM")) == [there]
    both = CasesReconciled(match=here.match, cases=[rowed, *here.cases])
    view.apply(both)
    assert list(view.studies_without_row("RDGM")) == [here]


# --- the file --------------------------------------------------------------------------------------------------------


def asked_and_path(tmp_path: Path) -> tuple[Asked, Path]:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    return ask(path, RDGM, PSEUDONYMISER, TODAY), path


def write(asked: Asked, out: Path, *, overwrite: bool = False) -> None:
    write_marked(asked, out, NOBODY, default_rules().at("RDGM"), NOW, overwrite=overwrite)


def test_it_is_for_its_owner_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    asked, path = asked_and_path(tmp_path)
    write(asked, tmp_path / "out.xlsx")
    assert stat.S_IMODE((tmp_path / "out.xlsx").stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [tmp_path / "out.xlsx", path]


def test_what_is_there_is_overwritten_only_when_told(tmp_path: Path) -> None:
    asked, _ = asked_and_path(tmp_path)
    out = tmp_path / "out.xlsx"
    out.write_bytes(b"mine")
    out.chmod(0o644)
    with pytest.raises(UnusableInputError, match=r"there already.*--force"):
        write(asked, out)
    assert out.read_bytes() == b"mine"
    write(asked, out, overwrite=True)
    assert openpyxl.load_workbook(out).sheetnames[-1] == "Studies without a row"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["itself", "symlink", "hard link"])
def test_the_sheet_itself_is_never_overwritten(tmp_path: Path, kind: str) -> None:
    _, path = asked_and_path(tmp_path)
    out = path if kind == "itself" else tmp_path / "out.xlsx"
    if kind == "symlink":
        out.symlink_to(path)
    elif kind == "hard link":
        out.hardlink_to(path)
    with pytest.raises(UnusableInputError, match="the sheet itself"):
        refuse_output(path, out, overwrite=True)


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    asked, _ = asked_and_path(tmp_path)
    with pytest.raises(UnusableInputError, match="there is no folder"):
        write(asked, tmp_path / "nowhere" / "out.xlsx")


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, path = asked_and_path(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("openpyxl.Workbook.save", full)
    with pytest.raises(UnusableInputError, match=r"out\.xlsx cannot be written: No space left on device"):
        write(asked, tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_changed_meanwhile_is_not_marked(tmp_path: Path) -> None:
    asked, path = asked_and_path(tmp_path)
    sheet(path, "positive", [positive(1), positive(0)])
    with pytest.raises(WorkFailedError, match="was changed while it was read"):
        write(asked, tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == [path]


def test_two_thousand_rows_in_seconds(tmp_path: Path) -> None:
    rows = [positive(0, {NHS_KEY: None, HOSPITAL_KEY: f"RR999{index:05d}", "Sex": 1, "Age": 50}) for index in range(2000)]
    path = sheet(tmp_path / "sheet.xlsx", "positive", rows)
    statuses = [status("images-missing", number=f"RR999{index:05d}") for index in range(2000)]
    began = time.monotonic()
    _, summary = chase(path, known(*statuses))
    assert summary.labels["images overdue"] == 2000
    assert time.monotonic() - began < 20  # about 3 seconds on one free core


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_it_and_saves_the_same(own_work: Path, tmp_path: Path) -> None:
    stranger = unclaimed("12345679", study("99999999"))
    answer = known(status("complete", data="status", group="negative", flags=["no-nhs-number"]), without_row=[stranger])
    marked, _ = chase(own_work, answer)
    (tmp_path / "saved").mkdir()
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path / "saved")]
    subprocess.run([*command, str(own_work.with_name("out.xlsx"))], check=True, capture_output=True, timeout=180)
    saved = openpyxl.load_workbook(tmp_path / "saved" / "out.xlsx")
    assert saved.sheetnames == marked.sheetnames
    for title in marked.sheetnames[2:]:
        assert words(saved, title) == words(marked, title)
    for row in (4, 5, 6):
        assert marks(saved, row, header_row=3) == marks(marked, row, header_row=3)
    assert saved.worksheets[0]["E4"].fill.fgColor.rgb == LOOKS["complete"].colour
    assert "There is no NHS/CHI number" in str(comment(saved, "B4"))
    assert str(saved.worksheets[0]["D4"].value).startswith("=IF(")
    computed = openpyxl.load_workbook(tmp_path / "saved" / "out.xlsx", data_only=True)
    assert computed.worksheets[0]["D4"].value == 0


def test_no_pseudonym_and_no_key_is_in_the_file(tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    answer = known(status("awaiting-images"), without_row=[unclaimed("12345678", study("99999999", person(NUMBERS[0])))])
    marked, _ = chase(path, answer)
    said = "\n".join(words(marked, title) for title in marked.sheetnames)
    pseudonyms = (patient("RR12345678"), patient("12345678"), person(NUMBERS[0]), match("12345678"))
    assert not [each for each in pseudonyms if each in said]


def test_other_keys_ask_for_other_pseudonyms(tmp_path: Path) -> None:
    from tests.factories import OTHER_KEYRING

    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    other = ask(path, RDGM, Pseudonymiser(OTHER_KEYRING), TODAY)
    assert set(other.patients).isdisjoint(ask(path, RDGM, PSEUDONYMISER, TODAY).patients)
