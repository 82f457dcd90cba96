"""The store and the intake: an image is there once or not at all, whatever ends the process, and its report with it."""

import datetime as dt
import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.deidentify.deidentify import Deidentified, Deidentifier
from edge.sending import database
from edge.sending.outbox import Message, Outbox, OutboxError
from edge.store.clearing import cleared
from edge.store.folder import STAGING, Staging, Store, StoreError, StoreFullError
from edge.store.intake import Delivery, Intake, Staged, Taken, stage
from edge.withdraw import Withdrawal
from schemas.records import StudyReceived
from schemas.sites import Site
from schemas.topics import RAW_IMAGES
from tests.edge_factories import (
    HOSPITAL_NUMBERS,
    NHS_NUMBERS,
    NOON,
    PSEUDONYMISER,
    SEALER,
    SITE,
    dicom_file,
)

JANE, JOHN = HOSPITAL_NUMBERS[:2]


@dataclass
class Place:
    """A home's outbox and store, and one process at work there."""

    root: Path
    outbox: Outbox
    store: Store
    staging: Staging
    intake: Intake

    @classmethod
    def at(cls, root: Path) -> "Place":
        outbox, store = Outbox(root / "data" / "outbox.sqlite3"), Store(root / "store")
        staging = Staging(store)
        return cls(root, outbox, store, staging, Intake(outbox, store, PSEUDONYMISER, SEALER))

    def end(self) -> None:
        """As kill -9 would: the kernel closes what was open, and nothing else happens."""
        self.outbox.close()
        os.close(self.staging._held)

    def staged(self, number: int = 1, patient: str = JANE, site: Site = SITE) -> Staged:
        uids: dict[str, Any] = {"SOPInstanceUID": f"1.2.3.1.{number}", "StudyInstanceUID": f"1.2.3.{patient[-1]}"}
        found = Deidentifier(site, PSEUDONYMISER).file(dicom_file(self.root / "given.dcm", PatientID=patient, **uids))
        assert isinstance(found, Deidentified)
        return stage(found, self.staging)

    def take(self, *staged: Staged, settled: bool = True) -> list[Taken]:
        return self.intake.take([Delivery(SITE, "node", each) for each in staged], NOON, settled=settled)

    def files(self) -> list[Path]:
        return sorted(self.store.root.rglob("*.dcm"))

    def left_staged(self) -> list[Path]:
        return [path for path in (self.store.root / STAGING).rglob("*") if path.is_file()]

    def reports(self) -> list[StudyReceived]:
        stored = self.outbox.unsent("any", 1000)
        return [RAW_IMAGES.wire.decode(each.value) for each in stored if each.topic == RAW_IMAGES.name]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place.at(tmp_path)
    yield made
    made.outbox.close()


def test_an_image_lies_under_pseudonyms_and_belongs_to_its_owner_alone(place: Place) -> None:
    assert place.take(place.staged()) == [Taken.STORED]
    (file,) = place.files()
    site, patient, study, series, name = file.relative_to(place.store.root).parts
    assert (site, patient) == ("RDGM", PSEUDONYMISER.patient(SITE, place.staged().instance.patient_id))
    assert (study, name) == (PSEUDONYMISER.uid("1.2.3.5"), PSEUDONYMISER.uid("1.2.3.1.1") + ".dcm")
    assert series.startswith("2.25.")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    folders = [folder for folder in file.parents if place.store.root in (folder, *folder.parents)]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 5


def test_what_comes_again_is_there_once_and_reported_once(place: Place) -> None:
    assert place.take(place.staged(), place.staged()) == [Taken.STORED, Taken.RESENT]
    assert place.take(place.staged()) == [Taken.RESENT]
    assert (len(place.files()), place.left_staged()) == (1, [])
    assert [report.instances for report in place.reports()] == [{"CT": 1}]


def test_an_image_that_is_counted_and_not_in_the_store_is_stored_anew(place: Place) -> None:
    place.take(place.staged())
    place.files()[0].unlink()
    assert place.take(place.staged()) == [Taken.STORED]
    assert len(place.files()) == 1
    assert [report.instances for report in place.reports()] == [{"CT": 1}]


def test_images_that_were_counted_before_there_was_a_store_are_stored_when_they_come_again(place: Place) -> None:
    place.take(place.staged())
    with place.outbox.transaction(NOON) as transaction:
        transaction.write("UPDATE instance SET file = NULL")
    place.files()[0].unlink()
    assert place.take(place.staged()) == [Taken.STORED]
    assert place.outbox.query("SELECT count(*) FROM instance WHERE file IS NOT NULL") == [(1,)]


def test_a_process_that_ends_between_commit_and_rename_has_lost_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = [place.staged(number) for number in range(5)]

    def ends(_self: Store, _staged: str, _path: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Store, "place", ends)
        with pytest.raises(KeyboardInterrupt):
            place.take(*staged)
    never_taken = place.staged(9)
    assert (place.files(), len(place.left_staged())) == ([], 6)
    place.end()

    again = Place.at(tmp_path)
    assert again.intake.recover(NOON) == 5
    assert (len(again.files()), again.left_staged()) == (5, [])
    assert again.outbox.query("SELECT count(*) FROM placing") == [(0,)]
    assert again.take(*(again.staged(number) for number in range(5))) == [Taken.RESENT] * 5
    assert never_taken.file not in [f"{file.parent.name}/{file.name}" for file in again.files()]
    again.end()


