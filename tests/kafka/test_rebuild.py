"""After the rules were changed all cases are judged anew from the topics, as if the new ones had always held: on Apache Kafka."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from schemas.topics import COVERAGE_STATUS, PARTITIONS
from tests.broker.setups import Installation, environment, installed, until
from tests.broker.test_backup import World

pytestmark = pytest.mark.timeout(420)
SETTLED_SECONDS = 90.0


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


@pytest.fixture
def running(tmp_path: Path, world: World) -> Iterator[Installation]:
    """The world under rules by which all that is missing is overdue after a second, and all of it has come through."""
    with installed(tmp_path / "first") as installation:
        (installation.home.rules).write_text(graces((world.folder / "rules.toml").read_text(encoding="utf-8"), "1s"))
        installation.up()
        world.deliver(installation, slice(None))
        until(lambda: is_through(installation) and is_overdue(installation), "all of it is through", SETTLED_SECONDS)
        yield installation


def graces(rules: str, grace: str) -> str:
    """The rules with other graces, at every site."""
    return re.sub(r'^(images|spreadsheet) = "\w+"', rf'\1 = "{grace}"', rules, flags=re.MULTILINE)


def is_through(installation: Installation) -> bool:
    """Whether nothing is on its way any more."""
    return installation.run("audit", "--wait", "0").returncode == 0


def is_overdue(installation: Installation) -> bool:
    """Whether nobody is waited for any more."""
    return not any(state.startswith("awaiting") for site in installation.known().values() for state in site["states"])


def rebuild(installation: Installation, address: str) -> "subprocess.Popen[str]":
    """Starts it; the set-up that ran on the home is stopped."""
    told = {**environment(), "NCCID_BOOTSTRAP": address}
    command = [sys.executable, "-P", "-m", "nccid", "rebuild", "--dir", str(installation.home.root)]
    return subprocess.Popen(command, env=told, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> str:
    """What it said; it has to have done its work."""
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 0, said
    return said


def published(address: str) -> list[Any]:
    """Every record on the statuses' topic."""
    consumer = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", isolation_level="read_committed")
    places = [TopicPartition(COVERAGE_STATUS.name, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    found: list[Any] = []
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(200).values():
            found += records
    consumer.close()
    return found


def cases_of(records: list[Any]) -> dict[bytes, Any]:
    """The latest by key, as records."""
    return {record.key: COVERAGE_STATUS.wire.decode(record.value) for record in records}


def test_the_new_rules_hold_as_if_they_always_had(running: Installation, world: World) -> None:
    before = published(running.address)
    wrong = running.known()
    assert wrong != world.truth["sites"]
    refused = rebuild(running, running.address)
    assert "stop them first" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 1

    running.stop(signal.SIGTERM)
    shutil.copyfile(world.folder / "rules.toml", running.home.rules)  # one site is impatient, all others wait for a week
    said = ended(rebuild(running, running.address))
    assert said.count("partition ") == PARTITIONS
    after = published(running.address)
    changed = changed_keys(before, after)
    again = Counter(record.key for record in after) - Counter(record.key for record in before)
    assert set(again) == changed
    assert 0 < len(changed) < len(cases_of(before))
    assert sum(map(int, re.findall(r"(\d+) keys", said))) == len(changed)

    running.up()
    world.require_outcome(running)

    running.stop(signal.SIGTERM)
    assert re.findall(r"(\d+) keys", ended(rebuild(running, running.address))) == ["0"] * PARTITIONS


def changed_keys(before: list[Any], after: list[Any]) -> set[bytes]:
    was, now = cases_of(before), cases_of(after)
    return {key for key in now if now[key] != was.get(key)}


def test_killed_in_the_middle_the_next_one_completes_it(running: Installation, world: World) -> None:
    running.stop(signal.SIGTERM)
    shutil.copyfile(world.folder / "rules.toml", running.home.rules)
    for later in (0.1, 0.4):  # seconds after the first partition is done
        process = rebuild(running, running.address)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(later)
        process.kill()
        process.wait()
    ended(rebuild(running, running.address))
    running.up()
    world.require_outcome(running)
