"""The upload pages: a sheet that is right, one that is wrong, one that is the other, and what was never meant to be one."""

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from edge.portal import marking, receiving
from edge.portal.jobs import FILE_SECONDS, RESULT_SECONDS, SAME_SECONDS, Job
from edge.portal.lately import lately
from edge.portal.limits import UPLOADS
from edge.portal.memory_file import MemoryFile
from schemas.home import Home
from schemas.templates import HOSPITAL_KEY, NHS_KEY
from schemas.topics import RAW_ROWS
from tests.portals import PortalUnderTest, Visitor
from tests.sheets import NUMBERS, negative, positive, sheet

MAIN, STATUS = "/upload/covid-data", "/upload/covid-status-data"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PortalUnderTest]:
    made = PortalUnderTest(tmp_path)
    yield made
    made.portal.close()


@pytest.fixture
def anna(portal: PortalUnderTest) -> Visitor:
    visitor = portal.anna()
    visitor.get(MAIN)
    return visitor


@pytest.fixture
def right(tmp_path: Path) -> bytes:
    return sheet(tmp_path / "right.xlsx", "positive", [positive(0), positive(1)]).read_bytes()


@pytest.fixture
def wrong(tmp_path: Path) -> bytes:
    rows = [positive(0, {NHS_KEY: "9994621784"}), positive(1, {"Date of Positive Covid Swab": "05/13/2020"})]
    return sheet(tmp_path / "wrong.xlsx", "positive", rows).read_bytes()


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    return sheet(tmp_path / "other.xlsx", "negative", [negative(0), negative(1)]).read_bytes()


def rows_sent(home: Home) -> int:
    from edge.sending.outbox import Outbox

    if not home.outbox.exists():
        return 0
    with Outbox(home.outbox) as outbox:
        return int(outbox.query("SELECT count(*) FROM message WHERE topic = ?", RAW_ROWS.name)[0][0])


def result(visitor: Visitor, answer: httpx.Response) -> str:
    assert answer.status_code == 303
    return visitor.get(answer.headers["location"]).text


# --- as a nurse does it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "heading", "template", "own", "foreign"),
    [
        (MAIN, "Main Data Upload", "covid_positive_data_template_v1_5", "for the large Covid +ve data upload only", STATUS),
        (
            STATUS,
            "Covid Status Upload",
            "covid_status_negative_data_template_v1_0",
            "for the Covid Status data upload only",
            MAIN,
        ),
    ],
)
def test_the_page_has_what_the_guideline_shows(
    anna: Visitor, path: str, heading: str, template: str, own: str, foreign: str
) -> None:
    text = anna.get(path).text
    assert re.search(f"<h1>National COVID-19 Chest Imaging Database . {heading}</h1>", text)
    assert template in text
    assert own in " ".join(text.split())
    assert f'href="{foreign}"' in text
    assert ">NHS/CHI Number</th>" in text


def test_the_template_that_is_offered_is_taken(portal: PortalUnderTest, anna: Visitor, tmp_path: Path) -> None:
    answer = anna.get("/templates/negative")
    assert answer.headers["content-disposition"].endswith('_covid_status_negative_data_template_v1_0.xlsx"')
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    book.worksheets[0].append([NUMBERS[0], "RR12345678", "12/05/2020", 0])
    book.save(tmp_path / "filled.xlsx")
    text = result(anna, anna.send(STATUS, (tmp_path / "filled.xlsx").read_bytes()))
    assert "1 row on the way" in text
    assert rows_sent(portal.home) == 1


def test_a_right_sheet_is_sent(portal: PortalUnderTest, anna: Visitor, right: bytes) -> None:
    text = result(anna, anna.send(MAIN, right))
    assert "The sheet was sent" in text
    assert "nccid-progress--sent" in text
    assert "2 rows on the way" in text
    assert rows_sent(portal.home) == 2
    (line,) = lately(portal.home, "RDGM")
    assert (line.what, line.way, line.who, line.outcome.text) == ("Covid Data", "This portal", "anna", "Sent")
    assert (line.counted, line.problems, line.warnings) == ("2 rows", 0, 0)


