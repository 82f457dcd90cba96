"""Deadlines on a set-up that runs: the clock alone makes a half missing, also over a kill -9 and over a restart."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.setups import BACK_SECONDS, Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import NUMBERS, positive, sheet

MISSING = {"images-missing": 1, "spreadsheet-missing": 1}
AWAITING = {"awaiting-images": 1, "awaiting-spreadsheet": 1}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        yield installation


def grace(installation: Installation, text: str) -> None:
    """Both halves may take so long."""
    installation.home.rules.write_text(f'[grace]\nimages = "{text}"\nspreadsheet = "{text}"\n', encoding="utf-8")


def a_row_and_an_image(installation: Installation) -> None:
    """Of two patients."""
    film = installation.root / "film.dcm"
    dicom_file(film, SOPClassUID=DX, Modality="DX", StudyDate="20200512", PatientID="RR99900002", StudyInstanceUID="1.2.3.4")
    installation.deliver("RDGM", "positive", sheet(installation.root / "sheet.xlsx", "positive", [positive(0)]))
    installation.deliver("RDGM", "images", film)


def states(installation: Installation) -> dict[str, int]:
    found: dict[str, int] = installation.known().get("RDGM", {}).get("states", {})
    return found


def statuses(installation: Installation) -> list[Any]:
    return sorted(installation.view(), key=lambda status: status.patient)


@pytest.mark.timeout(120)
def test_a_half_is_missing_when_its_time_is_over_without_further_input(home: Installation) -> None:
    grace(home, "3s")
    home.up()
    a_row_and_an_image(home)
    until(lambda: states(home) == MISSING, "both halves are missing")
    known = statuses(home)
    assert all(status.since == status.deadline == status.updated_at for status in known)
    first = min(status.deadline for status in known) - dt.timedelta(seconds=3)
    assert dt.timedelta(0) < dt.datetime.now(dt.UTC) - first < dt.timedelta(minutes=2)

    assert home.stop() == 0
    home.up()
    until(lambda: states(home) == MISSING, "both are still missing after a restart")
    assert statuses(home) == known
    assert [case["state"] for case in home.check(NUMBERS[0])[0]["cases"]] == ["images-missing"]


@pytest.mark.timeout(120)
def test_a_deadline_survives_the_worker_that_knew_it(home: Installation) -> None:
    grace(home, "8s")
    home.up()
    a_row_and_an_image(home)
    until(lambda: states(home) == AWAITING, "both are waited for")
    before = {status.patient: status.deadline for status in home.view()}
    home.kill("worker", "reconcile")
    until(lambda: home.child("worker", "reconcile"), "the worker is back", BACK_SECONDS)
    until(lambda: states(home) == MISSING, "both halves are missing")
    assert {status.patient: status.since for status in home.view()} == before


@pytest.mark.embedded_only  # where everything is judged anew at each start; on a cluster, by the new rules with the next record
@pytest.mark.timeout(120)
def test_a_deadline_passes_while_nothing_runs(home: Installation) -> None:
    grace(home, "1s")
    a_row_and_an_image(home)
    home.up()
    until(lambda: states(home) == MISSING, "both halves are missing")
    assert home.stop() == 0
    grace(home, "7d")
    home.up()
    until(lambda: states(home) == AWAITING, "with more time they are waited for again")
