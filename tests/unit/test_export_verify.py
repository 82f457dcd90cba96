"""Verify finds what is not as it should be, and only that; each difference by its name and place."""

import datetime as dt
import json
from pathlib import Path

import pytest

from handover.layout import Layout, Processed, Raw
from handover.verify import Difference, Verdict
from handover.words import outcome_words, verdict_words
from tests.factories import BOB, NOON, RR1, RR2, patient_withdrawn, raw_row, raw_study
from tests.handovers import TODAY, TOMORROW, Handover, image_name, pseudonym, store_image, study_uid

LATER = NOON + dt.timedelta(days=1)
DATA = f"raw-nccid/2020-06-01/data/{pseudonym()}_data.json"
IMAGE = f"raw-nccid/2020-06-01/images/{image_name(RR1, f'S-RDGM-{RR1}-1')}.dcm"
CLEANED = f"cleaned/2020-06-01/{pseudonym()}.json"


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    made = Handover(tmp_path).complete(RR1).complete(RR2, BOB, kind="negative")
    made.export()
    return made


def found(verdict: Verdict) -> list[tuple[str, str]]:
    return sorted((each.what, each.path) for each in verdict.differences)


def test_a_tree_as_it_was_delivered_agrees(handover: Handover) -> None:
    verdict = handover.verify()
    assert (verdict.ok, verdict.patients, verdict.files, found(verdict)) == (True, 2, 6, [])


@pytest.mark.parametrize("path", [DATA, IMAGE, CLEANED])
def test_missing(handover: Handover, path: str) -> None:
    (handover.tree / path).unlink()
    assert found(handover.verify()) == [("missing", path)]


@pytest.mark.parametrize("path", [DATA, IMAGE, CLEANED])
def test_changed(handover: Handover, path: str) -> None:
    content = bytearray((handover.tree / path).read_bytes())
    content[-3] ^= 1
    (handover.tree / path).write_bytes(content)
    assert found(handover.verify()) == [("changed", path)]


@pytest.mark.parametrize(
    "path",
    [
        DATA.replace("06-01", "06-02"),
        DATA.replace(pseudonym(), "CovidNOBODY"),
        IMAGE.replace(".dcm", "_2.dcm"),
        "raw-nccid/2020-06-01/notes.txt",
        "raw-other/x",
        "loose.txt",
    ],
)
def test_extra(handover: Handover, path: str) -> None:
    (handover.tree / path).parent.mkdir(parents=True, exist_ok=True)
    (handover.tree / path).write_bytes(b"{}")
    assert found(handover.verify()) == [("extra", path)]


def test_a_record_changed_together_with_its_ledger_is_found_by_the_topics(handover: Handover) -> None:
    ledger = handover.tree / f"ledger/{pseudonym()}.json"
    forged = json.loads(ledger.read_bytes())
    forged["files"][0]["sha256"] = "0" * 64
    ledger.write_text(json.dumps(forged))
    assert found(handover.verify(TOMORROW)) == [("changed", DATA), ("undelivered", f"{pseudonym()}_data.json")]


def test_an_image_that_is_another_in_the_store_now_is_found(handover: Handover) -> None:
    store_image(handover.store, RR1, f"S-RDGM-{RR1}", f"S-RDGM-{RR1}-1", SeriesDescription="another")
    assert found(handover.verify()) == [("changed", IMAGE)]


def test_what_came_since_is_undelivered(handover: Handover) -> None:
    store_image(handover.store, RR1, "S9", "I9")
    handover.arrives(raw_study(study="S9"), raw_row(values={"Age": "50"}, uploaded_at=LATER))
    source = f"{pseudonym()}/{study_uid('S9')}/{study_uid('S9/series')}/{study_uid('I9')}.dcm"
    assert found(handover.verify(TOMORROW)) == [("undelivered", source), ("undelivered", f"{pseudonym()}_data.json")]
    today = handover.verify()
    assert (found(today), today.held) == ([("undelivered", source)], 1)
    handover.export(TOMORROW)
    assert handover.verify(TOMORROW).ok


def test_somebody_who_was_never_delivered_is_undelivered(handover: Handover) -> None:
    handover.complete("RR99900003", None)
    assert {what for what, _ in found(handover.verify())} == {"undelivered"}


def test_who_opted_out_and_is_still_there_is_to_be_deleted(handover: Handover) -> None:
    handover.arrives(patient_withdrawn())
    assert found(handover.verify()) == [("to-delete", path) for path in sorted([DATA, IMAGE, CLEANED])]
    handover.export(TOMORROW)
    assert handover.verify(TOMORROW).ok


