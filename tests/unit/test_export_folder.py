"""A folder as destination: what it does not keep in memory, and that several threads put at once."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handover.folder import Folder


@pytest.fixture
def interned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes into Python's table of names while a test runs."""
    seen: list[str] = []
    intern: Callable[[str], str] = sys.intern

    def noting(name: str) -> str:
        seen.append(name)
        return intern(name)

    monkeypatch.setattr(sys, "intern", noting)
    return seen


def test_names_of_files_do_not_go_into_pythons_table_of_names(tmp_path: Path, interned: list[str]) -> None:
    """It is made anew with each so many thousand of them, which costs memory that the allocator does not give back."""
    folder = Folder(tmp_path)
    with folder.alone():
        for number in range(3):
            folder.put(f"raw/2020-06-01/data/Covid{number}_data.json", b"{}")
            assert folder.get(f"raw/2020-06-01/data/Covid{number}_data.json") == b"{}"
    assert [name for name in interned if name.startswith("Covid")] == []
    assert Path("Covid4").name in interned  # so it would be seen


def test_several_threads_put_at_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    paths = [f"{number % 3}/{number}" for number in range(200)]
    with folder.alone(), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: folder.put(path, path.encode() * 1_000), paths))
    assert {path: folder.get(path) for path in paths} == {path: path.encode() * 1_000 for path in paths}
    assert list((tmp_path / ".partial").iterdir()) == []
