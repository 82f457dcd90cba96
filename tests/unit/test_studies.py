"""Studies: one report for each study and patient, counting every distinct image once, over all commands."""

import datetime as dt
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.images.headers import Instance
from edge.images.send_images import FileProblem, ImagesAnswer, send_images
from edge.images.studies import Arrival, StudyBook
from edge.sending.outbox import Outbox
from edge.store.folder import Store
from edge.words import images_words
from identity.keyring import Keyring
from identity.seal import Sealer, SealError, StudyIdentity
from schemas.records import StudyReceived
from schemas.sites import Site
from schemas.topics import RAW_IMAGES
from tests.edge_factories import (
    HOSPITAL_NUMBERS,
    NHS_NUMBERS,
    NHS_SITE,
    NOON,
    PSEUDONYMISER,
    SEALER,
    SITE,
    dicom_file,
    hospital_number,
)

JANE, JOHN = HOSPITAL_NUMBERS[:2]

KILLED = """
import datetime as dt, sys
from pathlib import Path
from edge.images import send_images
from edge.sending.outbox import Outbox
from edge.store.folder import Store
from tests.edge_factories import PSEUDONYMISER, SEALER, SITE
send_images._BATCH = 10
with Outbox(Path(sys.argv[1])) as outbox:
    print("ready", flush=True)
    store = Store(outbox.path.parent.parent / "store")
    send_images.send_images([Path(sys.argv[2])], SITE, outbox, store, PSEUDONYMISER, SEALER, dt.datetime.now(dt.UTC))
"""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "data" / "outbox.sqlite3") as opened:
        yield opened


def image(number: int = 1, study: str = "1.2.3", patient: str = JANE, modality: str = "CT", **facts: str) -> Instance:
    return Instance(
        study_uid=study,
        instance_uid=f"{study}.{number}",
        patient_id=hospital_number(patient),
        study_date=dt.date.fromisoformat(facts["date"]) if "date" in facts else None,
        modality=modality,
        body_part=facts.get("part"),
        manufacturer=facts.get("maker"),
        model=facts.get("model"),
    )


def take(outbox: Outbox, *images: Instance, site: Site = SITE, settled: bool = True) -> set[str]:
    with outbox.transaction(NOON) as transaction:
        return StudyBook(site, "send-images", PSEUDONYMISER, SEALER).take(transaction, map(Arrival, images), settled=settled)


def reports(outbox: Outbox) -> list[StudyReceived]:
    return [RAW_IMAGES.wire.decode(stored.value) for stored in outbox.unsent("any", 10_000)]


def whose(report: StudyReceived) -> str | None:
    identity = SEALER.open(report.identity, f"{report.site}/{report.event}")
    assert isinstance(identity, StudyIdentity)
    return identity.patient_id


def send(outbox: Outbox, *paths: Path, site: Site = SITE) -> ImagesAnswer:
    return send_images(paths, site, outbox, store_of(outbox), PSEUDONYMISER, SEALER, NOON)


def store_of(outbox: Outbox) -> Store:
    return Store(outbox.path.parent.parent / "store")


def stored(outbox: Outbox) -> list[Path]:
    return sorted(path for path in store_of(outbox).root.rglob("*.dcm"))


def test_the_images_of_a_study_are_one_report(outbox: Outbox) -> None:
    studies = take(
        outbox,
        image(1, date="2020-05-07", part="CHEST", maker="Imaging Ltd", model="X 1000"),
        image(2, date="2020-05-07", part="ABDOMEN"),
        image(3, modality="MR"),
    )
    (report,) = reports(outbox)
    assert studies == {PSEUDONYMISER.uid("1.2.3")} == {report.study}
    assert whose(report) == JANE
    assert msgspec.structs.asdict(report) | {"event": "", "identity": ""} == {
        "event": "",
        "site": "RDGM",
        "origin": "send-images",
        "study": report.study,
        "received_at": NOON,
        "identity": "",
        "study_date": dt.date(2020, 5, 7),
        "instances": {"CT": 2, "MR": 1},
        "patient_ids": 1,
        "body_parts": ["ABDOMEN", "CHEST"],
        "manufacturer": "Imaging Ltd",
        "model": "X 1000",
        "settled": True,
    }


def test_the_key_is_that_of_the_rows_of_the_same_patient(outbox: Outbox) -> None:
    take(outbox, image())
    take(outbox, image(patient=NHS_NUMBERS[0]), site=NHS_SITE)
    assert [(stored.topic, stored.key) for stored in outbox.unsent("any", 9)] == [
        (RAW_IMAGES.name, PSEUDONYMISER.routing(SITE, hospital_number(JANE))),
        (RAW_IMAGES.name, PSEUDONYMISER.routing(NHS_SITE, hospital_number(NHS_NUMBERS[0]))),
    ]


def test_the_same_images_again_report_nothing(outbox: Outbox) -> None:
    take(outbox, image(1), image(2))
    take(outbox, image(2), image(1), image(1))
    assert len(reports(outbox)) == 1