def test_a_wrong_sheet_is_not_sent_and_every_cell_is_named(portal: PortalUnderTest, anna: Visitor, wrong: bytes) -> None:
    text = result(anna, anna.send(MAIN, wrong))
    assert "The sheet was not sent" in text
    assert "nccid-progress--refused" in text
    assert "2 problems to correct" in text
    for words in (">A2<", "the last digit does not fit", ">R3<", "no date when the day is read first", "Write it as DD/MM/YYYY"):
        assert words in text
    assert not any(number in text for number in (*NUMBERS, "9994621784"))
    assert rows_sent(portal.home) == 0
    (line,) = lately(portal.home, "RDGM")
    assert (line.outcome.text, line.counted, line.problems) == ("Not sent", "0 rows", 2)


def test_warnings_stand_apart_and_stop_nothing(portal: PortalUnderTest, anna: Visitor, tmp_path: Path) -> None:
    rows = [positive(0, {HOSPITAL_KEY: "12345678"})]
    text = result(anna, anna.send(MAIN, sheet(tmp_path / "warned.xlsx", "positive", rows).read_bytes()))
    assert "The sheet was sent" in text
    assert "Warnings: worth a look, but they did not stop the upload" in text
    assert ">B2<" in text
    assert rows_sent(portal.home) == 1


@pytest.mark.parametrize(("path", "leads_to"), [(MAIN, STATUS), (STATUS, MAIN)])
def test_the_other_sheet_is_shown_the_other_page(
    portal: PortalUnderTest, anna: Visitor, right: bytes, other: bytes, path: str, leads_to: str
) -> None:
    text = result(anna, anna.send(path, other if path == MAIN else right))
    assert "Wrong section" in text
    assert f'href="{leads_to}">Go to' in text
    assert "with the problems marked" not in text
    assert rows_sent(portal.home) == 0


def test_a_script_asks_how_far_it_is(anna: Visitor, right: bytes) -> None:
    answer = anna.send(MAIN, right, script=True)
    assert answer.status_code == 202
    job = answer.json()["job"]
    until = time.monotonic() + 60
    while (state := anna.get(f"{job}/progress").json())["stage"] != "done" and time.monotonic() < until:
        time.sleep(0.02)
    assert state == {"stage": "done", "percent": 100, "accepted": True, "rows": 2}
    assert "The sheet was sent" in anna.get(job).text