def test_what_another_living_process_has_staged_is_left_to_it(place: Place, tmp_path: Path) -> None:
    staged = place.staged()
    other = Place.at(tmp_path)
    assert other.intake.recover(NOON) == 0
    assert place.take(staged) == [Taken.STORED]
    other.end()


def test_names_of_files_are_remembered_until_they_are_synced(place: Place) -> None:
    place.take(place.staged())
    assert place.outbox.query("SELECT count(*) FROM placing") == [(1,)]
    place.intake.tidy(NOON)
    assert place.outbox.query("SELECT count(*) FROM placing") == [(0,)]


def test_nothing_is_left_of_an_image_for_which_there_is_no_room(place: Place) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(StoreFullError, match="make room"):
            place.staging.write((b"x" * 200, b"y" * 200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert place.left_staged() == []


def test_a_store_that_cannot_be_made_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(tmp_path / "store")


def test_when_the_outbox_cannot_be_written_nothing_is_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = place.staged()
    with monkeypatch.context() as broken:
        broken.setattr(database, "next_instant", _full)
        with pytest.raises(OutboxError):
            place.take(staged)
    assert (place.files(), place.reports()) == ([], [])
    assert place.take(staged) == [Taken.STORED]


def _full(_connection: sqlite3.Connection, _now: dt.datetime) -> dt.datetime:
    raise sqlite3.OperationalError("database or disk is full")


def withdraw(place: Place, *numbers: str) -> None:
    with cleared(place.store, place.outbox, SITE.code):
        Withdrawal(SITE, place.outbox, PSEUDONYMISER, SEALER)(numbers, NOON)


def test_the_images_of_who_opts_out_are_gone_and_none_comes_in_again(place: Place) -> None:
    place.take(place.staged(1), place.staged(2), place.staged(3, JOHN))
    withdraw(place, JANE)
    assert [file.parts[-4] for file in place.files()] == [place.staged(3, JOHN).patient]
    assert place.take(place.staged(1), place.staged(4), place.staged(5, JOHN)) == [Taken.WITHDRAWN, Taken.WITHDRAWN, Taken.STORED]
    assert place.outbox.query("SELECT count(*) FROM instance") == [(2,)]


def test_who_opted_out_by_nhs_number_is_known_where_pacs_has_that_number(place: Place) -> None:
    withdraw(place, NHS_NUMBERS[0])
    assert place.take(place.staged(1, NHS_NUMBERS[0])) == [Taken.WITHDRAWN]


def test_what_a_killed_withdrawal_left_in_the_store_is_deleted_at_the_next_start(place: Place, tmp_path: Path) -> None:
    place.take(place.staged(1), place.staged(2, JOHN))
    with place.outbox.transaction(NOON) as transaction:
        transaction.add([Message(f"withdrawn-{place.staged(1).patient}", "nccid.withdrawals", b"", b"")])
    place.end()
    again = Place.at(tmp_path)
    again.intake.recover(NOON)
    assert [file.parts[-4] for file in again.files()] == [again.staged(2, JOHN).patient]
    again.end()


VERSION_1 = """
CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), instant INTEGER NOT NULL);
INSERT INTO clock VALUES (1, 0);
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, key BLOB NOT NULL,
    value BLOB NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE sent (cluster TEXT PRIMARY KEY, through INTEGER NOT NULL);
CREATE TABLE upload (id TEXT PRIMARY KEY, site TEXT NOT NULL, kind TEXT NOT NULL, receipt TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL UNIQUE, rows INTEGER NOT NULL);
CREATE TABLE study (id INTEGER PRIMARY KEY, site TEXT NOT NULL, study TEXT NOT NULL, patient TEXT NOT NULL, key BLOB NOT NULL,
    report BLOB NOT NULL, UNIQUE (site, study, patient));
CREATE TABLE instance (study INTEGER NOT NULL REFERENCES study (id), fingerprint BLOB NOT NULL, modality TEXT NOT NULL,
    PRIMARY KEY (study, fingerprint)) WITHOUT ROWID;
INSERT INTO message VALUES (1, 'event', 'topic', x'00', x'01', 5);
PRAGMA user_version = 1;
"""


def test_an_outbox_from_before_the_store_goes_on(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "outbox.sqlite3") as old:
        old.executescript(VERSION_1)
    old.close()
    place = Place.at(tmp_path)
    assert place.take(place.staged()) == [Taken.STORED]
    assert [stored.topic for stored in place.outbox.unsent("any", 9)] == ["topic", RAW_IMAGES.name]
    with sqlite3.connect(tmp_path / "new.sqlite3") as fresh:
        fresh.executescript((Path(database.__file__).parent / "schema.sql").read_text(encoding="utf-8"))
        columns = (
            "SELECT m.name, p.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p WHERE m.type IN ('table', 'index')"
        )
        assert sorted(fresh.execute(columns)) == sorted(place.outbox.query(columns))
    fresh.close()
    place.end()
