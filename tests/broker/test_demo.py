"""The demonstration and the invented sites: what they promise, and that a difference would be noticed."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from openpyxl import load_workbook

from schemas.sites import EXAMPLE
from schemas.templates import template
from synth.compare import differences
from tests.broker.setups import NCCID, environment
from tests.sheets import headers

PATIENTS = 120


def run(*arguments: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
    command = [NCCID, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, env=environment())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``nccid synth`` writes."""
    out = tmp_path_factory.mktemp("synth") / "world"
    ran = run("synth", "--out", str(out), "--seed", "5", "--patients", "40")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    return out


def test_once_ends_with_the_coverage_table_and_0_when_the_outcome_equals_the_truth(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ran = run("demo", "--once", "--patients", str(PATIENTS), "--dir", str(folder))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Coverage by site" in ran.stdout
    assert "the outcome equals the truth" in ran.stdout
    truth = json.loads((folder / "world" / "truth.json").read_text(encoding="utf-8"))
    for site, expected in truth["sites"].items():
        line = next(line for line in ran.stdout.splitlines() if f" {site} " in line)
        assert f" {expected['cases']} " in line
        assert f" {expected['states']['complete']} " in line
    assert len(truth["people"]) > PATIENTS
    assert not [process.pid for process in psutil.process_iter() if str(folder) in environment_of(process)]


def environment_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("NCCID_HOME", "") + " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


@pytest.mark.parametrize("command", ["demo", "synth"])
def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ran = run(command, *(["--once", "--dir"] if command == "demo" else ["--out"]), str(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{tmp_path} is not empty" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_synth_writes_sheets_images_deliveries_and_truth(world: Path) -> None:
    deliveries = json.loads((world / "deliveries.json").read_text(encoding="utf-8"))
    assert [delivery["at"] for delivery in deliveries] == sorted(delivery["at"] for delivery in deliveries)
    delivered = {delivery["path"] for delivery in deliveries}
    files = {str(path.relative_to(world)) for path in world.rglob("*") if path.is_file()}
    single = (".xlsx", ".txt")
    assert {path for path in delivered if path.endswith(single)} == {name for name in files if name.endswith(single)}
    folders = {str(Path(name).parent) for name in files if name.endswith(".dcm")}
    assert {path for path in delivered if not path.endswith(single)} == folders
    assert {name for name in files if "/" not in name} == {"sites.toml", "rules.toml", "deliveries.json", "truth.json"}
    assert (world / "sites.toml").read_text(encoding="utf-8") == EXAMPLE.read_text(encoding="utf-8")


def test_synth_writes_the_templates_own_sheets(world: Path) -> None:
    for kind in ("positive", "negative"):
        path = next(world.rglob(f"*-{kind}.xlsx"))
        book = load_workbook(path, read_only=True)
        first = next(book.worksheets[0].iter_rows(values_only=True))
        book.close()
        assert list(first) == headers("positive" if kind == "positive" else "negative")
        assert book.worksheets[0].title == template("positive" if kind == "positive" else "negative").sheet


def test_a_tampered_truth_is_reported(world: Path) -> None:
    truth: dict[str, Any] = json.loads((world / "truth.json").read_text(encoding="utf-8"))
    outcome = copy.deepcopy(truth)
    assert differences(truth, {"sites": outcome["sites"]}, outcome["people"]) == []

    complete = next(
        number for number, person in truth["people"].items() if any(case["state"] == "complete" for case in person["cases"])
    )
    case = next(case for case in truth["people"][complete]["cases"] if case["state"] == "complete")
    truth["sites"]["RDGM"]["cases"] += 1
    truth["people"][complete]["images"] = False
    case["state"] = "awaiting-images"
    told = differences(truth, {"sites": outcome["sites"]}, outcome["people"])
    assert told[0] == f"RDGM: cases: {truth['sites']['RDGM']['cases']} expected, {outcome['sites']['RDGM']['cases']} found"
    assert told[1] == f"{complete}: images: no expected, yes found"
    assert [line.partition(": ")[0] for line in told[2:]] == [complete, complete]
    assert "awaiting-images" in told[2]
    assert "complete" in told[3]
