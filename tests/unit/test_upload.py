"""Uploading a workbook: its rows are on their way, sealed and keyed, all of them or none."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import openpyxl
import pytest

from edge import upload
from edge.sending.outbox import Outbox
from edge.spreadsheets.findings import Finding
from edge.spreadsheets.rows import Checked, Row
from edge.upload import UploadAnswer, submit_upload
from identity.seal import RowIdentity
from schemas.records import Kind, RowSubmitted
from schemas.sites import Site
from schemas.topics import RAW_ROWS
from tests.edge_factories import HOSPITAL_NUMBERS, NHS_NUMBERS, NHS_SITE, NOON, PSEUDONYMISER, SEALER, SITE, hospital_number, row

WARNING = Finding(sheet="Sheet1", cell="C2", column="Sex", problem="a code outside its list", expected="0, 1 or 9")
ERROR = Finding(sheet="Sheet1", cell="A2", column="NHS/CHI number", problem="too short", expected="ten digits")

KILLED = """
import datetime as dt, sys
from pathlib import Path
from edge import upload
from edge.sending.outbox import Outbox
from edge.spreadsheets.rows import Checked
from tests.edge_factories import PSEUDONYMISER, SEALER, SITE, row
rows = tuple(row(number) for number in range(2, 3002))
upload.check_workbook = lambda *_: Checked(rows=rows, errors=(), warnings=())
with Outbox(Path(sys.argv[1])) as outbox:
    print("ready", flush=True)
    while True:
        upload.submit_upload(Path(sys.argv[2]), SITE, "positive", outbox, PSEUDONYMISER, SEALER, dt.datetime.now(dt.UTC))