def test_how_far_it_is_while_it_is_checked(
    portal: PortalUnderTest, anna: Visitor, right: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go_on = threading.Event(), threading.Event()

    def told(job: Job, *_: object) -> None:
        job.done, job.total = 1, 4
        held.set()
        go_on.wait(60)

    monkeypatch.setattr(Job, "told", told)
    job = anna.send(MAIN, right, script=True).json()["job"]
    assert held.wait(60)
    assert anna.get(f"{job}/progress").json() == {"stage": "checking", "percent": 25, "accepted": False, "rows": 4}
    assert '<meta http-equiv="refresh" content="2">' in anna.get(job).text
    assert anna.send(MAIN, right, script=True).json()["job"] == job  # a double click leads to the same
    go_on.set()
    portal.portal.jobs.close()
    assert anna.get(f"{job}/progress").json()["stage"] == "done"


# --- again --------------------------------------------------------------------------------------------------------------


def test_a_double_click_is_one_upload_and_the_same_file_later_another(
    portal: PortalUnderTest, anna: Visitor, right: bytes
) -> None:
    first, second = anna.send(MAIN, right), anna.send(MAIN, right)
    assert first.headers["location"] == second.headers["location"]
    assert rows_sent(portal.home) == 2
    portal.seconds += SAME_SECONDS + 1
    third = anna.send(MAIN, right)
    assert third.headers["location"] != first.headers["location"]
    assert "The sheet was sent" in result(anna, third)


def test_two_tabs_do_not_disturb_each_other(
    portal: PortalUnderTest, anna: Visitor, right: bytes, wrong: bytes, other: bytes
) -> None:
    anna.get(MAIN)
    anna.get(STATUS)
    here, there, elsewhere = anna.send(MAIN, wrong), anna.send(STATUS, other), anna.send(MAIN, right)
    assert "The sheet was not sent" in result(anna, here)
    assert "The sheet was sent" in result(anna, there)
    assert "The sheet was sent" in result(anna, elsewhere)
    assert rows_sent(portal.home) == 4


def test_too_many_uploads_wait(anna: Visitor, portal: PortalUnderTest, right: bytes) -> None:
    for _ in range(UPLOADS.most):
        portal.portal.attempts.add(UPLOADS, "anna")
    assert anna.send(MAIN, right).status_code == 429
    assert anna.send(MAIN, right, script=True).json()["problem"].startswith("Too many uploads")
    assert rows_sent(portal.home) == 0


# --- the marked copy ----------------------------------------------------------------------------------------------------


def test_the_marked_copy_has_every_fault_in_its_cell_and_in_a_list(anna: Visitor, wrong: bytes) -> None:
    job = anna.send(MAIN, wrong).headers["location"]
    answer = anna.get(f"{job}/marked")
    assert answer.headers["content-disposition"] == 'attachment; filename="problems-marked.xlsx"'
    assert answer.headers["cache-control"] == "no-store"
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    marked = book["Covid positive data"]
    assert [marked[cell].value for cell in ("A2", "R3")] == ["9994621784", "05/13/2020"]
    assert all("Problem: " in marked[cell].comment.text for cell in ("A2", "R3"))
    assert marked["A2"].fill.fgColor.rgb == "FFF4B6C2"
    assert marked["A3"].comment is None
    listed = [[cell.value for cell in row][:4] for row in book["NCCID problems"].iter_rows(min_row=4)]
    assert listed == [
        ["Problem", "Covid positive data", "A2", NHS_KEY],
        ["Problem", "Covid positive data", "R3", "Date of Positive Covid Swab"],
    ]


def test_a_workbook_that_is_too_large_to_be_held_is_not_marked(
    anna: Visitor, wrong: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "MOST_BYTES", 1000)
    job = anna.send(MAIN, wrong).headers["location"]
    answer = anna.get(f"{job}/marked")
    assert answer.status_code == 503
    assert "Use the list of problems on the page" in answer.text


def test_a_corrected_marked_copy_is_taken(portal: PortalUnderTest, anna: Visitor, wrong: bytes, tmp_path: Path) -> None:
    job = anna.send(MAIN, wrong).headers["location"]
    book = openpyxl.load_workbook(io.BytesIO(anna.get(f"{job}/marked").content))
    book["Covid positive data"]["A2"], book["Covid positive data"]["R3"] = NUMBERS[0], "13/05/2020"
    book.save(tmp_path / "corrected.xlsx")
    assert "The sheet was sent" in result(anna, anna.send(MAIN, (tmp_path / "corrected.xlsx").read_bytes()))
    assert rows_sent(portal.home) == 2


def test_the_file_is_let_go_in_time_and_at_logout(portal: PortalUnderTest, anna: Visitor, wrong: bytes, right: bytes) -> None:
    sent = anna.send(MAIN, right).headers["location"]
    assert anna.get(f"{sent}/marked").status_code == 404
    job = anna.send(MAIN, wrong).headers["location"]
    portal.seconds += FILE_SECONDS
    assert anna.get(f"{job}/marked").status_code == 200
    portal.seconds += 1
    assert anna.get(f"{job}/marked").status_code == 404
    assert "with the problems marked" not in anna.get(job).text
    again = anna.send(MAIN, wrong).headers["location"]
    file = portal.portal.jobs._jobs[again.rpartition("/")[2]].file
    anna.post("/logout")
    assert file.closed


def test_a_result_is_forgotten_after_a_while(portal: PortalUnderTest, anna: Visitor, right: bytes) -> None:
    job = anna.send(MAIN, right).headers["location"]
    for _ in range(3):
        portal.seconds += RESULT_SECONDS // 3
        assert anna.get(job).status_code == 200
    portal.seconds += 1
    assert anna.get(job).status_code == 404


# --- others -------------------------------------------------------------------------------------------------------------


def test_a_result_is_for_the_own_site_and_the_file_for_the_own_session(
    portal: PortalUnderTest, anna: Visitor, wrong: bytes
) -> None:
    job = anna.send(MAIN, wrong).headers["location"]
    again = portal.anna()
    assert again.get(job).status_code == 200
    assert again.get(f"{job}/marked").status_code == 404
    portal.portal.accounts.add("petra", "PENM", "another good password", must_change=False)
    petra = portal.visitor()
    petra.login("petra", "another good password")
    assert [petra.get(f"{job}{part}").status_code for part in ("", "/progress", "/marked")] == [404, 404, 404]


def test_without_a_session_nothing_is_taken(portal: PortalUnderTest, right: bytes) -> None:
    visitor = portal.visitor()
    visitor.get("/login")
    assert visitor.send(MAIN, right).headers["location"] == "/login"
    answer = visitor.send(MAIN, right, script=True)
    assert (answer.status_code, "Log in again" in answer.json()["problem"]) == (401, True)
    assert rows_sent(portal.home) == 0


def test_the_rows_are_of_the_accounts_own_site(portal: PortalUnderTest, tmp_path: Path) -> None:
    portal.portal.accounts.add("petra", "PENM", "another good password", must_change=False)
    petra = portal.visitor()
    petra.login("petra", "another good password")
    petra.get(MAIN)
    rows = [positive(0, {HOSPITAL_KEY: "0999123"})]
    result(petra, petra.send(MAIN + "?site=RDGM", sheet(tmp_path / "penm.xlsx", "positive", rows).read_bytes()))
    assert [(line.who, line.counted) for line in lately(portal.home, "PENM")] == [("petra", "1 row")]
    assert not lately(portal.home, "RDGM")


# --- never meant to be a sheet --------------------------------------------------------------------------------------------


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def bomb(_: bytes) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "xl/worksheets/sheet1.xml": b" " * (600 * 1024 * 1024)})


