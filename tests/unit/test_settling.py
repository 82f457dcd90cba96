"""Settling: a study is told of at once, again when it is quiet or has been open for long, and again when more comes later."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.images.headers import Instance
from edge.images.studies import Arrival, StudyBook
from edge.sending.outbox import Outbox
from schemas.rules import Settling
from schemas.topics import RAW_IMAGES
from tests.edge_factories import HOSPITAL_NUMBERS, NOON, PSEUDONYMISER, SEALER, SITE, hospital_number

JANE, JOHN = HOSPITAL_NUMBERS[:2]
RULES = Settling(quiet=dt.timedelta(minutes=5), cap=dt.timedelta(hours=4))
Told = list[tuple[dict[str, int], bool]]


class Hospital:
    """A node's book of studies, and a clock that stands until it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOON
        self.outbox = Outbox(path)
        self.book = StudyBook(SITE, "node", PSEUDONYMISER, SEALER)

    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path)
        self.book = StudyBook(SITE, "node", PSEUDONYMISER, SEALER)

    def arrive(self, *numbers: int, patient: str = JANE, **facts: str) -> None:
        images = [image(number, patient, **facts) for number in numbers]
        with self.outbox.transaction(self.now) as transaction:
            self.book.take(transaction, map(Arrival, images), settled=False)

    def after(self, **time: float) -> int:
        self.now += dt.timedelta(**time)
        with self.outbox.transaction(self.now) as transaction:
            return self.book.settle(transaction, RULES)

    def told(self) -> Told:
        return [(report.instances, report.settled) for report in self.reports()]

    def reports(self) -> list[RAW_IMAGES.record]:  # type: ignore[name-defined]  # the topic's own record
        return [RAW_IMAGES.wire.decode(stored.value) for stored in self.outbox.unsent("any", 1000)]


def image(number: int, patient: str, modality: str = "CT", part: str | None = None) -> Instance:
    return Instance(
        study_uid="1.2.3",
        instance_uid=f"1.2.3.{number}",
        patient_id=hospital_number(patient),
        study_date=None,
        modality=modality,
        body_part=part,
        manufacturer=None,
        model=None,
    )


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    made = Hospital(tmp_path / "outbox.sqlite3")
    yield made
    made.outbox.close()


def test_a_study_is_told_of_at_once_and_again_when_it_is_quiet(hospital: Hospital) -> None:
    hospital.arrive(1)
    hospital.arrive(2, 3)
    assert hospital.told() == [({"CT": 1}, False)]
    assert hospital.after(minutes=4, seconds=59) == 0
    assert hospital.after(seconds=2) == 1
    assert hospital.told() == [({"CT": 1}, False), ({"CT": 3}, True)]
    assert hospital.after(days=9) == 0


def test_each_new_image_keeps_it_open_and_one_that_comes_again_does_not(hospital: Hospital) -> None:
    hospital.arrive(1)
    hospital.after(minutes=4)
    hospital.arrive(2)
    assert hospital.after(minutes=4) == 0
    hospital.arrive(2)
    assert hospital.after(minutes=1, seconds=1) == 1


def test_a_study_that_never_becomes_quiet_is_told_of_at_the_cap(hospital: Hospital) -> None:
    for number in range(61):
        hospital.arrive(number)
        settled = hospital.after(minutes=4)
        assert settled == (1 if number == 59 else 0)
    assert hospital.told() == [({"CT": 1}, False), ({"CT": 60}, True), ({"CT": 61}, False)]


def test_late_images_open_it_again_with_counts_that_only_grow(hospital: Hospital) -> None:
    hospital.arrive(1)
    hospital.after(minutes=5, seconds=1)
    hospital.now += dt.timedelta(days=30)
    hospital.arrive(1)
    assert hospital.told()[-1] == ({"CT": 1}, True)
    hospital.arrive(2, modality="MR")
    assert hospital.told()[-1] == ({"CT": 1, "MR": 1}, False)
    hospital.after(minutes=5, seconds=1)
    assert hospital.told()[-1] == ({"CT": 1, "MR": 1}, True)


def test_what_is_open_stands_on_disk_and_survives_a_restart(hospital: Hospital) -> None:
    hospital.arrive(1, part="CHEST")
    hospital.arrive(2, part="ABDOMEN")
    hospital.restart()
    assert hospital.after(minutes=5, seconds=1) == 1
    assert hospital.reports()[-1].body_parts == ["ABDOMEN", "CHEST"]
    hospital.restart()
    assert hospital.after(minutes=5, seconds=1) == 0


def test_a_second_patient_is_told_in_both_reports_whether_settled_or_not(hospital: Hospital) -> None:
    hospital.arrive(1)
    hospital.after(minutes=5, seconds=1)
    hospital.arrive(2, patient=JOHN)
    assert [(report.patient_ids, report.settled) for report in hospital.reports()] == [
        (1, False),
        (1, True),
        (2, True),
        (2, False),
    ]
    hospital.after(minutes=5, seconds=1)
    assert [(report.patient_ids, report.settled) for report in hospital.reports()[4:]] == [(2, True)]


def test_a_clock_that_steps_back_delays_nothing_for_ever(hospital: Hospital) -> None:
    hospital.arrive(1)
    hospital.now -= dt.timedelta(hours=1)
    hospital.arrive(2)
    assert hospital.after(hours=1, minutes=5, seconds=1) == 1
