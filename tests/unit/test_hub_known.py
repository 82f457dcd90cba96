"""What the hub knows: the same after a snapshot as after reading everything; deleted records are forgotten; damage is seen."""

import datetime as dt
import logging
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.coverage import coverage
from monitoring.hub.known import Known, Message
from monitoring.hub.snapshot import Snapshots
from monitoring.view import StatusView
from schemas.topics import COVERAGE_STATUS, QUARANTINE
from tests.factories import BOB, NOON, RR2, Flow, Sent, person_withdrawn, raw_row, raw_study
from tests.flow.arrivals import events
from tests.hubs import LATER, known, messages


def everything(state: Known) -> dict[str, Any]:
    """All that can be asked of it."""
    view = state.view
    return {
        "statuses": sorted(view, key=lambda each: each.patient),
        "coverage": {code: counted.as_json() for code, counted in view.coverage().items()},
        "ages": {code: view.tally(code).ages(LATER.date()) for code in view.coverage()},
        "days": {code: view.tally(code).by_day() for code in view.coverage()},
        "unclaimed": {code: list(view.studies_without_row(code)) for code in view.coverage()},
        "alerts": sorted(state.alerting.list(open_only=False).alerts, key=lambda each: each.id),
        "open": sorted(state.alerting.open),
        "sites": state.alerting.sites,
        "quarantined": state.quarantined,
        "offsets": dict(state.offsets),
    }


def busy() -> Flow:
    """Something of everything: complete, unclaimed, overdue, withdrawn, quarantined, alerts of patients and of sites."""
    flow = Flow().arrives(
        raw_row(),
        raw_study(),
        raw_row(nhs_number=BOB, hospital_number="99900009"),
        raw_study(patient_id="RR99900009", study="S2"),
        raw_row(site="PENM", hospital_number="0999123"),
        person_withdrawn(nhs_number=BOB),
        raw_study(site="NOPE"),
    )
    return flow.ticks(NOON + dt.timedelta(days=9))


@given(st.lists(events(), max_size=10))
def test_what_is_counted_as_it_changes_is_what_would_be_counted_afresh(arrived: list[Sent]) -> None:
    flow = Flow().arrives(*arrived)
    state = known(flow)
    fresh = coverage(flow.statuses().values())
    assert state.view.coverage() == fresh
    assert len(state.view) == len(flow.statuses())
    for code, counted in fresh.items():
        by_day = state.view.tally(code).by_day()
        assert by_day[-1][1:] == (counted.cases, counted.states["complete"])


@given(st.lists(events(), max_size=8), st.integers(0, 40))
def test_a_restart_from_a_snapshot_at_any_moment_and_the_tail_is_as_reading_everything(arrived: list[Sent], at: int) -> None:
    flow = Flow().arrives(*arrived)
    told = messages(flow)
    before, whole = Known(cluster="memory"), known(flow)
    before.take(told[:at])
    after = restarted(before)
    after.take(told[at:])
    assert everything(after) == everything(whole)


