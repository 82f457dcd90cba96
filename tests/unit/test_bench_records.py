"""What the benchmarks of the streams are fed with: valid by the strict wire, always the same, and folded to what is claimed."""

import datetime as dt
import shutil
from pathlib import Path

import pytest

from bench.filling import batches
from bench.fold import STATUS, partition_of, the_fold
from bench.growth import _Asked, _reports
from bench.join import records
from bench.pseudonymous import match, row, study
from bench.raw import Hospital, nhs_numbers
from bench.states import _states
from identity import keyring, numbers
from identity.numbers import NhsNumber
from identity.seal import RowIdentity, Sealer, StudyIdentity
from schemas import sites
from schemas.records import RowPseudonymised, RowSubmitted, StudyPseudonymised, StudyReceived
from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_CASES, PSEUDONYMISED_WIRE, RAW_IMAGES, RAW_ROWS, RAW_WIRE, ROWS
from schemas.wire import Wire

CAME = dt.datetime(2026, 5, 1, 9, 0, 0, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("number", [0, 1, 996, 997, 123_456])
def test_rows_and_studies_are_records_by_the_strict_wire(number: int) -> None:
    as_row, as_study = row(number, CAME), study(number, CAME)
    assert PSEUDONYMISED_WIRE.decode(Wire.encode(as_row)) == as_row
    assert PSEUDONYMISED_WIRE.decode(Wire.encode(as_study)) == as_study
    assert (as_row.patient, as_row.person, as_row.match) == (as_study.patient, as_study.person, as_study.match)


def test_the_same_number_gives_the_same_record_and_another_gives_another() -> None:
    assert row(7, CAME) == row(7, CAME)
    assert study(7, CAME) == study(7, CAME)
    assert len({match(number) for number in range(1_000)}) == 1_000
    assert study(7, CAME, 1).study != study(7, CAME).study != study(8, CAME).study


def test_a_row_has_every_cell_filled() -> None:
    assert len(row(0, CAME).values) == 58  # sixty columns, less the two identifiers, which no record holds


@pytest.mark.parametrize("turn", [1, -1], ids=["row first", "study first"])
def test_row_and_study_lead_to_one_status_and_one_case_of_a_person_each_in_either_order(turn: int) -> None:
    fold, key = the_fold(), match(3).encode()
    sides: list[RowPseudonymised | StudyPseudonymised] = [row(3, CAME), study(3, CAME)]
    kept, written = None, []
    for record in sides[::turn]:
        emitted = fold(key, Wire.encode(record), kept)
        written.append([each.topic.name for each in emitted])
        kept = next(each.value for each in emitted if each.topic.name == STATUS)
    assert written == [[STATUS, PERSON_CASES.name]] * 2
    assert kept is not None
    assert [known.status.state for known in COVERAGE_STATUS.wire.decode(kept).cases if known.status] == ["complete"]


def test_every_patient_has_a_row_and_a_study_and_nothing_is_overdue_yet() -> None:
    placed = list(records(5))
    assert [topic for topic, _, _ in placed] == [ROWS.name, IMAGES.name] * 5
    assert all(PSEUDONYMISED_WIRE.decode(value).match.encode() == key for _, key, value in placed)


def test_states_are_what_the_fold_makes_and_the_last_wait_for_their_study() -> None:
    states = [COVERAGE_STATUS.wire.decode(value) for _, _, value in _states(0, 4, 1, CAME)]
    assert [known.status.state for state in states for known in state.cases if known.status] == ["complete"] * 3 + [
        "awaiting-images"
    ]


def test_reports_change_the_status_and_add_no_study() -> None:
    fold = the_fold()
    kept = {key: value for _, key, value in _states(0, 2, 0, CAME)}
    before = {key: len(value) for key, value in kept.items()}
    for _, key, value in _reports(_Asked(8, 2, 0), CAME):
        (status,) = [each.value for each in fold(key, value, kept[key]) if each.topic.name == STATUS]
        assert status != kept[key]
        kept[key] = status
    assert all(len(COVERAGE_STATUS.wire.decode(value).cases[0].case.studies) == 1 for value in kept.values())
    assert all(len(value) - before[key] < 10 for key, value in kept.items())


def test_batches_hold_every_record_in_its_partition_and_in_order() -> None:
    placed = [("topic", match(number).encode(), b"%d" % number) for number in range(40)]
    expected = {partition_of(key) for _, key, _ in placed}
    filled = list(batches(placed))
    assert {place for _, place in filled} == {("topic", partition) for partition in expected}
    assert sum(batch.record_count() for batch, _ in filled) == 40


def test_numbers_are_valid_and_of_the_range_that_is_never_issued() -> None:
    made = [number for number, _ in zip(nhs_numbers(), range(500), strict=False)]
    assert len(set(made)) == 500
    assert all(number.startswith("999") and isinstance(numbers.parse(number), NhsNumber) for number in made)


def test_raw_records_open_for_the_home_that_they_were_made_for(tmp_path: Path) -> None:
    keyring.create(tmp_path / "keyring.json", CAME)
    shutil.copy(Path(sites.__file__).with_name("sites.example.toml"), tmp_path / "sites.toml")
    sealer = Sealer(keyring.load(tmp_path / "keyring.json"))
    placed = list(Hospital(tmp_path).everything(5, CAME))
    made = [RAW_WIRE.decode(value) for _, _, value in placed]
    assert sum(isinstance(record, RowSubmitted) for record in made) == 5
    assert sum(isinstance(record, StudyReceived) for record in made) == 14  # 2.8 for each
    assert {topic for topic, _, _ in placed} == {RAW_ROWS.name, RAW_IMAGES.name}
    for record in made:
        identity = sealer.open(record.identity, f"{record.site}/{record.event}")
        assert isinstance(identity, RowIdentity if isinstance(record, RowSubmitted) else StudyIdentity)
