"""A worker's own place: the same one after a kill, never one that another process holds."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from streams.disk import DiskError
from streams.slots import take_slot

HOLD = "import sys, pathlib; from streams.slots import *; print(take_slot(pathlib.Path(sys.argv[1])).member, flush=True); input()"


def holder(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def member(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_workers_have_two_places_and_one_that_was_killed_its_own_again(tmp_path: Path) -> None:
    one, other = holder(tmp_path), None
    try:
        first = member(one)
        other = holder(tmp_path)
        second = member(other)
        assert len({first, second}) == 2
        assert {str(uuid.UUID(each)) for each in (first, second)} == {first, second}
        one.kill()
        one.wait()
        again = take_slot(tmp_path)
        assert (again.member, again.folder) == (first, tmp_path / "0")
        os.close(again.lock)
    finally:
        for each in (one, other):
            if each is not None:
                each.kill()
                each.communicate()


def test_a_damaged_name_is_replaced(tmp_path: Path) -> None:
    slot = take_slot(tmp_path)
    os.close(slot.lock)
    (slot.folder / "member").write_text("\0")
    again = take_slot(tmp_path)
    assert again.member == str(uuid.UUID(again.member))
    assert (slot.folder / "member").read_text() == again.member
    os.close(again.lock)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(DiskError, match="state"):
        take_slot(tmp_path / "state")