def test_what_would_not_be_handed_over_now_is_a_doubt_and_no_fault(handover: Handover) -> None:
    handover.arrives(raw_study(study=f"S-RDGM-{RR1}", study_date=dt.date(2010, 1, 1), received_at=LATER))
    verdict = handover.verify()
    assert verdict.ok
    assert found(verdict) == [("doubtful", path) for path in sorted([DATA, IMAGE, CLEANED])]


def test_a_study_that_left_the_window_is_a_doubt(handover: Handover) -> None:
    store_image(handover.store, RR1, "S9", "I9")
    handover.arrives(raw_study(study="S9"))
    handover.export()
    handover.arrives(raw_study(study="S9", study_date=dt.date(2010, 1, 1), received_at=LATER))
    assert found(handover.verify()) == [("doubtful", f"raw-nccid/2020-06-01/images/{image_name(RR1, 'I9')}.dcm")]


def test_it_is_told_with_places(handover: Handover) -> None:
    (handover.tree / DATA).unlink()
    said = verdict_words(handover.verify())
    assert "1 missing" in said
    assert f"  {DATA}" in said
    assert said.endswith("this is NOT as it should be")
    many = Verdict(files=30, patients=1, held=2)
    for number in range(25):
        many.add("extra", f"{number}.txt")
    assert "and 5 more; --json names them" in verdict_words(many)
    assert "2 corrected records wait" in verdict_words(many)
    assert verdict_words(Verdict()).endswith("everything agrees")


def test_an_outcome_is_told_without_what_did_not_happen(handover: Handover) -> None:
    assert "\n" not in outcome_words(handover.export(), "here")
    handover.arrives(patient_withdrawn())
    assert "3 files of theirs were deleted" in outcome_words(handover.export(), "here")


def test_verify_changes_nothing(handover: Handover) -> None:
    (handover.tree / DATA).unlink()
    before = sorted(path for path in handover.tree.rglob("*"))
    handover.verify(TODAY)
    assert sorted(path for path in handover.tree.rglob("*")) == before
    assert Difference("missing", DATA) in handover.verify().differences


# --- putting back what is missing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [Raw("nccid"), Processed()], ids=["raw", "processed"])
def test_whatever_is_missing_is_put_back_as_it_was_and_nothing_else_is_touched(tmp_path: Path, layout: Layout) -> None:
    handover = Handover(tmp_path, layout=layout).complete(RR1).complete(RR2, BOB, kind="negative")
    handover.export()
    there = [path for path in handover.destination.paths("") if not path.startswith(("ledger/", "manifests/", "layout"))]
    before = {path: handover.destination.digest(path) for path in there}
    for path in there:
        handover.destination.delete(path)
    handover.restores = True
    outcome = handover.export(TOMORROW)
    assert (outcome.restored, outcome.lost, outcome.delivered) == (len(there), 0, 0)
    assert {path: handover.destination.digest(path) for path in there} == before
    assert handover.verify(TOMORROW).ok
    assert handover.export(TOMORROW).restored == 0


def test_what_is_there_is_left_though_it_was_changed(handover: Handover) -> None:
    handover.export()
    changed = handover.delivered()[0]
    handover.destination.put(changed, b"{}")
    handover.restores = True
    assert handover.export(TOMORROW).restored == 0
    assert handover.destination.get(changed) == b"{}"


def test_what_is_not_to_be_had_any_more_is_told_and_not_made_up(handover: Handover) -> None:
    handover.export()
    handover.arrives(raw_row(values={"Age": "9"}, uploaded_at=NOON + dt.timedelta(days=1)))  # corrected since
    for path in [path for path in handover.delivered() if pseudonym(RR1) in path]:
        handover.destination.delete(path)
    for image in handover.store.rglob("*.dcm"):
        image.write_bytes(image.read_bytes() + b"\0")
    handover.restores = True
    outcome = handover.export(TOMORROW)
    assert (outcome.restored, outcome.lost) == (0, 2)
    assert "restore them from a copy" in outcome_words(outcome, "there")


def test_who_has_opted_out_is_not_put_back(handover: Handover) -> None:
    handover.export()
    handover.arrives(patient_withdrawn())
    handover.export(TOMORROW)
    handover.restores = True
    assert handover.export(TOMORROW).restored == 0
    assert [path for path in handover.delivered() if pseudonym(RR1) in path] == []
