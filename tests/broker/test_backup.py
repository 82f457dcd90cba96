"""A home is backed up while it is in use, lost, and restored: nothing is lost or doubled, and the audit says so."""

import datetime as dt
import json
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.home import Home
from schemas.sites import EXAMPLE, read_sites
from schemas.topics import IMAGES, PERSON_WITHDRAWALS, ROWS, UPLOADS, WITHDRAWALS
from synth.compare import differences
from synth.files import write_world
from synth.world import make_world
from tests.broker.setups import NCCID, Installation, environment, installed, read_all, until

PATIENTS = 20
SETTLED_SECONDS = 90.0
PSEUDONYMISED = (ROWS, IMAGES, WITHDRAWALS, PERSON_WITHDRAWALS, UPLOADS)
"""All that the centre cannot make anew from other topics, once the raw topics have let go."""

pytestmark = pytest.mark.timeout(300)


class World:
    """Deliveries, and what they come to."""

    def __init__(self, folder: Path) -> None:
        write_world(make_world(11, PATIENTS, read_sites(EXAMPLE), dt.datetime.now(dt.UTC).date()), folder)
        self.folder = folder
        self.deliveries: list[dict[str, Any]] = json.loads((folder / "deliveries.json").read_text(encoding="utf-8"))
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))

    def deliver(self, installation: Installation, which: slice) -> None:
        for each in self.deliveries[which]:
            installation.deliver(each["site"], each["kind"], self.folder / each["path"])

    def require_outcome(self, installation: Installation) -> None:
        """Every answer is the truth, and the audit finds nothing."""
        give_up = time.monotonic() + SETTLED_SECONDS
        while installation.known() != self.truth["sites"] and time.monotonic() < give_up:
            time.sleep(0.2)
        numbers = list(self.truth["people"])
        answers = dict(zip(numbers, installation.check(*numbers), strict=True))
        assert differences(self.truth, {"sites": installation.sites()}, answers) == []
        audit = installation.answer("audit")
        assert (audit["ok"], audit["problems"]) == (True, [])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


@pytest.fixture
def running(tmp_path: Path, world: World) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        shutil.copyfile(world.folder / "rules.toml", installation.home.rules)
        installation.up()
        yield installation


