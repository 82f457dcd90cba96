"""What a site has handed in: sheets and images, whichever way they came, and what became of them."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from edge.door import Door
from edge.handed_in import HandedIn, Sender, Way, latest, note_images, note_sheet
from edge.portal.lately import WAYS, lately, line
from edge.sending import database
from edge.sending.outbox import Outbox
from schemas.templates import NHS_KEY
from tests.edge_factories import HOSPITAL_NUMBERS, NOON, PSEUDONYMISER, SEALER, SITE, dicom_file
from tests.from_pacs import taken_from_pacs
from tests.portals import PortalUnderTest
from tests.sheets import positive, sheet


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with Outbox(tmp_path / "data" / "outbox.sqlite3") as outbox:
        yield Door(SITE, outbox, tmp_path / "store", PSEUDONYMISER, SEALER)


@pytest.fixture
def right(tmp_path: Path) -> Path:
    return sheet(tmp_path / "right.xlsx", "positive", [positive(0), positive(1)])


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    return sheet(tmp_path / "wrong.xlsx", "positive", [positive(0, {NHS_KEY: "9994621784"})])


def films(folder: Path, *numbers: int) -> Path:
    for number in numbers:
        dicom_file(folder / f"{number}.dcm", PatientID=HOSPITAL_NUMBERS[0], SOPInstanceUID=f"1.2.3.7.{number}")
    return folder


def told(door: Door) -> list[tuple[str, str, str, bool, int, int]]:
    found = latest(door.outbox, SITE.code)
    return [(each.what, each.sender.way, each.sender.who, each.accepted, each.taken, each.problems) for each in found]


def test_sheets_of_the_portal_and_of_the_command_stand_side_by_side(door: Door, right: Path, wrong: Path) -> None:
    door.upload(right, "positive", sender=Sender("portal", "anna"))
    door.upload(wrong, "positive")
    assert told(door) == [("positive", "command", "", False, 0, 1), ("positive", "portal", "anna", True, 2, 0)]


def test_what_was_only_tried_was_not_handed_in(door: Door, right: Path, wrong: Path) -> None:
    door.upload(right, "positive", dry_run=True)
    door.upload(wrong, "positive", dry_run=True)
    assert told(door) == []


def test_another_sites_are_not_shown(door: Door, right: Path) -> None:
    door.upload(right, "positive")
    assert latest(door.outbox, "PENM") == []


def test_a_day_of_images_through_a_door_is_one_line(door: Door, tmp_path: Path) -> None:
    taken_from_pacs(door, films(tmp_path / "early", 1, 2), NOON)
    taken_from_pacs(door, films(tmp_path / "later", 2, 3), NOON + dt.timedelta(hours=3))
    taken_from_pacs(door, films(tmp_path / "next", 4), NOON + dt.timedelta(days=1))
    assert told(door) == [("images", "node", "", True, 1, 0), ("images", "node", "", True, 3, 0)]
    assert [each.at for each in latest(door.outbox, SITE.code)] == [NOON + dt.timedelta(days=1), NOON + dt.timedelta(hours=3)]


def test_images_that_all_came_before_are_no_news(door: Door, tmp_path: Path) -> None:
    taken_from_pacs(door, films(tmp_path / "films", 1), NOON)
    before = latest(door.outbox, SITE.code)
    taken_from_pacs(door, films(tmp_path / "films", 1), NOON + dt.timedelta(days=1))
    assert latest(door.outbox, SITE.code) == before


def test_files_that_a_command_could_not_send_are_counted(door: Door, tmp_path: Path) -> None:
    folder = films(tmp_path / "films", 1)
    (folder / "2.dcm").write_bytes(b"\0" * 128 + b"DICM and then nothing")
    door.send_images([folder])
    assert told(door) == [("images", "send-images", "", True, 1, 1)]


def test_only_the_latest_are_listed(door: Door) -> None:
    for minute in range(12):
        with door.outbox.transaction(NOON + dt.timedelta(minutes=minute)) as transaction:
            note_sheet(transaction, SITE.code, HandedIn(transaction.instant, "negative", Sender(), minute, 0))
    assert [each.taken for each in latest(door.outbox, SITE.code)] == list(range(11, 1, -1))


def test_nothing_to_note_is_not_noted(door: Door) -> None:
    with door.outbox.transaction(NOON) as transaction:
        note_images(transaction, SITE.code, "node")
    assert told(door) == []


def test_sheets_from_before_this_was_noted_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "outbox.sqlite3"
    with Outbox(path):
        pass
    with closing(sqlite3.connect(path)) as old:
        old.executescript("DROP TABLE handed_in; PRAGMA user_version = 2;")
        old.execute("INSERT INTO upload VALUES ('u', ?, 'negative', 'r', ?, 7)", (SITE.code, database.microseconds(NOON)))
        old.commit()
    with Outbox(path) as outbox:
        assert latest(outbox, SITE.code) == [HandedIn(NOON, "negative", Sender("unknown"), 7, 0)]


@pytest.mark.parametrize(("taken", "problems", "outcome"), [(5, 0, "Received"), (5, 1, "Some not received"), (0, 1, "Not sent")])
def test_images_in_words(taken: int, problems: int, outcome: str) -> None:
    shown = line(HandedIn(NOON, "images", Sender("folder"), taken, problems))
    assert (shown.when, shown.what, shown.way) == ("7 May 2020 at 1:00pm", "Images", "Watched folder")
    assert (shown.outcome.text, shown.warnings) == (outcome, None)


def test_every_way_has_its_words() -> None:
    portal_and_command, doors = get_args(Way)
    assert set(WAYS) >= {*get_args(portal_and_command), *get_args(doors)} - {"spreadsheet"}


def test_a_sheet_that_could_not_even_be_checked_is_shown_as_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portal = PortalUnderTest(tmp_path)
    anna = portal.anna()
    anna.get("/upload/covid-data")

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("edge.upload.check_workbook", broken)
    right = sheet(tmp_path / "right.xlsx", "positive", [positive(0)])
    anna.send("/upload/covid-data", right.read_bytes())
    portal.portal.jobs.close()
    (shown,) = lately(portal.home, "RDGM")
    assert (shown.outcome.text, shown.counted, shown.problems, shown.who) == ("Not sent", "0 rows", 1, "anna")


def test_a_summary_without_its_outbox_shows_the_rest(tmp_path: Path) -> None:
    portal = PortalUnderTest(tmp_path)
    anna = portal.anna()
    portal.home.outbox.parent.mkdir(exist_ok=True)
    portal.home.outbox.write_bytes(b"this is no database at all, and long enough to be seen as none" * 50)
    text = anna.get("/summary").text
    assert "Uploads cannot be shown" in text
    assert "Download chase list" in text
