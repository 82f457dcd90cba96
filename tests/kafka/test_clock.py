"""The clock of a machine steps, by hours and both ways, while workers are at work: nothing is lost, doubled or wrongly joined.

Real processes under libfaketime, whose clock follows a file. Time that runs evenly (CLOCK_MONOTONIC) is left alone, as it is when
somebody sets a machine's clock. Others with the right time work beside them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.writing import WRITE_FAILED
from tests.broker.setups import until
from tests.kafka.play import Play, Workers, more_workers, playing

LONG = os.environ.get("NCCID_LONG") == "1"
PATIENTS = 200 if LONG else 30
SESSION_SECONDS = 10.0  # streams.joining
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
def clock(tmp_path: Path) -> Clock:
    if FAKETIME is None:
        missing = "libfaketime sets the clock of a process: apt-get install faketime"
        if os.environ.get("NCCID_CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return Clock(tmp_path / "clock")


def test_the_clock_under_test_really_steps(clock: Clock) -> None:
    for offset, seconds in (("+5h", 18_000), ("-5h", -18_000), ("+0", 0)):
        clock.set(offset)
        assert abs(clock.shown() - seconds) < 60


@contextmanager
def clocked(play: Play, clock: Clock) -> Iterator[Workers]:
    """One worker more of each kind, under the clock that can be set; they have partitions."""
    with more_workers(play.installation, **clock.environment) as workers:
        workers.join(0)
        time.sleep(SESSION_SECONDS / 2)
        assert all(str(FAKETIME) in Path(f"/proc/{each.pid}/maps").read_text() for each in workers.running.values())
        yield workers


def logs_of(play: Play) -> str:
    """What the workers under the clock say."""
    return "".join(path.read_text(errors="replace") for path in play.installation.root.glob("extra-0-*.log"))


def test_a_clock_that_steps_back_by_hours_and_forward_within_the_hour(tmp_path: Path, clock: Clock) -> None:
    offsets = ["+40m", "-5h", "+50m", "-3h", "+0"]
    with playing(tmp_path, PATIENTS, 13) as play, clocked(play, clock) as workers:
        turn = max(1, len(play.deliveries) // (len(offsets) + 1))
        left = list(offsets)

        def between(number: int) -> None:
            if number % turn == 0 and left:
                clock.set(left.pop(0))

        play.through(between)
        assert left == []
        row = play.outcome("a worker's clock steps back by hours, forward by less than one", len(offsets), len(workers.statuses))
        assert row.is_sound
        assert workers.statuses == []


def test_a_clock_that_is_hours_ahead_stops_its_worker_until_it_is_right(tmp_path: Path, clock: Clock) -> None:
    """Kafka refuses what is more than an hour ahead (message.timestamp.after.max.ms): nothing is written under a wrong time."""
    with playing(tmp_path, PATIENTS, 14) as play, clocked(play, clock) as workers:

        def between(number: int) -> None:
            if number == len(play.deliveries) // 2:
                clock.set("+5h")

        play.through(between)
        until(lambda: "InvalidTimestamp" in logs_of(play), "it was refused")
        clock.set("+0")
        row = play.outcome("a worker's clock is 5 hours ahead, then right again", 1, len(workers.statuses))
        assert row.is_sound
        assert set(workers.statuses) == {WRITE_FAILED}
