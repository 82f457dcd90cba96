"""Nothing is lost, nothing is doubled, nothing is wrongly joined: a world is given in while its workers are killed."""

import contextlib
import datetime as dt
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from schemas.sites import EXAMPLE, read_sites
from streams.topology import TOPOLOGY
from synth.compare import differences
from synth.files import write_world
from synth.world import make_world
from tests.broker.setups import BACK_SECONDS, READY_SECONDS, Installation, installed, until

PATIENTS = 60
KILLS = 8
INTERRUPTED = 4  # commands killed, a little later in their course each time, and repeated
VICTIMS = (("worker", "pseudonymise"), ("worker", "reconcile"))

Delivery = dict[str, Any]


@pytest.fixture
def running(tmp_path: Path, world: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        shutil.copyfile(world / "rules.toml", installation.home.rules)  # one site is impatient
        installation.up()
        yield installation


@pytest.fixture
def world(tmp_path: Path) -> Path:
    out = tmp_path / "world"
    today = dt.datetime.now(dt.UTC).date()  # a row without a swab date counts from the day of its upload
    write_world(make_world(7, PATIENTS, read_sites(EXAMPLE), today), out)
    return out


@pytest.mark.timeout(300)
def test_the_outcome_equals_the_truth_whoever_is_killed(running: Installation, world: Path) -> None:
    chance = random.Random(7)
    truth = json.loads((world / "truth.json").read_text(encoding="utf-8"))
    deliveries: list[Delivery] = json.loads((world / "deliveries.json").read_text(encoding="utf-8"))
    places = range(len(deliveries))
    commands = [place for place in places if deliveries[place]["kind"] not in {"withdraw", "pacs"}]  # stdin, DICOM
    kill_after, interrupt = chance.sample(places, KILLS), sorted(chance.sample(commands, INTERRUPTED))
    killed: list[int] = []
    interrupted: list[bool] = []
    for place, delivery in enumerate(deliveries):
        if place in interrupt:
            interrupted.append(killed_in_mid_flight(running, world, delivery, later=0.06 * len(interrupted)))
        running.deliver(delivery["site"], delivery["kind"], world / delivery["path"])
        if place in kill_after:
            victim, at_work = VICTIMS[len(killed) % 2], len(killed) % 4 >= 2
            if at_work:
                wait_until_connected(running, victim)
            time.sleep(chance.uniform(0.8, 1.8) if at_work else chance.uniform(0, 0.3))  # folding; or whatever it does
            killed.append(running.kill(*victim))
    killed += [running.kill("worker", step.name) for step in TOPOLOGY.steps]
    assert len(set(killed)) == KILLS + len(TOPOLOGY.steps)
    assert any(interrupted)

    until(lambda: all(running.child("worker", step.name) for step in TOPOLOGY.steps), "the workers are back", BACK_SECONDS)
    wait_for_sheets_given_in_again(running, world, deliveries)
    with contextlib.suppress(AssertionError):  # what differs is told below
        until(lambda: running.known() == truth["sites"], "the coverage equals the truth", READY_SECONDS)
    assert outcome(running, truth) == []


def wait_until_connected(installation: Installation, role: tuple[str, ...]) -> None:
    """Until it has found the broker; a second later it has its partitions, and folds everything from the beginning."""
    until(lambda: is_connected(installation.child(*role)), "it has come up again", BACK_SECONDS)


def is_connected(process: psutil.Process | None) -> bool:
    try:
        return process is not None and any(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("inet"))
    except psutil.NoSuchProcess:
        return False


def killed_in_mid_flight(installation: Installation, world: Path, delivery: Delivery, later: float) -> bool:
    """Gives a delivery in by a command that is killed when it has the outbox open, or ``later``; whether it was at work still."""
    command = ["send-images"] if delivery["kind"] == "images" else ["upload", "--kind", delivery["kind"]]
    process = installation.start(*command, "--site", delivery["site"], str(world / delivery["path"]))
    while process.poll() is None and installation.home.outbox not in open_files(process):
        time.sleep(0.002)  # it is through within a moment
    time.sleep(later)
    process.kill()
    return process.wait() < 0


def open_files(process: "subprocess.Popen[bytes]") -> list[Path]:
    try:
        return [each.readlink() for each in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        return []  # it closes files while we look


def wait_for_sheets_given_in_again(installation: Installation, world: Path, deliveries: Sequence[Delivery]) -> None:
    """Each site's last main sheet once more, which changes no answer: when it is through, so is all that came before it."""
    again = dt.datetime.now(dt.UTC)
    last = {delivery["site"]: delivery for delivery in deliveries if delivery["kind"] == "positive"}
    for site, delivery in last.items():
        installation.deliver(site, "positive", world / delivery["path"])
    until(lambda: last.keys() <= {case.site for case in installation.view() if case.updated_at >= again}, "it is through")


def outcome(installation: Installation, truth: dict[str, Any]) -> list[str]:
    """Where the answers of the commands differ from the truth."""
    numbers = list(truth["people"])
    answers = installation.check(*numbers)
    return differences(truth, {"sites": installation.sites()}, dict(zip(numbers, answers, strict=True)))
