"""The clock of a machine steps, by hours and both ways, while workers are at work: nothing is lost, doubled or wrongly joined.

Real processes under libfaketime, whose clock follows a file. Time that runs evenly (CLOCK_MONOTONIC) is left alone, as it is when
somebody sets a machine's clock.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.setups import until
from tests.kafka.cluster import KafkaCluster
from tests.kafka.play import Play, playing, workers_of

LONG = os.environ.get("NCCID_LONG") == "1"
PATIENTS = 200 if LONG else 30
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

pytestmark = pytest.mark.timeout(900 if LONG else 300)


class Clock:
    """The clock of those who were started under it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """So far from the real time it is from now on; processes see it within a second."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{offset}\n", encoding="utf-8")
        beside.replace(self.file)
        time.sleep(1.5)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def shown(self) -> float:
        """What a process that is started under it takes for the time, less the real time, in seconds."""
        command = [sys.executable, "-c", "import time; print(time.time())"]
        ran = subprocess.run(command, env={**os.environ, **self.environment}, check=True, capture_output=True, text=True)
        return float(ran.stdout) - time.time()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A broker with the right time."""
    cluster = KafkaCluster(tmp_path / "kafka")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def play(tmp_path: Path, own: KafkaCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Play, Clock]]:
    """A set-up whose programs all have a clock that can be set; who gives in, and who asks, has the right time."""
    if FAKETIME is None:
        missing = "libfaketime sets the clock of a process: apt-get install faketime"
        pytest.fail(missing) if os.environ.get("NCCID_CI") else pytest.skip(missing)
    clock = Clock(tmp_path / "clock")
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    with playing(tmp_path, PATIENTS, 13, own.bootstrap) as made:
        for name in clock.environment:
            monkeypatch.delenv(name)
        assert all(str(FAKETIME) in Path(f"/proc/{each.pid}/maps").read_text() for each in workers_of(made.installation))
        yield made, clock


def stepped(play: Play, clock: Clock, offsets: list[str]) -> None:
    """Gives the world in, and steps the clock in between; in the end it is right."""
    turn = max(1, len(play.deliveries) // (len(offsets) + 1))
    left = list(offsets)

    def between(number: int) -> None:
        if number % turn == 0 and left:
            clock.set(left.pop(0))

    play.through(between)
    assert left == []
    clock.set("+0")


def test_the_clock_under_test_really_steps(tmp_path: Path) -> None:
    if FAKETIME is None:
        pytest.skip("needs libfaketime")
    clock = Clock(tmp_path / "clock")
    for offset, seconds in (("+5h", 18_000), ("-5h", -18_000), ("+0", 0)):
        clock.set(offset)
        assert abs(clock.shown() - seconds) < 60


def test_a_clock_that_steps_back_by_hours_and_forward_within_the_hour(play: tuple[Play, Clock]) -> None:
    playing_now, clock = play
    offsets = ["+40m", "-5h", "+50m", "-3h"]
    stepped(playing_now, clock, offsets)
    row = playing_now.outcome("the clock of all programs steps back by hours, forward by less than one", len(offsets))
    assert row.is_sound


def test_a_clock_that_is_hours_ahead_stops_the_workers_until_it_is_right(play: tuple[Play, Clock]) -> None:
    """Kafka refuses what is more than an hour ahead (message.timestamp.after.max.ms): nothing is written under a wrong time."""
    playing_now, clock = play
    half = len(playing_now.deliveries) // 2
    all_deliveries = list(playing_now.deliveries)
    playing_now.deliveries[:] = all_deliveries[:half]
    playing_now.through(lambda _: None)
    clock.set("+5h")
    playing_now.deliveries[:] = all_deliveries[half:]
    playing_now.through(lambda _: None)
    until(lambda: "InvalidTimestamp" in sender_and_workers(playing_now), "somebody was refused", 60)
    clock.set("+0")
    row = playing_now.outcome("the clock of all programs is 5 hours ahead, then right again", 1)
    assert row.is_sound


def sender_and_workers(play: Play) -> str:
    """What their logs say."""
    return "".join(path.read_text(errors="replace") for path in play.installation.home.logs.glob("*.log"))
