"""The gate of pace: what is slower is named, what is not passes, and a baseline is made on purpose only."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import pace
from bench.pace import BASELINE, Pace, accept, loop, measure, ratio, read_baseline
from commands.benching import bench
from commands.pacing import parts


@pytest.fixture(autouse=True)
def _few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic is tested here, not this machine."""
    monkeypatch.setattr(pace, "_TURNS", 3)
    monkeypatch.setattr(pace, "_TURN_SECONDS", 0.0001)


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A baseline of which nothing is true yet."""
    path = tmp_path / "pace.json"
    monkeypatch.setattr(accept, "__defaults__", (path,))
    monkeypatch.setattr(read_baseline, "__defaults__", (path,))
    return path


@pytest.mark.parametrize(
    ("now", "accepted", "slower"),
    [(1.25, 1.0, False), (1.26, 1.0, True), (0.5, 1.0, False), (5.0, 4.01, False), (5.0, 3.99, True), (1.0, None, True)],
)
def test_a_quarter_more_is_allowed_and_not_a_bit_beyond(now: float, accepted: float | None, *, slower: bool) -> None:
    assert Pace("fold", now, accepted).is_slower is slower


def test_the_words_name_the_part_and_both_figures() -> None:
    assert Pace("fold", 1.6, 1.0).words == "fold: 1.60 times the loop, +60% on 1.00, and 25% is allowed"
    assert Pace("fold", 0.9, 1.0).words == "fold: 0.90 times the loop, -10% on 1.00"
    assert "nccid bench pace --accept" in Pace("fold", 0.9, None).words


def test_what_seems_slower_by_chance_is_measured_again_and_what_is_slower_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    most = pace._TRIES
    for figures, found in (([1.9, 1.1, 9.9], 1.1), ([1.9] * (most - 1) + [1.7, 1.0], 1.7), ([1.0, 9.9, 9.9], 1.0)):
        following = iter(figures)
        monkeypatch.setattr(pace, "ratio", lambda _, following=following: next(following))
        assert measure({"fold": loop}, {"fold": 1.0}) == [Pace("fold", found, 1.0)]


def test_a_new_baseline_is_the_best_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    following = iter([1.9, 1.7] + [1.8] * (pace._TRIES - 2))
    monkeypatch.setattr(pace, "ratio", lambda _: next(following))
    assert measure({"fold": loop}, {}) == [Pace("fold", 1.7, None)]


def test_what_does_the_loop_twice_takes_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("bench.pace.time.process_time", lambda: float(len(calls)))
    monkeypatch.setattr(pace, "loop", lambda: calls.append("loop"))
    assert ratio(lambda: calls.extend(("ours", "ours"))) == 2.0


def test_a_baseline_is_read_as_it_was_accepted(tmp_path: Path) -> None:
    path = tmp_path / "pace.json"
    assert read_baseline(path) == {}
    accept([Pace("wire", 1.84649, None), Pace("fold", 6.5, 1.0)], path)
    assert read_baseline(path) == {"fold": 6.5, "wire": 1.846}


def test_every_part_does_its_work_and_has_a_baseline() -> None:
    made = parts()
    assert sorted(made) == sorted(read_baseline(BASELINE)) == ["fold", "pseudonymise", "status", "wire"]
    assert all(bool(work()) for work in made.values())


def test_the_command_fails_with_words_when_a_part_is_slower_and_accepts_only_when_told(baseline: Path) -> None:
    baseline.write_text('{"fold": 0.001, "pseudonymise": 999, "status": 999, "wire": 999}', encoding="utf-8")
    slower = CliRunner().invoke(bench, ["pace"])
    assert slower.exit_code == 1
    assert "fold: " in slower.stdout
    assert "is allowed" in slower.stdout
    assert "commit it, and say why" in slower.stderr
    assert CliRunner().invoke(bench, ["pace", "--accept"]).exit_code == 0
    assert read_baseline(baseline)["fold"] > 0.001
    baseline.write_text('{"fold": 999, "pseudonymise": 999, "status": 999, "wire": 999}', encoding="utf-8")
    assert CliRunner().invoke(bench, ["pace"]).exit_code == 0