def entities(right: bytes) -> bytes:
    source, parts = zipfile.ZipFile(io.BytesIO(right)), {}
    for name in source.namelist():
        parts[name] = source.read(name)
    doctype = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    parts["xl/worksheets/sheet1.xml"] = doctype + parts["xl/worksheets/sheet1.xml"].partition(b"?>")[2]
    return zipped(parts)


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "zip bomb": bomb,
    "entities": entities,
    "paths out of the archive": lambda _: zipped({"../../../etc/cron.d/x": b"x", "/etc/passwd": b"x"}),
    "many parts": lambda _: zipped({f"{n}": b"" for n in range(6_000)}),
    "cut off": lambda right: right[: len(right) // 2],
    "a program": lambda _: b"\x7fELF" + bytes(1000),
    "text": lambda _: b"NHS/CHI Number,Hospital (Internal) Number\n9994621785,RR12345678\n",
    "a page": lambda _: b"<html><script>alert(1)</script></html>",
    "nothing but zeros": lambda _: bytes(100_000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_sheet_is_refused_with_a_reason(portal: PortalUnderTest, anna: Visitor, right: bytes, kind: str) -> None:
    text = result(anna, anna.send(MAIN, HOSTILE[kind](right)))
    assert "The sheet was not sent" in text
    assert "1 problem to correct" in text
    assert "Whole file" in text
    assert rows_sent(portal.home) == 0
    assert "The sheet was sent" in result(anna, anna.send(MAIN, right))


@pytest.mark.parametrize("kind", ["entities", "cut off", "text"])
def test_a_marked_copy_of_what_is_no_sheet_is_not_made(anna: Visitor, right: bytes, kind: str) -> None:
    job = anna.send(MAIN, HOSTILE[kind](right)).headers["location"]
    assert "with the problems marked" not in anna.get(job).text
    assert anna.get(f"{job}/marked").status_code == 404


NAMES = (
    "../../../../etc/passwd",
    "C:\\windows\\system32\\x.xlsx",
    "a\x00b.xlsx",
    "9994621785.xlsx",
    "<script>.xlsx",
    "x" * 3000,
    "",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_the_file_is_of_no_consequence_and_kept_nowhere(
    portal: PortalUnderTest, anna: Visitor, right: bytes, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = anna.send(MAIN, right, name)
    assert answer.status_code in {303, 422, 413}
    text = anna.get(answer.headers["location"]).text if answer.status_code == 303 else answer.text
    log = portal.home.portal.read_bytes() + portal.home.portal.with_name("portal.sqlite3-wal").read_bytes()
    for word in ("9994621785", "passwd", "<script>.xlsx", "system32"):
        assert word not in text + caplog.text
        assert word.encode() not in log


def test_a_file_that_is_too_large_is_told_so(anna: Visitor, portal: PortalUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "LARGEST", 1000)
    answer = anna.send(MAIN, bytes(1001))
    assert answer.status_code == 413
    assert "larger than" in answer.text
    assert anna.send(MAIN, bytes(1001), script=True).status_code == 413
    assert portal.portal.jobs._jobs == {}


BROKEN: dict[str, dict[str, Any]] = {
    "no form": {"content": b"x", "headers": {"content-type": "text/plain"}},
    "no boundary": {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
    "urlencoded": {"data": {"file": "x"}},
    "rubbish": {"content": b"rubbish", "headers": {"content-type": "multipart/form-data; boundary=a"}},
    "cut off": {
        "content": b'--a\r\nContent-Disposition: form-data; name="token"\r\n\r\n',
        "headers": {"content-type": "multipart/form-data; boundary=a"},
    },
    "a long token": {"files": {"token": (None, "x" * 100_000)}},
    "many fields": {"files": [("f", (None, "x"))] * 50},
    "the file first": {"files": {"file": ("a.xlsx", b"PK", "x/y")}, "data": None},
}


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_form_is_refused(anna: Visitor, portal: PortalUnderTest, kind: str, script: bool) -> None:  # noqa: FBT001
    how = dict(BROKEN[kind])
    headers = {**how.pop("headers", {}), **({"accept": "application/json"} if script else {})}
    answer = anna.client.post(MAIN, headers=headers, follow_redirects=False, **how)
    assert answer.status_code in {403, 413, 422}
    assert portal.portal.jobs._jobs == {}
    if script:
        assert list(json.loads(answer.text)) == ["problem"]


def test_no_file_and_an_empty_file_are_told_so(anna: Visitor) -> None:
    nothing = anna.post(MAIN, files={"other": (None, "x")})
    empty = anna.send(MAIN, b"", "")
    assert [(each.status_code, "No file has come" in each.text) for each in (nothing, empty)] == [(422, True)] * 2


@pytest.mark.parametrize("name", ["../x", "..%2F..%2Fetc", "%00", "abc", "a" * 500])
def test_addresses_of_results_cannot_be_guessed_or_bent(anna: Visitor, name: str) -> None:
    assert anna.get(f"/uploads/{name}").status_code in {404, 400}
    assert anna.get(f"/templates/{name}").status_code in {404, 400}
    assert anna.get(f"/assets/{name}").status_code in {404, 400}


# --- where the bytes are ------------------------------------------------------------------------------------------------


def test_the_file_is_in_memory_alone_and_gone_when_closed(tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    with MemoryFile() as file:
        file.write(b"9994621785")
        file.write(b"!")
        assert (file.size, file.path.read_bytes()) == (11, b"9994621785!")
        assert str(file.path.readlink()).startswith("/memfd:")
        held = file.again()
        path = file.path
    assert file.closed
    assert held.path.read_bytes() == b"9994621785!"
    held.close()
    held.close()
    assert not path.exists()
    with pytest.raises(ValueError, match="not kept"):
        file.again()
    assert set(tmp_path.rglob("*")) == before


def test_no_upload_leaves_an_open_file_behind(anna: Visitor, portal: PortalUnderTest, right: bytes) -> None:
    def open_files() -> int:
        links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(link.startswith("/memfd:nccid") for link in links)

    anna.send(MAIN, right)
    anna.send(MAIN, right)
    anna.post(MAIN, files=[("file", ("a", b"PK", "x/y"))] * 2)
    anna.client.post(MAIN, content=b"x", headers={"content-type": "multipart/form-data; boundary=a"})
    assert open_files() == 0
    anna.send(MAIN, b"not a sheet")
    assert open_files() == 1
    portal.portal.jobs.close()
    assert open_files() == 0


def test_numbers_are_on_no_disk_and_in_no_log(
    portal: PortalUnderTest, anna: Visitor, right: bytes, wrong: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (right, wrong):
        result(anna, anna.send(MAIN, content))
    files = [path for path in portal.home.root.rglob("*") if path.is_file() and path != portal.home.sites]
    assert portal.home.outbox in files
    for number in (*NUMBERS, "9994621784", "RR12345678"):
        assert number not in caplog.text
        assert [path.name for path in files if number.encode() in path.read_bytes()] == []
