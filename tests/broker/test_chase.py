"""``nccid chase`` on a set-up that runs: the site's own workbook comes back, each row marked; and how it refuses."""

import stat
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.broker.setups import Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import positive, sheet

ANN, BOB, CAT = "RR99900001", "RR99900002", "RR99900003"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A set-up that runs: Ann is complete, Bob has no images, of Cat there are images under another form of her number."""
    with installed(tmp_path_factory.mktemp("chase")) as installation:
        installation.up()
        rows = [positive(index, {HOSPITAL_KEY: number}) for index, number in enumerate((ANN, BOB, CAT))]
        sheet(installation.root / "sheet.xlsx", "positive", rows)
        installation.deliver("RDGM", "positive", installation.root / "sheet.xlsx")
        for uid, number in (("1.2.3.1", ANN), ("1.2.3.2", CAT.removeprefix("RR"))):
            film = installation.root / f"{uid}.dcm"
            dicom_file(film, SOPClassUID=DX, Modality="DX", StudyDate="20200512", PatientID=number, StudyInstanceUID=uid)
            installation.deliver("RDGM", "images", film)
        states = {"complete": 1, "awaiting-images": 2, "awaiting-spreadsheet": 1}
        until(lambda: installation.known().get("RDGM", {}).get("states") == states, "rows and images are known")
        yield installation


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    """A home on which nothing runs."""
    with installed(tmp_path) as installation:
        yield installation


def test_each_row_is_marked(running: Installation, tmp_path: Path) -> None:
    rows = [positive(index, {HOSPITAL_KEY: number}) for index, number in enumerate((ANN, BOB, CAT))]
    rows.append(positive(3, {HOSPITAL_KEY: "RR99900004", NHS_KEY: "999 462 1784"}))
    path, out = sheet(tmp_path / "newer.xlsx", "positive", rows), tmp_path / "out.xlsx"
    ran = running.run("chase", "--site", "RDGM", str(path), "-o", str(out))
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert ran.stderr.splitlines()[:4] == [
        "     1  not uploaded",
        "     2  images still to come",
        "     1  complete",
        "     1  studies without a row",
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    book = openpyxl.load_workbook(out)
    page = book.worksheets[0]
    first = next(cell.column for cell in page[1] if cell.value == "NCCID status")
    assert first is not None
    said = [(str(page.cell(row, first).value), str(page.cell(row, first + 1).value)) for row in range(2, 6)]
    assert said[0] == ("complete", "Nothing.")
    assert said[1][0] == "images still to come"
    assert said[1][1].startswith("PACS: send chest X-ray or CT taken on or after 12/05/2017")
    assert said[2][1].startswith("Nurse: check the hospital number with Radiology first: images came under 99999999,")
    assert said[3][0].startswith("not uploaded: A5: Not an NHS/CHI number")
    study = [cell.value for cell in book["Studies without a row"][6]]
    assert study[1:3] == ["DX", 1]
    assert study[5:] == ["99999999", "perhaps row 4: the same digits, there written as AA99999999"]


def test_nothing_is_overwritten_unless_told(running: Installation, tmp_path: Path) -> None:
    path, out = running.root / "sheet.xlsx", tmp_path / "out.xlsx"
    command = ("chase", "--site", "RDGM", str(path), "-o")
    before = path.read_bytes()
    assert running.run(*command, str(path), "--force").returncode == 2
    assert path.read_bytes() == before
    out.write_bytes(b"mine")
    refused = running.run(*command, str(out))
    assert (refused.returncode, refused.stdout, out.read_bytes()) == (2, "", b"mine")
    assert "--force" in refused.stderr
    assert running.run(*command, str(out), "--force").returncode == 0
    assert openpyxl.load_workbook(out).sheetnames[1:] == ["NCCID summary", "Studies without a row"]


def test_wrong_usage_and_a_file_that_is_refused(running: Installation, tmp_path: Path) -> None:
    path, out = running.root / "sheet.xlsx", tmp_path / "out.xlsx"
    (tmp_path / "text.xlsx").write_text("not a workbook")
    refusals = [
        (("--site", "NOPE", str(path)), 2, "there is no site 'NOPE'"),
        (("--site", "RDGM", str(tmp_path / "nowhere.xlsx")), 2, "does not exist"),
        ((str(path),), 2, "--site"),
        (("--site", "RDGM", str(tmp_path / "text.xlsx")), 1, "What to do:"),
    ]
    for arguments, code, words in refusals:
        ran = running.run("chase", *arguments, "-o", str(out))
        assert (ran.returncode, ran.stdout) == (code, ""), ran.stderr
        assert words in ran.stderr
    assert not out.exists()


def test_when_nothing_runs_the_answer_is_1_and_what_to_do(home: Installation, tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    ran = home.run("chase", "--site", "RDGM", str(path), "-o", str(tmp_path / "out.xlsx"))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "nccid up" in ran.stderr
    assert not (tmp_path / "out.xlsx").exists()
