"""What a step keeps on disk: as far as it was settled, also after a kill; thrown away when it cannot be used."""

import datetime as dt
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import disk
from streams.disk import DiskError, OnDisk
from streams.keeping import InMemory, Kept

NOON = dt.datetime(2021, 1, 1, 12, tzinfo=dt.UTC)
OF = "cluster/topic/0"


def deadline_of(value: bytes) -> dt.datetime | None:
    """In these tests a record says its deadline itself: hours after noon, or nothing."""
    return NOON + dt.timedelta(hours=int(value)) if value.isdigit() else None


def put(kept: Kept, key: bytes, value: bytes) -> None:
    kept.put(key, value, deadline_of(value))


def opened(folder: Path, of: str = OF) -> OnDisk:
    return OnDisk(folder, of, deadline_of)


def killed(kept: OnDisk, folder: Path, elsewhere: Path) -> OnDisk:
    """As the next process finds it: the files as they lie there, without anybody having closed them."""
    shutil.copytree(folder, elsewhere)
    (elsewhere / "LOCK").unlink()
    kept.close()
    return opened(elsewhere)


def test_what_was_settled_is_there_after_a_kill_and_nothing_else(tmp_path: Path) -> None:
    kept = opened(tmp_path / "a")
    assert (kept.position, kept.get(b"k")) == (0, None)
    put(kept, b"k", b"one")
    put(kept, b"other", b"1")
    kept.settle(7)
    put(kept, b"k", b"two")
    put(kept, b"late", b"1")
    assert (kept.get(b"k"), kept.get(b"late")) == (b"two", b"1")
    after = killed(kept, tmp_path / "a", tmp_path / "b")
    assert (after.position, after.get(b"k"), after.get(b"other"), after.get(b"late")) == (7, b"one", b"1", None)
    assert sorted(after.values()) == [b"1", b"one"]
    assert after.due(NOON + dt.timedelta(hours=1)) == [b"other"]
    after.close()


def test_a_position_is_kept_though_nothing_new_was(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    put(kept, b"k", b"one")
    kept.settle(7)
    kept.settle(None)
    kept.settle(9)
    kept.close()
    again = opened(tmp_path)
    assert (again.position, again.get(b"k")) == (9, b"one")
    again.close()


def test_keys_are_fetched_together(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    put(kept, b"a", b"one")
    kept.settle(1)
    kept.expect([b"a", b"b", b"a"])
    assert (kept.get(b"a"), kept.get(b"b")) == (b"one", None)
    put(kept, b"b", b"two")
    assert kept.get(b"b") == b"two"
    kept.settle(2)
    assert (kept.get(b"a"), kept.get(b"b")) == (b"one", b"two")
    kept.forget(b"a")
    assert (kept.get(b"a"), list(kept.values())) == (None, [b"two"])
    kept.close()


puts = st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.sampled_from([b"-", b"1", b"2", b"3", b"4"]))
turns = st.lists(st.one_of(puts, st.just("settle"), st.just("restart"), st.integers(0, 5)), max_size=25)


@given(turns)
def test_it_is_due_when_what_is_kept_in_memory_is(tmp_path_factory: pytest.TempPathFactory, turns: Sequence[object]) -> None:
    """Once settled, disk and memory agree on values and deadlines, whatever was put, asked and restarted before."""
    folder = tmp_path_factory.mktemp("disk")
    kept, memory, position = opened(folder), InMemory(0), 0
    memory._deadlines = OneHeap()  # type: ignore[assignment]  # the keys of these tests lie on any partition
    for turn in turns:
        if isinstance(turn, tuple):
            put(kept, *turn)
            put(memory, *turn)
        elif turn == "restart":
            kept.settle(position := position + 1)
            kept.close()
            kept = opened(folder)
        elif turn == "settle":
            kept.settle(position := position + 1)
        else:
            kept.due(NOON + dt.timedelta(hours=int(str(turn))))
    kept.settle(position + 1)
    assert sorted(kept.values()) == sorted(memory.values())
    for hours in range(6):
        at = NOON + dt.timedelta(hours=hours)
        assert (sorted(kept.due(at)), kept.is_due(at)) == (sorted(memory.due(at)), memory.is_due(at))
    kept.close()


class OneHeap:
    """Deadlines of all keys, plainly."""

    def __init__(self) -> None:
        self._of: dict[bytes, dt.datetime | None] = {}

    def note(self, key: bytes, deadline: dt.datetime | None) -> None:
        self._of[key] = deadline

    def is_due(self, _: int, at: dt.datetime) -> bool:
        return bool(self.due(0, at))

    def due(self, _: int, at: dt.datetime) -> list[bytes]:
        return [key for key, deadline in self._of.items() if deadline is not None and deadline <= at]


@pytest.mark.parametrize("of", ["another/topic/0", "cluster/topic/1"])
def test_a_copy_of_something_else_is_thrown_away(tmp_path: Path, of: str, caplog: pytest.LogCaptureFixture) -> None:
    kept = opened(tmp_path)
    put(kept, b"k", b"one")
    kept.settle(7)
    kept.close()
    with caplog.at_level(logging.WARNING):
        other = opened(tmp_path, of)
    assert (other.position, other.get(b"k")) == (0, None)
    assert "read anew from the topic" in caplog.text
    other.close()


@pytest.mark.parametrize("spoilt", ["CURRENT", "MANIFEST-*", "*.sst"])
def test_a_damaged_copy_is_thrown_away(tmp_path: Path, spoilt: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "copy"
    kept = opened(folder)
    for number in range(200):
        put(kept, b"%d" % number, b"x" * 500)
    kept.settle(7)
    kept._db.flush()
    kept.close()
    files = list(folder.glob(spoilt))
    assert files
    for file in files:
        file.write_bytes(b"garbage" * (file.stat().st_size // 7 + 1))
    with caplog.at_level(logging.WARNING):
        try:
            again = opened(folder)
            again.get(b"1")
        except DiskError as error:  # found only on reading: this process ends, the next one begins anew
            assert "thrown away" in str(error)  # noqa: PT017  # either way is right
            again = opened(folder)
    assert (again.position, again.get(b"1")) == (0, None)
    again.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_stops_nothing_and_is_used_again_when_there_is_room(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept, count = opened(small / "copy"), 0
    while "takes nothing" not in caplog.text:
        for _ in range(100):
            put(kept, b"%d" % count, os.urandom(1000).hex().encode())
            count += 1
        kept.settle(count)
        assert count < 10_000
    before = kept.position
    assert before < count
    assert all(kept.get(b"%d" % number) for number in range(count))
    subprocess.run(["mount", "-o", "remount,size=100m", small], check=True)
    put(kept, b"last", b"1")
    kept.settle(count + 1)
    assert (kept.position, caplog.text.count("takes records again")) == (count + 1, 1)
    kept.close()
    again = opened(small / "copy")
    assert (again.position, sum(1 for _ in again.values())) == (count + 1, count + 1)
    assert again.due(NOON + dt.timedelta(hours=1)) == [b"last"]
    again.close()


def test_a_disk_that_stays_full_ends_the_worker_before_its_memory_does(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOST_WAITING", 500)
    kept = opened(small / "copy")

    def fill() -> None:
        for number in range(100_000):
            put(kept, b"%d" % number, os.urandom(1000).hex().encode())
            if number % 100 == 0:
                kept.settle(number)

    with pytest.raises(DiskError, match="has taken nothing for"):
        fill()
    kept.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskError, match="file/copy"):
        opened(tmp_path / "file" / "copy")
