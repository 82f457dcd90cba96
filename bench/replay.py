"""``nccid bench replay``: the whole collection from the raw topics through all steps, as after a loss of all that follows."""

import asyncio
import datetime as dt
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, cluster
from bench.figures import spread
from bench.filling import batches, fill
from bench.fold import WORKERS
from bench.machine import machine
from bench.outcome import read
from bench.programs import running
from bench.raw import PATIENTS, STUDIES, Hospital
from bench.rivals import worker
from bench.watching import Busy, until_still
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS, RAW_IMAGES, RAW_ROWS, TOPICS, UPLOADS

Say = Callable[[str], None]

MADE = tuple(topic for topic in TOPICS if topic not in (RAW_ROWS, RAW_IMAGES, UPLOADS))
_A_SECOND = 5_000.0
"""Raw records a second that are assumed when it is said how long something will take."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    patients: int
    runs: int


FULL, QUICK = Extent(PATIENTS, 5), Extent(500, 1)


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say) -> dict[str, Any]:
    """All workers on topics that were filled beforehand, run by run on empty ones behind the raw.

    Args:
        extent: how many patients, with 2.8 studies each, and how often.
        folder: on the disk that is meant; else the system's temporary one.
        given: HOST:PORT of a cluster, WHOSE nccid.* TOPICS AND GROUPS ARE DELETED.
        say: told how far it is.

    Raises:
        WorkFailedError: a worker ends, or not every patient is complete in the end.
    """
    patients, runs = extent.patients, extent.runs
    about, events = machine(java=True), patients + patients * STUDIES // PATIENTS
    say(f"{events:,} raw records; making them and {runs} runs may take {(runs + 1) * events / _A_SECOND / 60:,.0f} minutes")
    with (
        tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name,
        cluster(Path(name), given, embedded=False) as broker,
    ):
        root = Path(name) / "workers"
        broker.empty(*MADE, RAW_ROWS, RAW_IMAGES)
        broker.make()
        took = [_run(broker, root, patients, fresh=run == 0) for run in range(runs)]
    seconds = [each.seconds for each in took]
    return {
        "machine": {**about, "broker": broker.version},
        "patients": patients,
        "events": events,
        "runs": runs,
        "seconds": spread(seconds, 1),
        "per_second": spread([events / each for each in seconds], 0),
        "busy_us_per_event": spread([each.workers / events * 1e6 for each in took], 1),
    }


def _run(broker: Cluster, root: Path, patients: int, *, fresh: bool) -> Busy:
    """All workers on one home; the raw topics are filled for the first run, and read again from the beginning by the others."""
    all_of_them = [worker("-".join(steps), "fast", *steps) for steps in WORKERS]
    programs = [each.program(broker, root) for each in all_of_them]
    if fresh:
        came = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        asyncio.run(fill(broker, batches(Hospital(root / "home").everything(patients, came))))
    shutil.rmtree(root / "home" / "data", ignore_errors=True)
    broker.empty(*MADE)
    with ExitStack() as stack:
        started = [
            stack.enter_context(running(program, root / f"{each.name}.log"))
            for program, each in zip(programs, all_of_them, strict=True)
        ]
        busy = until_still(broker.bootstrap, MADE, started, broker.pid)
    written = asyncio.run(read(broker.bootstrap, COVERAGE_STATUS))
    complete = sum(b'"state":"complete"' in value for value in written.last.values())
    if (complete, len(written.last)) != (patients, patients):
        raise WorkFailedError(f"{complete} of {patients} patients are complete")
    return busy
