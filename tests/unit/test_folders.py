"""Walking folders: every file once, what is passed over is told."""

import errno
import os
from pathlib import Path

import pytest

from edge.images.folders import files


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def read(*paths: Path) -> list[str]:
    return [found.path.name for found in files(paths) if not (found.excluded or found.failed)]


def test_folders_are_walked_in_the_order_of_names(tmp_path: Path) -> None:
    make(tmp_path, "b/2", "b/1", "a/c/3", "a/4", "0")
    assert read(tmp_path) == ["0", "4", "3", "1", "2"]


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    make(tmp_path, ".hidden", "1")
    assert read(tmp_path / ".hidden", tmp_path / "1") == [".hidden", "1"]


def test_hidden_files_and_those_of_the_system_are_excluded(tmp_path: Path) -> None:
    make(tmp_path, ".DS_Store", "Thumbs.db", ".git/config", "1")
    assert read(tmp_path) == ["1"]
    assert [found.path.name for found in files([tmp_path]) if found.excluded] == [".DS_Store", ".git", "Thumbs.db"]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, "real/1")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    assert read(tmp_path, tmp_path / "real") == ["1"]


def test_what_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    told = {found.path.name: found.failed for found in files([tmp_path, tmp_path / "missing"])}
    assert told == {
        "dangling": "there is no such file, or the link leads nowhere; see whether the name is right",
        "pipe": "it is neither a file nor a folder",
        "missing": "there is no such file, or the link leads nowhere; see whether the name is right",
    }


def test_a_folder_that_may_not_be_opened_is_a_failure_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "closed/1", "open/2")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    closed, read_file = files([tmp_path])
    assert closed.failed == "the folder cannot be opened (Permission denied); ask who owns it"
    assert read_file.path.name == "2"