"""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "data" / "outbox.sqlite3") as opened:
        yield opened


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(b"the first version")
    return path


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Checked]:
    """What the check of the workbook says: the last one in this list."""
    answers = [Checked(rows=(row(2), row(3, NHS_NUMBERS[1], HOSPITAL_NUMBERS[1])), errors=(), warnings=())]

    def check(*arguments: object) -> Checked:
        assert arguments[3] == NOON.date()
        return answers[-1]

    monkeypatch.setattr(upload, "check_workbook", check)
    return answers


def submit(outbox: Outbox, path: Path, site: Site = SITE, kind: Kind = "positive", *, dry_run: bool = False) -> UploadAnswer:
    return submit_upload(path, site, kind, outbox, PSEUDONYMISER, SEALER, NOON, dry_run=dry_run)


def records(outbox: Outbox) -> list[RowSubmitted]:
    return [RAW_ROWS.wire.decode(stored.value) for stored in outbox.unsent("any", 10_000) if stored.topic == RAW_ROWS.name]


def identity(record: RowSubmitted) -> RowIdentity:
    opened = SEALER.open(record.identity, f"{record.site}/{record.event}")
    assert isinstance(opened, RowIdentity)
    return opened


@pytest.mark.usefixtures("checked")
def test_each_row_becomes_one_sealed_record(outbox: Outbox, workbook: Path) -> None:
    answer = submit(outbox, workbook)
    first, second = records(outbox)
    assert answer == UploadAnswer(accepted=True, rows=2, errors=(), warnings=())
    assert (first.event, second.event) == (f"{first.upload}-2", f"{first.upload}-3")
    assert identity(first) == RowIdentity(NHS_NUMBERS[0], HOSPITAL_NUMBERS[0])
    assert identity(second) == RowIdentity(NHS_NUMBERS[1], HOSPITAL_NUMBERS[1])
    facts = (first.site, first.kind, first.uploaded_at, first.row, first.swab_date, first.result, first.values)
    assert facts == ("RDGM", "positive", NOON, 2, dt.date(2020, 5, 7), None, {"Sex": "1"})


@pytest.mark.usefixtures("checked")
def test_the_key_is_made_from_the_number_that_the_sites_pacs_uses(outbox: Outbox, workbook: Path) -> None:
    submit(outbox, workbook)
    submit(outbox, workbook, NHS_SITE)
    keys = [(stored.topic, stored.key) for stored in outbox.unsent("any", 10) if stored.topic == RAW_ROWS.name]
    assert keys == [
        (RAW_ROWS.name, PSEUDONYMISER.routing(SITE, hospital_number(HOSPITAL_NUMBERS[0]))),
        (RAW_ROWS.name, PSEUDONYMISER.routing(SITE, hospital_number(HOSPITAL_NUMBERS[1]))),
        (RAW_ROWS.name, PSEUDONYMISER.routing(NHS_SITE, hospital_number(NHS_NUMBERS[0]))),
        (RAW_ROWS.name, PSEUDONYMISER.routing(NHS_SITE, hospital_number(NHS_NUMBERS[1]))),
    ]


def test_a_number_that_is_not_there_is_sealed_as_not_there(outbox: Outbox, workbook: Path, checked: list[Checked]) -> None:
    def submitted(site: Site, only: Row) -> RowIdentity:
        checked.append(Checked(rows=(only,), errors=(), warnings=()))
        submit(outbox, workbook, site)
        return identity(records(outbox)[-1])

    assert submitted(SITE, row(2, nhs_number=None)) == RowIdentity(None, HOSPITAL_NUMBERS[0])
    assert submitted(NHS_SITE, row(2, hospital_text=None)) == RowIdentity(NHS_NUMBERS[0], None)
    assert submitted(NHS_SITE, row(2, nhs_number=None)) == RowIdentity(None, HOSPITAL_NUMBERS[0])
    assert outbox.unsent("any", 10)[-2].key == PSEUDONYMISER.routing(NHS_SITE, None)


def test_with_an_error_nothing_is_sent_and_everything_is_told(outbox: Outbox, workbook: Path, checked: list[Checked]) -> None:
    checked.append(Checked(rows=(), errors=(ERROR,), warnings=(WARNING,)))
    assert submit(outbox, workbook) == UploadAnswer(accepted=False, rows=0, errors=(ERROR,), warnings=(WARNING,))
    assert outbox.depth("any") == 0


@pytest.mark.usefixtures("checked")
def test_a_dry_run_sends_nothing_and_remembers_nothing(outbox: Outbox, workbook: Path) -> None:
    assert submit(outbox, workbook, dry_run=True) == UploadAnswer(accepted=True, rows=2, errors=(), warnings=())
    assert (outbox.depth("any"), outbox.query("SELECT count(*) FROM upload")) == (0, [(0,)])


def test_the_answer_is_the_json_of_the_contract(outbox: Outbox, workbook: Path, checked: list[Checked]) -> None:
    checked.append(Checked(rows=(row(),), errors=(), warnings=(WARNING,)))
    assert msgspec.json.decode(msgspec.json.encode(submit(outbox, workbook))) == {
        "accepted": True,
        "rows": 1,
        "errors": [],
        "warnings": [
            {
                "sheet": "Sheet1",
                "cell": "C2",
                "column": "Sex",
                "problem": "a code outside its list",
                "expected": "0, 1 or 9",
            }
        ],
    }


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(
    ("sent_before", "warned"),
    [
        ([], False),
        (["this"], False),
        (["other"], False),
        (["other", "this"], False),
        (["this", "other"], True),
        (["this", "other", "this"], False),
        (["this", "other", "this", "other"], True),
    ],
)
def test_a_file_that_a_newer_one_had_superseded_is_sent_with_a_warning(
    outbox: Outbox, workbook: Path, sent_before: list[str], *, warned: bool
) -> None:
    for content in sent_before:
        workbook.write_text(content)
        submit(outbox, workbook)
    workbook.write_text("this")
    dry, real = submit(outbox, workbook, dry_run=True), submit(outbox, workbook)
    assert [bool(answer.warnings) for answer in (dry, real)] == [warned, warned]
    assert all("on 07 May 2020 at 12:00 UTC, and a newer one took its place" in each.problem for each in real.warnings)
    assert all(each.cell is None for each in real.warnings)


@pytest.mark.usefixtures("checked")
def test_files_of_another_kind_or_site_supersede_nothing(outbox: Outbox, workbook: Path) -> None:
    submit(outbox, workbook)
    workbook.write_text("another")
    submit(outbox, workbook, kind="negative")
    submit(outbox, workbook, NHS_SITE)
    workbook.write_bytes(b"the first version")
    assert submit(outbox, workbook).warnings == ()


@pytest.mark.usefixtures("checked")
def test_the_time_of_upload_only_rises(outbox: Outbox, workbook: Path) -> None:
    submit(outbox, workbook)
    submit(outbox, workbook)
    assert [record.uploaded_at - NOON for record in records(outbox)[1:3]] == [dt.timedelta(0), dt.timedelta(microseconds=1)]


@pytest.mark.usefixtures("checked")
def test_no_identifier_lies_in_any_byte_on_disk(outbox: Outbox, workbook: Path) -> None:
    submit(outbox, workbook)
    outbox.query("PRAGMA wal_checkpoint(PASSIVE)")
    submit(outbox, workbook)
    files = [path for path in outbox.path.parent.iterdir() if path.stat().st_size]
    assert len(files) == 3
    content = b"".join(path.read_bytes() for path in files).upper()
    planted = [text.encode() for text in (*NHS_NUMBERS[:2], *HOSPITAL_NUMBERS[:2])]
    digits = [text.removeprefix(b"RR") for text in planted]
    assert b"ROW-SUBMITTED" in content
    assert [text for text in planted + digits if text in content] == []


def test_a_real_workbook_goes_all_the_way(outbox: Outbox, tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["NHS/CHI Number", "Hospital (Internal) Number", "Date of RT-PCR", "RT-PCR result"])
    sheet.append([NHS_NUMBERS[0], HOSPITAL_NUMBERS[0], dt.date(2020, 5, 1), 0])
    sheet.append([NHS_NUMBERS[1], HOSPITAL_NUMBERS[1], dt.date(2020, 5, 2), 1])
    book.save(path)
    answer = submit(outbox, path, kind="negative")
    assert (answer.accepted, answer.rows, answer.errors) == (True, 2, ())
    facts = [(record.kind, record.row, record.swab_date, record.result) for record in records(outbox)]
    assert facts == [("negative", 2, dt.date(2020, 5, 1), 0), ("negative", 3, dt.date(2020, 5, 2), 1)]
    sheet["A2"] = "999 462 1784"
    book.save(path)
    refused = submit(outbox, path, kind="negative")
    assert (refused.accepted, refused.rows, [error.cell for error in refused.errors]) == (False, 0, ["A2"])
    assert len(records(outbox)) == 2


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.3])
def test_an_upload_killed_at_any_point_is_there_whole_or_not_at_all(tmp_path: Path, workbook: Path, seconds: float) -> None:
    path = tmp_path / "data" / "outbox.sqlite3"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(workbook)], stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(victim.pid, signal.SIGKILL)
    with Outbox(path) as outbox:
        ((uploads,),) = outbox.query("SELECT count(*) FROM upload")
        rows: dict[str, int] = {}
        for stored in (each for each in outbox.unsent("any", 1_000_000) if each.topic == RAW_ROWS.name):
            record = RAW_ROWS.wire.decode(stored.value)
            rows[record.upload] = rows.get(record.upload, 0) + 1
        assert list(rows.values()) == [3000] * uploads