def restarted(state: Known) -> Known:
    """Through a snapshot on disk."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots(Path(folder) / "hub" / "snapshot", lambda: LATER)
        snapshots.save(snapshots.copied(state, LATER))
        return snapshots.load()


def test_all_of_a_busy_state_survives() -> None:
    state = known(busy())
    told = everything(state)
    assert all(told.values()), [name for name, value in told.items() if not value]
    again = restarted(state)
    assert everything(again) == told
    assert again.cluster == "memory"


NOTHING = everything(Known())


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "hub" / "snapshot", lambda: LATER)


def test_a_snapshot_is_private_and_replaces_the_one_before(snapshots: Snapshots) -> None:
    for flow in (busy(), Flow().arrives(raw_row())):
        snapshots.save(snapshots.copied(known(flow), LATER))
    assert stat.S_IMODE(snapshots.path.stat().st_mode) == 0o600
    assert [each.name for each in snapshots.path.parent.iterdir()] == ["snapshot"]
    assert len(snapshots.load().view) == 1


def test_no_snapshot_is_nothing_known(snapshots: Snapshots, caplog: pytest.LogCaptureFixture) -> None:
    assert everything(snapshots.load()) == NOTHING
    assert caplog.text == ""


@given(st.data())
def test_a_damaged_snapshot_is_never_used_and_never_stops_the_hub(data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        snapshots = Snapshots(Path(folder) / "snapshot", lambda: LATER)
        snapshots.save(snapshots.copied(known(busy()), LATER))
        content = bytearray(snapshots.path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] ^= data.draw(st.integers(1, 255))
        else:
            del content[place:]
        snapshots.path.write_bytes(content)
        assert snapshots.load().offsets == {}


@pytest.mark.parametrize(
    ("taken_at", "why"),
    [(LATER - dt.timedelta(hours=21), "it is from"), (LATER + dt.timedelta(hours=1), "it is from")],
)
def test_a_snapshot_that_is_too_old_or_from_the_future_is_not_used(
    snapshots: Snapshots, taken_at: dt.datetime, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots.save(snapshots.copied(known(busy()), taken_at))
    assert everything(snapshots.load()) == NOTHING
    assert why in caplog.text
    assert "everything is read from the topics" in caplog.text


def test_a_snapshot_of_another_version_is_not_used(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots.save(snapshots.copied(known(busy()), LATER))
    monkeypatch.setattr("monitoring.hub.snapshot_file.FORM", "other states")
    assert everything(snapshots.load()) == NOTHING
    assert "another version" in caplog.text


def test_a_full_disk_costs_the_snapshot_not_the_hub(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    snapshots = Snapshots(tmp_path / "file" / "snapshot", lambda: LATER)
    with caplog.at_level(logging.WARNING):
        snapshots.save(snapshots.copied(known(busy()), LATER))
    assert "cannot be written" in caplog.text


def test_a_deleted_record_is_forgotten() -> None:
    state = known(Flow().arrives(raw_row(), raw_row(nhs_number=BOB, hospital_number=RR2)))
    match = next(iter(state.view.of_match))
    gone = next(iter(state.view.packed))
    moved = state.take([Message(COVERAGE_STATUS.name, 0, 99, match.encode(), None)])
    assert (len(state.view), moved.sites) == (1, {"RDGM"})
    assert state.view.patient(gone) is None
    state.take([Message(COVERAGE_STATUS.name, 0, 100, match.encode(), None), Message(COVERAGE_STATUS.name, 0, 101, b"M?", None)])
    assert len(state.view) == 1


def test_what_is_no_record_of_ours_is_counted_and_hides_nothing() -> None:
    state = known(busy())
    before = everything(state)
    for topic in before["offsets"]:
        state.take([Message(topic[0], 9, 0, b"key", b"garbage")])
    assert state.foreign == 2  # of statuses and of quarantine; alerts are left as they were
    assert {**everything(state), "offsets": None} == {**before, "offsets": None}


def test_the_same_patient_under_two_matches_is_one_case() -> None:
    """No record of ours says so; but a foreign one must not stop the hub."""
    (message,) = [each for each in messages(Flow().arrives(raw_row())) if each.topic == COVERAGE_STATUS.name]
    record = COVERAGE_STATUS.wire.decode(message.value or b"")
    other = msgspec.structs.replace(record, match="MOTHER", cases=[*record.cases, *record.cases])
    view = StatusView()
    for each in (record, other, record, other):
        view.apply(each)
    (status,) = view
    assert view.coverage()["RDGM"].cases == 1
    assert view.person(status.person or "") == [status]


def test_a_purged_record_is_in_quarantine_no_more() -> None:
    flow = Flow().arrives(raw_study(site="NOPE"), raw_study(site="NOPE", study="S2"))
    state = known(flow)
    assert state.quarantined == Counter({"unknown-site": 2})
    (first, _) = [each for each in messages(flow) if each.topic == QUARANTINE.name]
    record = QUARANTINE.wire.decode(first.value or b"")
    other, same = (msgspec.structs.replace(record, purged_at=LATER, digest=digest) for digest in ("other", record.digest))
    state.take([Message(QUARANTINE.name, 0, 98, first.key, QUARANTINE.wire.encode(other))])
    assert sum(state.quarantined.values()) == 2
    state.take([Message(QUARANTINE.name, 0, 99, first.key, QUARANTINE.wire.encode(same))])
    assert state.quarantined == Counter({"unknown-site": 1})
