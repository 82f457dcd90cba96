"""What is handed over and what is not; once, though it is done again or killed; later versions beside the earlier ones."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handover.destination import DestinationError
from handover.export import Export
from handover.folder import Folder
from handover.images import StoreDamagedError
from handover.layout import Processed, Raw
from handover.ledger import LedgerError
from handover.outcome import Outcome
from handover.places import destination
from handover.publishable import counting
from handover.putting import Putting
from handover.split import side_for, side_of
from schemas.problems import UnusableInputError
from schemas.topics import COVERAGE_STATUS
from tests.factories import (
    ANN,
    BOB,
    FILMED,
    NOON,
    RR1,
    RR2,
    patient_withdrawn,
    person_withdrawn,
    raw_row,
    raw_study,
)
from tests.handovers import TODAY, TOMORROW, Handover, image_name, pseudonym, sha, store_image, study_uid

LATER = NOON + dt.timedelta(days=1)
FILM = f"S-RDGM-{RR1}"
DATA = f"raw-nccid/2020-06-01/data/{pseudonym()}_data.json"


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path)


def days(handover: Handover) -> dict[str, list[str]]:
    """By name of file, on which days."""
    found: dict[str, list[str]] = {}
    for path in handover.delivered():
        _, day, _, name = path.split("/")
        found.setdefault(name, []).append(day)
    return found


# --- what is publishable ---------------------------------------------------------------------------------------------


def test_only_complete_cases_go(handover: Handover) -> None:
    handover.complete(RR1)
    handover.arrives(raw_row(nhs_number=BOB, hospital_number="RR99900003"))  # no image
    store_image(handover.store, "RR99900004", "S4")
    handover.arrives(raw_study(patient_id="RR99900004", study="S4"))  # no row
    assert handover.export() == Outcome(complete=1, delivered=1, data=1, images=1)
    assert set(days(handover)) == {f"{pseudonym()}_data.json", f"{image_name(RR1, f'{FILM}-1')}.dcm"}


def test_a_positive_row_in_the_status_sheet_alone_does_not_go(handover: Handover) -> None:
    store_image(handover.store, RR1, "S1")
    handover.arrives(raw_row(kind="negative", result=1), raw_study())
    assert handover.export() == Outcome()


def test_a_patient_in_both_sheets_is_positive(handover: Handover) -> None:
    handover.complete(RR1, kind="negative").arrives(raw_row(uploaded_at=LATER))
    assert handover.export().as_json() | {"images": 1} == Outcome(complete=1, delivered=1, data=1, images=1).as_json()
    assert [path for path in handover.delivered() if path.endswith(".json")] == [DATA]


def test_images_outside_the_window_stay(handover: Handover) -> None:
    handover.complete(RR1)
    store_image(handover.store, RR1, "old", "O1", StudyDate="20100101")
    handover.arrives(raw_study(study="old", study_date=dt.date(2010, 1, 1)))
    assert handover.export().images == 1
    assert not list(handover.tree.rglob(f"*{study_uid('O1')}*"))


def test_images_of_the_store_that_no_case_knows_stay(handover: Handover) -> None:
    handover.complete(RR1)
    store_image(handover.store, RR1, "not reported yet", "N1")
    store_image(handover.store, RR1, FILM, f"{FILM}-1", code="EXMR")
    assert handover.export().images == 1


def test_all_images_inside_the_window_go_whatever_their_kind(handover: Handover) -> None:
    handover.complete(RR1)
    store_image(handover.store, RR1, "echo", "E1", Modality="US")
    handover.arrives(raw_study(study="echo", instances={"US": 1}))
    assert handover.export().images == 2


def test_a_study_of_which_not_all_is_in_the_store_is_told_and_follows(handover: Handover) -> None:
    handover.complete(RR1)
    handover.arrives(raw_study(study=FILM, instances={"DX": 2}, received_at=LATER))
    assert handover.export() == Outcome(complete=1, delivered=1, data=1, images=1, awaited=1)
    store_image(handover.store, RR1, FILM, f"{FILM}-2")
    assert handover.export() == Outcome(complete=1, delivered=1, images=1)


def test_a_row_that_moved_to_another_number_does_not_go_under_the_old_one(handover: Handover) -> None:
    handover.complete(RR1)
    handover.arrives(raw_row(hospital_number=RR2, uploaded_at=LATER))  # the same NHS number
    assert handover.export().complete == 0


def test_a_site_that_the_registry_does_not_name_is_told(handover: Handover) -> None:
    handover.complete(RR1)
    given = handover.given()
    without = type(given)(given.destination, given.layout, given.store, {}, given.units, given.today)
    with Export(without, handover.plan()) as turn:
        turn.take(handover.rows())
        assert turn.finish() == Outcome(complete=1, unknown_site=1)


# --- once, and later versions beside the earlier ones -----------------------------------------------------------------


def test_done_again_it_does_nothing(handover: Handover) -> None:
    handover.complete(RR1).complete(RR2, None, kind="negative")
    handover.export()
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in handover.tree.rglob("*") if path.is_file()}
    handover.arrives(raw_row(uploaded_at=LATER))  # the same row once more
    assert handover.export() == Outcome(complete=2)
    assert handover.export(TOMORROW) == Outcome(complete=2)
    after = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in handover.tree.rglob("*") if path.is_file()}
    assert before == after


def test_rows_in_any_order_and_number_make_the_same_tree(handover: Handover, tmp_path: Path) -> None:
    handover.complete(RR1).complete(RR2, BOB).arrives(raw_row(values={"Age": "9"}, uploaded_at=LATER))
    other = Handover(tmp_path / "other", flow=handover.flow)
    store_image(other.store, RR1, FILM, f"{FILM}-1")
    store_image(other.store, RR2, f"S-RDGM-{RR2}", f"S-RDGM-{RR2}-1")
    handover.export()
    with Export(other.given(), other.plan()) as turn:
        for row in [*reversed(handover.rows()), *handover.rows()]:
            turn.take([row])
        turn.finish()
    trees = [{path: sha(each.tree / path) for path in each.delivered()} for each in (handover, other)]
    assert trees[0] == trees[1]


def test_a_correction_is_added_under_a_later_day_and_overwrites_nothing(handover: Handover) -> None:
    handover.complete(RR1, values={"Age": "40"}).export()
    first = sha(handover.tree / DATA)
    handover.arrives(raw_row(values={"Age": "41"}, uploaded_at=LATER))
    assert handover.export() == Outcome(complete=1, held=1)  # one file a patient and day
    assert handover.export(TOMORROW) == Outcome(complete=1, delivered=1, data=1)
    assert days(handover)[f"{pseudonym()}_data.json"] == ["2020-06-01", "2020-06-02"]
    assert sha(handover.tree / DATA) == first
    assert handover.json(DATA.replace("06-01", "06-02"))["Age"] == 41
    handover.arrives(raw_row(values={"Age": "40"}, uploaded_at=LATER + dt.timedelta(days=1)))  # back again: the latest counts
    assert handover.export(TOMORROW + dt.timedelta(days=1)).data == 1


def test_a_negative_who_turns_positive_has_both_files_on_two_days(handover: Handover) -> None:
    handover.complete(RR1, kind="negative").export()
    handover.arrives(raw_row(uploaded_at=LATER))
    assert handover.export() == Outcome(complete=1, held=1)
    handover.export(TOMORROW)
    assert days(handover)[f"{pseudonym()}_status.json"] == ["2020-06-01"]
    assert days(handover)[f"{pseudonym()}_data.json"] == ["2020-06-02"]


def test_a_later_image_is_added_and_the_others_stay_where_they_are(handover: Handover) -> None:
    handover.complete(RR1).export()
    store_image(handover.store, RR1, "S2", "S2-1")
    handover.arrives(raw_study(study="S2", received_at=LATER))
    assert handover.export(TOMORROW) == Outcome(complete=1, delivered=1, images=1)
    assert days(handover)[f"{image_name(RR1, f'{FILM}-1')}.dcm"] == ["2020-06-01"]
    assert days(handover)[f"{image_name(RR1, 'S2-1')}.dcm"] == ["2020-06-02"]


def test_one_sop_instance_uid_in_two_studies_has_two_names(handover: Handover) -> None:
    handover.complete(RR1)
    store_image(handover.store, RR1, "S2", f"{FILM}-1")
    handover.arrives(raw_study(study="S2", received_at=LATER))
    assert handover.export().images == 2
    assert sorted(path.stem for path in handover.tree.rglob("*.dcm")) == [
        image_name(RR1, f"{FILM}-1"),
        f"{image_name(RR1, f'{FILM}-1')}_2",
    ]


def test_another_layout_needs_another_destination(handover: Handover) -> None:
    handover.complete(RR1).export()
    for layout in (Raw("other"), Processed()):
        handover.layout = layout
        with pytest.raises(UnusableInputError, match="another layout"):
            handover.export()


def test_two_exports_to_one_place_do_not_run_at_once(handover: Handover) -> None:
    with handover.destination.alone(), pytest.raises(DestinationError, match="another export runs"):
        handover.export()


def test_a_damaged_ledger_is_told(handover: Handover) -> None:
    handover.complete(RR1).export()
    (handover.tree / f"ledger/{pseudonym()}.json").write_text("{")
    with pytest.raises(LedgerError, match="damaged"):
        handover.export()


# --- the manifest -------------------------------------------------------------------------------------------------------


def test_the_manifest_has_counts_and_digests_of_all_files_of_its_day(handover: Handover) -> None:
    handover.complete(RR1).complete(RR2, None, kind="negative").export()
    store_image(handover.store, RR1, FILM, f"{FILM}-2")
    handover.export()  # the same day once more
    manifest = handover.manifest()
    files = [path for path in handover.destination.paths("") if path.startswith(("raw-", "cleaned/"))]
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {path: sha(handover.tree / path) for path in files}
    assert manifest["counts"] == {
        "bytes": sum((handover.tree / path).stat().st_size for path in files),
        "cleaned": 2,
        "data": 1,
        "image": 3,
        "patients": 2,
        "status": 1,
    }
    assert (manifest["day"], manifest["layout"], manifest["delete"]) == ("2020-06-01", "raw-nccid", [])


def test_a_manifest_of_an_earlier_day_stays_as_it_is(handover: Handover) -> None:
    handover.complete(RR1).export()
    before = handover.manifest()
    handover.complete(RR2, BOB).export(TOMORROW)
    assert handover.manifest() == before
    assert handover.manifest(TOMORROW)["counts"]["patients"] == 1


def test_where_nothing_went_there_is_no_manifest(handover: Handover) -> None:
    handover.export()
    assert list(handover.destination.paths("manifests/")) == []


# --- opting out ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [patient_withdrawn(), person_withdrawn()], ids=["patient", "person"])
def test_who_opts_out_is_deleted_and_listed_in_the_next_manifest(handover: Handover, by: Any) -> None:  # noqa: ANN401  # either
    handover.complete(RR1).complete(RR2, BOB).export()
    files = [path for path in handover.destination.paths("") if pseudonym() in path and not path.startswith("ledger/")]
    handover.arrives(by)
    assert handover.export(TOMORROW) == Outcome(complete=1, withdrawn=1, deleted=3)
    assert [path for path in handover.delivered() if pseudonym() in path] == []
    assert sorted(each["path"] for each in handover.manifest(TOMORROW)["delete"]) == sorted(files)
    assert {each["reason"] for each in handover.manifest(TOMORROW)["delete"]} == {"withdrawn"}
    assert handover.export(TOMORROW) == Outcome(complete=1)
    assert len(handover.manifest(TOMORROW)["delete"]) == 3
    assert handover.verify(TOMORROW).ok


def test_what_was_delivered_is_found_though_the_topics_have_forgotten_the_patient(handover: Handover) -> None:
    """Records of somebody who opted out are erased from the topics; what is left is that the pseudonym has opted out."""
    handover.complete(RR1).export()
    forgotten = Handover(handover.root).arrives(patient_withdrawn())
    assert forgotten.export(TOMORROW).deleted == 3
    assert forgotten.delivered() == []


def test_nobody_is_deleted_because_the_topics_are_empty(handover: Handover) -> None:
    """A broker that has just been started knows nobody yet."""
    handover.complete(RR1).export()
    before = handover.delivered()
    assert Handover(handover.root).export(TOMORROW) == Outcome()
    assert handover.delivered() == before


def test_who_opted_out_does_not_come_back(handover: Handover) -> None:
    handover.complete(RR1).export()
    handover.arrives(patient_withdrawn())
    handover.export()
    late = Handover(handover.root).complete(RR1)  # a broker that has lost the opt-out
    assert late.export(TOMORROW).delivered == 0
    assert late.delivered() == []


# --- killed at any moment ----------------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """Stands for kill -9: nothing that catches exceptions catches it, and what was done stays."""


class Mortal(Folder):
    """A folder whose process dies before the n-th thing that it does."""

    workers = 1

    def __init__(self, root: Path, lives: int) -> None:
        super().__init__(root)
        self.lives = lives

    def _live(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise KilledError

    def put(self, path: str, content: bytes | Path) -> None:
        self._live()
        super().put(path, content)

    def delete(self, path: str) -> None:
        self._live()
        super().delete(path)


def killed(handover: Handover, lives: int, today: dt.date) -> bool:
    """Whether the export was killed."""
    handover.to = Mortal(handover.tree, lives)
    try:
        handover.export(today)
    except KilledError:
        return True
    finally:
        handover.to = None
    return False


def whole(handover: Handover, today: dt.date) -> None:
    """The next export completes what was begun, and everything agrees."""
    handover.export(today)
    assert handover.verify(today).as_json() | {"files": 0} == {
        "ok": True,
        "patients": 2,
        "files": 0,
        "held": 0,
        "counts": {},
        "differences": [],
    }
    names = [Path(path).name for path in handover.delivered() if path.endswith(".dcm")]
    assert len(names) == len(set(names))
    listed = [file["path"] for path in handover.destination.paths("manifests/") for file in handover.json(path)["files"]]
    there = [path for path in handover.destination.paths("") if path.startswith(("raw-", "cleaned/"))]
    assert sorted(there) == sorted(path for path in listed if path in set(there))
    assert len(listed) == len(set(listed))
    assert list(handover.destination.paths("unfinished/")) == []


@pytest.mark.parametrize("next_day", [TODAY, TOMORROW])
def test_killed_before_anything_it_does_the_next_export_completes(tmp_path: Path, next_day: dt.date) -> None:
    lives = 0
    while True:
        handover = Handover(tmp_path / str(lives)).complete(RR1).complete(RR2, BOB, kind="negative")
        if not killed(handover, lives, TODAY):
            break
        whole(handover, next_day)
        lives += 1
    assert lives > 8  # layout, marker, data and image of two, their ledgers, the manifest


@pytest.mark.parametrize("next_day", [TODAY, TOMORROW])
def test_killed_while_it_takes_somebody_out_the_next_export_completes(tmp_path: Path, next_day: dt.date) -> None:
    lives = 0
    while True:
        handover = Handover(tmp_path / str(lives)).complete(RR1).complete(RR2, BOB, kind="negative")
        handover.export()
        handover.arrives(patient_withdrawn())
        if not killed(handover, lives, TODAY):
            break
        whole(handover, next_day)
        assert [path for path in handover.delivered() if pseudonym() in path] == []
        listed = [each["path"] for path in handover.destination.paths("manifests/") for each in handover.json(path)["delete"]]
        assert len(listed) == len(set(listed)) == 3
        lives += 1
    assert lives > 4


def test_files_of_somebody_who_opts_out_before_the_killed_export_is_completed_go_too(tmp_path: Path) -> None:
    lives = 0
    while True:
        handover = Handover(tmp_path / str(lives)).complete(RR1)
        if not killed(handover, lives, TODAY):
            break
        handover.arrives(patient_withdrawn())
        there = [path for path in handover.delivered() if pseudonym() in path]
        handover.export(TOMORROW)
        assert [path for path in handover.delivered() if pseudonym() in path] == []
        if there:
            listed = {each["path"] for each in handover.manifest(TOMORROW)["delete"]}
            assert set(there) <= listed
        lives += 1


@pytest.mark.parametrize(("next_day", "ages"), [(TODAY, [40]), (TOMORROW, [40, 41])])
def test_a_record_that_a_killed_export_put_is_never_overwritten(tmp_path: Path, next_day: dt.date, ages: list[int]) -> None:
    for lives in range(12):
        handover = Handover(tmp_path / str(lives)).complete(RR1, values={"Age": "40"})
        if not killed(handover, lives, TODAY):
            break
        if not (handover.tree / DATA).exists():
            continue
        handover.arrives(raw_row(values={"Age": "41"}, uploaded_at=LATER))
        handover.export(next_day)
        records = [handover.json(path)["Age"] for path in handover.delivered() if path.endswith("_data.json")]
        assert records == ages
        assert handover.verify(next_day).ok
        handover.export(TOMORROW)
        assert handover.verify(TOMORROW).ok
        assert handover.json(DATA.replace("06-01", "06-02"))["Age"] == 41


def test_what_a_killed_export_left_aside_is_cleared_up(handover: Handover) -> None:
    handover.complete(RR1)
    (handover.tree / ".partial").mkdir(parents=True)
    (handover.tree / ".partial" / "half").write_bytes(b"ha")
    handover.export()
    assert list((handover.tree / ".partial").iterdir()) == []


def test_an_image_that_leaves_the_store_at_this_moment_is_left_out(handover: Handover, monkeypatch: pytest.MonkeyPatch) -> None:
    handover.complete(RR1)
    work = Putting.work

    def then_gone(self: Putting, *args: Any) -> Any:  # noqa: ANN401  # as it is
        planned = work(self, *args)
        for path in handover.store.rglob("*.dcm"):
            path.unlink()
        return planned

    monkeypatch.setattr(Putting, "work", then_gone)
    assert handover.export() == Outcome(complete=1, delivered=1, data=1)


# --- training and validation -------------------------------------------------------------------------------------------------


def test_the_side_is_sha_512_of_the_trimmed_upper_cased_pseudonym_modulo_100() -> None:
    from hashlib import sha512

    for number in range(200):
        name = f"Covid{number}"
        expected = "training" if int(sha512(name.upper().encode()).hexdigest(), 16) % 100 < 30 else "validation"
        assert side_of(name, 30) == side_of(f" {name.lower()} ", 30) == expected


def test_the_share_is_the_share() -> None:
    sides = [side_of(f"Covid{number}", 80) for number in range(2000)]
    assert 0.76 < sides.count("training") / len(sides) < 0.84
    assert {side_of(f"Covid{number}", 0) for number in range(100)} == {"validation"}
    assert {side_of(f"Covid{number}", 100) for number in range(100)} == {"training"}


def test_a_person_is_on_one_side_and_a_side_that_is_taken_decides() -> None:
    people = [f"Covid{number}" for number in range(20)]
    assert {side_for(each, people, [], 50) for each in people} == {side_of(min(people), 50)}
    assert {side_for(each, people, ["validation"], 100) for each in people} == {"validation"}


@pytest.mark.parametrize("first", [0, 1])
def test_somebody_at_two_sites_stays_on_one_side_in_any_order(tmp_path: Path, first: int) -> None:
    def at_rdgm(handover: Handover) -> Handover:
        return handover.complete(RR1, ANN)

    def at_exmr(handover: Handover) -> Handover:
        return handover.complete("XX9990001", ANN, site="EXMR")

    arrivals: list[Callable[[Handover], Handover]] = [at_rdgm, at_exmr]
    handover = Handover(tmp_path, layout=Processed(), training=50)
    arrivals[first](handover)
    handover.export()
    handover.training = 100 if next(iter(handover.delivered())).startswith("validation") else 0
    arrivals[1 - first](handover)
    handover.export(TOMORROW)
    assert len({path.split("/")[0] for path in handover.delivered()}) == 1


def test_a_side_is_kept_though_the_share_changes(tmp_path: Path) -> None:
    handover = Handover(tmp_path, layout=Processed(), training=100).complete(RR1)
    handover.export()
    handover.training = 0
    handover.arrives(raw_row(values={"Age": "50"}, uploaded_at=LATER))
    handover.export(TOMORROW)
    assert {path.split("/")[0] for path in handover.delivered()} == {"training"}
    assert FILMED.year == 2020


# --- what cannot be done is told -------------------------------------------------------------------------------------------


def test_a_file_in_the_store_that_is_no_dicom_is_told_with_its_place(tmp_path: Path) -> None:
    handover = Handover(tmp_path, layout=Processed()).complete(RR1)
    (image,) = handover.store.rglob("*.dcm")
    image.write_bytes(b"not DICOM")
    with pytest.raises(StoreDamagedError, match="cannot be read as DICOM"):
        handover.export()
    image.unlink()
    store_image(handover.store, RR1, FILM, f"{FILM}-1")
    assert handover.export().images == 1
    assert handover.verify().ok


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, and no folder")
    with pytest.raises(DestinationError, match="see that there is room and that it is yours"):
        Handover(tmp_path).complete(RR1).export()


def test_a_folder_that_nothing_was_exported_to_is_not_made_by_looking(handover: Handover) -> None:
    handover.complete(RR1)
    assert handover.verify().counts == {"undelivered": 2}
    assert not handover.tree.exists()


def test_a_destination_is_a_folder_or_an_address(tmp_path: Path) -> None:
    assert isinstance(destination(str(tmp_path)), Folder)


def test_a_row_counts_where_it_is_usable() -> None:
    flow = Handover(Path()).arrives(raw_row(kind="negative", result=1)).flow
    ((_, value),) = flow.broker.topics[COVERAGE_STATUS.name]
    (known,) = COVERAGE_STATUS.wire.decode(value).cases
    assert counting(known.case) is None
    main, status = (counting_of(Handover(Path()).arrives(raw_row(kind=kind))) for kind in ("positive", "negative"))
    assert (main, status) == ("positive", "negative")


def counting_of(handover: Handover) -> str | None:
    ((_, value),) = handover.flow.broker.topics[COVERAGE_STATUS.name]
    row = counting(COVERAGE_STATUS.wire.decode(value).cases[0].case)
    return row.kind if row else None
