"""``nccid bench recovery``: kill -9 of the worker with many cases, until the next answers rightly, on its disk and elsewhere."""

import asyncio
import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, cluster
from bench.figures import spread
from bench.join import OUTPUTS
from bench.machine import machine
from bench.programs import Program, Started, start
from bench.rivals import FAST, worker
from bench.states import fill_states
from bench.steady import answered
from schemas.topics import IMAGES, ROWS

Say = Callable[[str], None]

PROBES = 16
"""Patients whose study comes while nobody is there: enough that each partition has some."""

KEPT, LOST, ELSEWHERE = "with what it kept on disk", "without it", "on another machine"
_SETTLE_SECONDS = 3.0  # after the answers: until what was read and written is on disk


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    cases: int
    runs: int


FULL = Extent(1_000_000, 5)
QUICK = Extent(2_000, 1)


@dataclass(slots=True)
class Found:
    """Seconds from the start of the next worker, run by run."""

    first: list[float] = field(default_factory=list)  # until the first right answer
    every: list[float] = field(default_factory=list)  # until the right answers of all that came meanwhile, from every partition


@dataclass(slots=True)
class Installation:
    """The worker that is killed again and again, and the patients who are not asked about yet."""

    broker: Cluster
    folder: Path
    program: Program
    patients: int
    started: Started | None = None

    def killed(self, scene: str) -> None:
        """Kill -9. Another machine has another name in the group too: it waits until the session of the one before is over."""
        if self.started is not None:
            self.started.kill()
            self.started = None
        state = self.folder / "home" / "data" / "state"
        gone = {KEPT: [], LOST: list(state.glob("*/*/*/")), ELSEWHERE: [state]}[scene]
        for folder in gone:
            shutil.rmtree(folder)

    def answers(self, found: Found) -> None:
        """Starts the worker and waits for the answers to what came meanwhile; then until all is at rest."""
        probes = range(self.patients - PROBES, self.patients)
        self.patients -= PROBES
        seconds = asyncio.run(answered(self.broker.bootstrap, probes, self._start))
        found.first.append(seconds[0])
        found.every.append(seconds[-1])
        time.sleep(_SETTLE_SECONDS)

    def _start(self) -> None:
        self.started = start(self.program, self.folder / "worker.log")


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say) -> dict[str, Any]:
    """Kills the worker, asks about patients whose row it had, starts it, and waits for right answers, in each scene.

    Raises:
        WorkFailedError: an answer does not come, or is wrong.
    """
    about, found = machine(java=True), {scene: Found() for scene in (KEPT, LOST, ELSEWHERE)}
    with (
        tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name,
        cluster(Path(name), given, embedded=False) as broker,
    ):
        broker.empty(*OUTPUTS, ROWS, IMAGES)
        broker.make()
        say(f"folding {extent.cases:,} cases and putting them on the topic")
        fill_states(broker, extent.cases, PROBES * (len(found) * extent.runs + 1), dt.datetime.now(dt.UTC))
        worker_folder = Path(name) / "worker"
        ours = Installation(broker, worker_folder, worker(FAST, "fast").program(broker, worker_folder), extent.cases)
        try:
            ours.answers(Found())
            for run in range(extent.runs):
                for scene, each in found.items():
                    ours.killed(scene)
                    ours.answers(each)
                    say(
                        f"run {run + 1} of {extent.runs}, {scene}: {each.first[-1]:.1f} s, every partition {each.every[-1]:.1f} s"
                    )
        finally:
            ours.killed(KEPT)
    return {
        "machine": {**about, "broker": broker.version},
        "cases": extent.cases,
        "runs": extent.runs,
        **_summary(extent.cases, found),
    }


def _summary(cases: int, found: dict[str, Found]) -> dict[str, Any]:
    """The rebuild is what a worker without its state takes longer than one with it, run by run; at least, it is all it takes."""
    longer = [max(0.001, lost - kept) for kept, lost in zip(found[KEPT].every, found[LOST].every, strict=True)]
    return {
        "seconds": {scene: {"first": spread(each.first), "every_partition": spread(each.every)} for scene, each in found.items()},
        "rebuilt_per_second": spread([cases / seconds for seconds in longer], 0),
        "rebuilt_per_second_with_start": spread([cases / seconds for seconds in found[LOST].every], 0),
    }