def of_group(installation: Installation, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command of a group, on this home."""
    command = [NCCID, *arguments, "--dir", str(installation.home.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment())


def backed_up(installation: Installation, name: str = "backup") -> tuple[Path, Path]:
    """The folder of a back-up, and the copy of the keyring."""
    folder, keys = installation.root / name, installation.root / f"{name}-keyring.json"
    done = installation.run("backup", "-o", str(folder), "--keyring-to", str(keys))
    assert done.returncode == 0, done.stderr
    return folder, keys


def restored(installation: Installation, folder: Path, keys: Path) -> "subprocess.CompletedProcess[str]":
    return installation.run("restore", str(folder), "--keyring", str(keys))


def lost(installation: Installation) -> None:
    """The machine is gone, in the middle of whatever it did."""
    assert installation.up_process is not None
    installation.children()
    installation.up_process.send_signal(signal.SIGKILL)
    installation.up_process.wait()
    until(lambda: not installation.left_over(), "all its processes are gone")
    shutil.rmtree(installation.home.root)


def files_under(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.dcm"))}


def test_a_home_that_was_lost_goes_on_from_its_back_up(running: Installation, world: World) -> None:
    added = of_group(running, "users", "add", "--site", "RDGM", "nurse@example.org")
    assert added.returncode == 0, added.stderr
    half = len(world.deliveries) // 2
    quarter = half // 2
    world.deliver(running, slice(0, quarter))
    at_work = threading.Thread(target=world.deliver, args=(running, slice(quarter, half)))
    at_work.start()  # the back-up is made in the middle of it
    folder, keys = backed_up(running)
    at_work.join()
    images = files_under(running.home.store)
    world.deliver(running, slice(half, half + quarter))
    lost(running)

    assert restored(running, folder, keys).returncode == 0
    assert files_under(running.home.store).items() <= images.items()
    assert {path.stat().st_mode & 0o077 for path in running.home.root.rglob("*")} == {0}
    running.up()
    world.deliver(running, slice(quarter, None))  # all that may have come after the back-up is given in once more
    world.require_outcome(running)
    assert "nurse@example.org" in of_group(running, "users", "list").stdout


def test_what_is_in_the_back_up_is_all_there_without_being_given_in_again(running: Installation, world: World) -> None:
    world.deliver(running, slice(None))
    folder, keys = backed_up(running)
    images = files_under(running.home.store)
    lost(running)
    assert restored(running, folder, keys).returncode == 0
    running.up()
    assert files_under(running.home.store) == images != {}
    world.require_outcome(running)


def test_who_opted_out_after_the_back_up_is_asked_for_again_or_known_from_the_topics(running: Installation, world: World) -> None:
    world.deliver(running, slice(None))
    number = next(number for number, person in world.truth["people"].items() if person["cases"] and person["collected"])
    site = world.truth["people"][number]["cases"][0]["site"]
    folder, keys = backed_up(running)
    running.run("withdraw", "--site", site, stdin=number)
    until(lambda: running.check(number)[0]["collected"] is False, "it is known")
    lost(running)
    assert restored(running, folder, keys).returncode == 0
    running.up()
    if running.cluster is None:  # the embedded broker forgets: opt-outs since the back-up are told again, as docs/operate.md says
        running.run("withdraw", "--site", site, stdin=number)
    until(lambda: running.check(number)[0]["collected"] is False, "it is withdrawn still")
    forgotten = running.run("forget")
    assert forgotten.returncode == 0, forgotten.stderr
    assert running.answer("audit")["ok"]
    (case,) = {case["patient"] for case in running.check(number)[0]["cases"]} or {""}
    assert not list(running.home.store.glob(f"*/{case}"))


def test_the_centre_is_made_anew_from_the_pseudonymised_topics_alone(tmp_path: Path, running: Installation, world: World) -> None:
    world.deliver(running, slice(None))
    world.require_outcome(running)
    with installed(tmp_path / "other") as other:
        shutil.copyfile(running.home.keyring, other.home.keyring)  # for the Checker; no step that runs there uses it
        shutil.copyfile(running.home.rules, other.home.rules)
        other.up()  # an empty outbox, an empty cluster
        copied = mirror(running.address, other.address)
        assert copied > 0
        until(lambda: other.known() == world.truth["sites"], "all statuses are there again", SETTLED_SECONDS)
        world.require_outcome(other)
        raw = [record for record in read_all(other.address) if record.topic.startswith("nccid.raw.")]
        assert raw == []


def mirror(source: str, target: str) -> int:
    """Copies the pseudonymised topics as MirrorMaker 2 does: same partition, key, value and time; answers how many messages."""
    wanted = {topic.name for topic in PSEUDONYMISED}
    producer = KafkaProducer(bootstrap_servers=target)
    records = [record for record in read_all(source) if record.topic in wanted]
    for record in records:
        producer.send(record.topic, record.value, record.key, partition=record.partition, timestamp_ms=record.timestamp)
    producer.flush()
    producer.close()
    return len(records)


@pytest.fixture
def small(tmp_path: Path, world: World) -> Iterator[tuple[Installation, Path, Path]]:
    """A home that nothing runs on, with a delivery in its outbox, and its back-up."""
    with installed(tmp_path) as installation:
        sheet = next(number for number, each in enumerate(world.deliveries) if each["kind"] == "positive")
        world.deliver(installation, slice(sheet, sheet + 1))
        yield installation, *backed_up(installation)


def test_a_back_up_of_another_keyring_is_refused(small: tuple[Installation, Path, Path]) -> None:
    installation, folder, _ = small
    another = Home(installation.root / "another")
    subprocess.run([NCCID, "init", "--dir", str(another.root)], check=True, capture_output=True, env=environment())
    shutil.rmtree(installation.home.root)
    ran = restored(installation, folder, another.keyring)
    assert ran.returncode == 2
    assert "is not the keyring of this back-up: what was sealed with key 1 does not open" in ran.stderr
    assert not installation.home.root.exists()


def test_a_back_up_that_was_changed_or_cut_off_is_refused(small: tuple[Installation, Path, Path]) -> None:
    installation, folder, keys = small
    shutil.rmtree(installation.home.root)
    with (folder / "data" / "outbox.sqlite3").open("r+b") as file:
        file.truncate(8192)
    ran = restored(installation, folder, keys)
    assert (ran.returncode, "is not whole" in ran.stderr, "data/outbox.sqlite3" in ran.stderr) == (2, True, True)
    (folder / "backup.json").unlink()
    ran = restored(installation, folder, keys)
    assert (ran.returncode, "no finished back-up" in ran.stderr) == (2, True)
    assert not installation.home.root.exists()


def test_nothing_is_overwritten_and_the_keyring_is_kept_apart(small: tuple[Installation, Path, Path]) -> None:
    installation, folder, keys = small
    assert not list(folder.rglob("keyring*"))
    assert keys.read_bytes() == installation.home.keyring.read_bytes()
    assert {path.stat().st_mode & 0o077 for path in (folder, keys, *folder.rglob("*"))} == {0}
    for again in (restored(installation, folder, keys), installation.run("backup", "-o", str(folder))):
        assert (again.returncode, "is there already" in again.stderr) == (2, True)
    with closing(sqlite3.connect(folder / "data" / "outbox.sqlite3")) as outbox:
        assert outbox.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert outbox.execute("SELECT count(*) FROM message").fetchone()[0] > 0