def test_more_images_are_counted_with_those_that_came_before(outbox: Outbox) -> None:
    take(outbox, image(1))
    take(outbox, image(1), image(2), image(3, modality="MR"))
    first, second = reports(outbox)
    assert (first.instances, second.instances) == ({"CT": 1}, {"CT": 2, "MR": 1})
    assert first.study == second.study
    assert second.received_at - first.received_at == dt.timedelta(microseconds=1)
    assert (whose(first), whose(second)) == (JANE, JANE)


def test_a_second_patient_in_a_study_is_told_in_both_patients_reports(outbox: Outbox) -> None:
    take(outbox, image(1))
    take(outbox, image(2, patient=JOHN))
    told = [(whose(report), report.instances, report.patient_ids) for report in reports(outbox)]
    assert told == [(JANE, {"CT": 1}, 1), (JANE, {"CT": 1}, 2), (JOHN, {"CT": 1}, 2)]
    take(outbox, image(1), image(2, patient=JOHN))
    assert len(reports(outbox)) == 3


def test_ways_of_writing_one_patient_id_are_one_patient(outbox: Outbox) -> None:
    take(outbox, image(1, patient=JANE), image(2, patient=f" {JANE.lower()} "))
    take(outbox, image(1, patient="999 462 1785"), image(2, patient="9994621785"), site=NHS_SITE)
    assert [(report.instances, report.patient_ids) for report in reports(outbox)] == [({"CT": 2}, 1), ({"CT": 2}, 1)]


def test_one_study_at_two_sites_is_counted_apart(outbox: Outbox) -> None:
    take(outbox, image())
    take(outbox, image(), site=NHS_SITE)
    assert [(report.site, report.patient_ids) for report in reports(outbox)] == [("RDGM", 1), (NHS_SITE.code, 1)]


def test_what_a_command_brings_does_not_settle_what_the_node_still_waits_for(outbox: Outbox) -> None:
    take(outbox, image(1), settled=False)
    take(outbox, image(1), image(2), settled=True)
    assert [(report.settled, report.instances) for report in reports(outbox)] == [(False, {"CT": 1}), (False, {"CT": 2})]


def test_a_study_sealed_with_another_keyring_is_not_taken(outbox: Outbox) -> None:
    take(outbox, image(1))
    stranger = Sealer(Keyring({1: b"another secret of thirty-two bytes"}))
    book = StudyBook(SITE, "send-images", PSEUDONYMISER, stranger)
    with pytest.raises(SealError), outbox.transaction(NOON) as transaction:
        book.take(transaction, [Arrival(image(2))], settled=True)
    assert len(reports(outbox)) == 1


IMAGES = [
    image(number, study, patient, modality, **facts)
    for number, (study, patient, modality, facts) in enumerate(
        [
            ("1.2.3", JANE, "CT", {"date": "2020-05-07", "part": "CHEST"}),
            ("1.2.3", JANE, "CT", {"maker": "B"}),
            ("1.2.3", JANE, "MR", {"maker": "A", "date": "2020-05-06"}),
            ("1.2.3", JOHN, "CT", {"part": "HEAD"}),
            ("1.2.4", JOHN, "DX", {}),
        ]
    )
]


@settings(deadline=None)  # files are written
@given(st.permutations(IMAGES), st.sets(st.integers(1, len(IMAGES) - 1)), st.lists(st.sampled_from(IMAGES), max_size=3))
def test_any_order_repetition_and_division_ends_in_the_same_reports(
    tmp_path_factory: pytest.TempPathFactory, order: list[Instance], cuts: set[int], again: list[Instance]
) -> None:
    def last_reports(name: str, *batches: list[Instance]) -> dict[tuple[str, str | None], str]:
        with Outbox(tmp_path_factory.mktemp(name) / "outbox.sqlite3") as outbox:
            for batch in batches:
                take(outbox, *batch)
            return {(report.study, whose(report)): report.event for report in reports(outbox)}

    edges = [0, *sorted(cuts), len(order)]
    batches = [order[start:end] for start, end in itertools.pairwise(edges)]
    assert last_reports("divided", *batches, again) == last_reports("whole", IMAGES)


