"""An export that is told to end while it is at it: it lets go of the place, leaves nothing half-written, and the next goes on."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.cases import case_record
from bench.complete import fill_store, make_home, publish
from bench.servers import broker
from handover.folder import Folder
from handover.ledger import read
from handover.places import destination
from schemas.home import Home
from tests.broker.setups import NCCID, environment, until
from tests.stores import SETTINGS, moto, new_bucket

RECORDS = 320
COMPLETE = 240  # three of four


@dataclass
class Ward:
    """Complete patients, and an environment in which they can be exported."""

    home: Home
    told: dict[str, str]

    def start(self, to: str, *options: str) -> "subprocess.Popen[str]":
        command = [NCCID, "export", "--dir", str(self.home.root), "--to", to, *options]
        return subprocess.Popen(command, env=self.told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def export(self, to: str, *options: str) -> Any:  # noqa: ANN401  # JSON
        ran = self.start(to, "--json", *options)
        said, words = ran.communicate(timeout=300)
        assert ran.returncode == 0, words
        return json.loads(said)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto() as address:
        yield address


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, endpoint: str) -> Iterator[Ward]:
    root = tmp_path_factory.mktemp("ended")
    home = make_home(root / "home")
    records = [case_record(number) for number in range(RECORDS)]
    fill_store(home.store, records, root)
    with broker(root) as address:
        publish(address, records)
        yield Ward(home, {**environment(), **SETTINGS, "AWS_ENDPOINT_URL": endpoint, "NCCID_BOOTSTRAP": address})


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path / "out")
    for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    bucket = "ended-" + tmp_path.name.replace("_", "-").lower()
    new_bucket(endpoint, bucket)
    return f"s3://{bucket}/out"


def ledgers(place: str) -> list[str]:
    return [path.removeprefix("ledger/").removesuffix(".json") for path in destination(place).paths("ledger/")]


@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["once", "watch"])
def test_told_to_end_it_lets_go_and_the_next_export_completes(ward: Ward, place: str, options: tuple[str, ...]) -> None:
    exporting = ward.start(place, *options)
    until(lambda: exporting.poll() is not None or len(ledgers(place)) > 20, "it is at it", 60)
    exporting.send_signal(signal.SIGTERM)
    until(lambda: exporting.poll() is not None or not _sent_again(exporting), "it ends", 60)
    _, words = exporting.communicate(timeout=60)
    assert exporting.returncode == (0 if options else 128 + signal.SIGTERM), words
    assert "Traceback" not in words
    to = destination(place)
    half = ledgers(place)
    assert 0 < len(half) < COMPLETE, "it was in the middle"
    for patient in half:  # what a ledger names is there, and whole
        delivered = read(to, patient)
        assert delivered is not None
        assert [to.digest(file.path) for file in delivered.files] == [(file.sha256, file.size) for file in delivered.files]
    if isinstance(to, Folder):
        assert list((to.root / ".partial").iterdir()) == []
    assert to.get("lock.json") is None
    again = ward.export(place)
    assert (again["complete"], again["delivered"]) == (COMPLETE, COMPLETE - len(half))
    assert ward.export(place, "--verify")["ok"]


def _sent_again(process: "subprocess.Popen[str]") -> bool:
    """A second signal, as of somebody impatient; whether there was still somebody to take it."""
    try:
        os.kill(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True