def test_files_and_folders_are_sent_and_every_file_is_accounted_for(outbox: Outbox, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    for number in range(3):
        dicom_file(folder / f"{number}.dcm", SOPInstanceUID=f"1.2.3.1.{number}")
    other = dicom_file(tmp_path / "other.dcm", StudyInstanceUID="1.2.4", PatientID=JOHN)
    dicom_file(folder / "report.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", pixels=None)
    (folder / "letter.txt").write_text("hello")
    (folder / ".DS_Store").write_text("hello")
    (folder / "dangling.dcm").symlink_to(tmp_path / "nowhere")
    answer = send(outbox, folder, other)
    assert (answer.studies, answer.instances, answer.accepted) == (2, 4, 4)
    assert [Path(each.file).name for each in answer.failed] == ["dangling.dcm", "letter.txt"]
    assert [Path(each.file).name for each in answer.excluded] == [".DS_Store", "report.dcm"]
    assert [(whose(report), report.instances) for report in reports(outbox)] in (
        [(JANE, {"CT": 3}), (JOHN, {"CT": 1})],
        [(JOHN, {"CT": 1}), (JANE, {"CT": 3})],
    )
    assert send(outbox, folder, other) == answer
    assert len(reports(outbox)) == 2


def test_an_image_that_is_held_back_is_told_apart_from_a_file_that_failed(outbox: Outbox, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    dicom_file(folder / "burned.dcm", BurnedInAnnotation="YES")
    dicom_file(folder / "good.dcm")
    (folder / "letter.txt").write_text("hello")
    answer = send(outbox, folder)
    assert [(Path(each.file).name, each.is_held) for each in answer.failed] == [("burned.dcm", True), ("letter.txt", False)]
    assert answer.failed[0].problem == f"held back: {answer.failed[0].reason}"
    failed, held, outcome = images_words(answer).splitlines()
    assert failed.startswith(f"FAILED    {folder / 'letter.txt'}: ")
    assert held == f"HELD      {folder / 'burned.dcm'}: {answer.failed[0].reason}"
    assert outcome == "1 images of 1 studies were accepted; 1 files failed, 1 are held back and need a look, 0 were left out."


def test_a_study_larger_than_a_batch_is_counted_whole(outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.images.send_images._BATCH", 2)
    for number in range(5):
        dicom_file(tmp_path / "export" / f"{number}.dcm", SOPInstanceUID=f"1.2.3.1.{number}")
    assert send(outbox, tmp_path / "export").accepted == 5
    assert [report.instances for report in reports(outbox)] == [{"CT": 2}, {"CT": 4}, {"CT": 5}]


def test_progress_tells_how_many_files_of_how_many(outbox: Outbox, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    paths = [dicom_file(tmp_path / f"{number}.dcm") for number in range(3)]
    store = store_of(outbox)
    send_images(paths, SITE, outbox, store, PSEUDONYMISER, SEALER, NOON, progress=lambda *counts: told.append(counts))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_file_name_that_is_no_text_can_still_be_told(outbox: Outbox, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.dcm")
    (tmp_path / name).write_bytes(b"x")
    (failed,) = send(outbox, tmp_path / name).failed
    assert msgspec.json.decode(msgspec.json.encode(failed), type=FileProblem).file.endswith("caf\N{REPLACEMENT CHARACTER}.dcm")


def test_no_identifier_lies_in_any_byte_on_disk_nor_in_words_or_logs(
    outbox: Outbox, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    planted = ("RR99977777", "PLANTEDNAME", "9994621785", "19010203", "ACC999888", "1.2.999.777.1", "PLANTED LANE")
    values: dict[str, Any] = {
        "PatientID": planted[0],
        "PatientName": f"{planted[1]}^JANE",
        "OtherPatientIDs": planted[2],
        "PatientBirthDate": planted[3],
        "AccessionNumber": planted[4],
        "StudyInstanceUID": planted[5],
        "PatientAddress": planted[6],
        "Manufacturer": f"Owner {planted[1]}",
        "ManufacturerModelName": planted[2],
        "BodyPartExamined": planted[1],
        "Modality": planted[1],
    }
    path = dicom_file(tmp_path / "1.dcm", **values)
    with caplog.at_level(logging.DEBUG):
        answer = send(outbox, path, dicom_file(tmp_path / "2.dcm", **values | {"SOPInstanceUID": "1.2.999.777.1.2"}))
        unusable = dicom_file(tmp_path / "3.dcm", **values | {"PatientID": f"{planted[0]}\\{planted[2]}"})
        told = send(outbox, unusable)
    outbox.query("PRAGMA wal_checkpoint(PASSIVE)")
    take(outbox, image())
    assert len(stored(outbox)) == 2
    files = [*outbox.path.parent.iterdir(), *stored(outbox)]
    disk = b"".join(each.read_bytes() for each in files) + b"".join(bytes(each) for each in files)
    words = (repr(answer) + repr(told) + "".join(capfd.readouterr()) + caplog.text).encode()
    assert (answer.accepted, len(told.failed)) == (2, 1)
    assert b"study-received" in disk
    assert [text for text in planted if text.encode() in disk.upper() + words.upper()] == []


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2])
def test_sending_killed_at_any_point_and_repeated_counts_each_image_once(tmp_path: Path, seconds: float) -> None:
    export, path = tmp_path / "export", tmp_path / "data" / "outbox.sqlite3"
    for number in range(60):
        dicom_file(export / f"{number}.dcm", SOPInstanceUID=f"1.2.3.1.{number}", StudyInstanceUID=f"1.2.3.{number % 7}")
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path), str(export)], stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        os.kill(victim.pid, signal.SIGKILL)
    with Outbox(path) as outbox:
        known = dict(
            outbox.query("SELECT study.study, count(*) FROM instance JOIN study ON study.id = instance.study GROUP BY 1")
        )
        assert {report.study: report.instances["CT"] for report in reports(outbox)} == known
        send(outbox, export)
        last = {report.study: report.instances["CT"] for report in reports(outbox)}
        assert sorted(last.values()) == [8, 8, 8, 9, 9, 9, 9]
        assert len(stored(outbox)) == 60
        assert not list((store_of(outbox).root / ".staging").iterdir())
