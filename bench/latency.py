"""``nccid bench latency``: from the second side's intended time of sending until a reader has the status, at steady rates.

Rows are folded beforehand; then studies come at their times, whether or not the worker keeps up (an open loop). A wait is counted
from the time at which the study was to be sent, so a worker, a broker or a sender that stalls makes all that come meanwhile wait.
"""

import asyncio
import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, cluster
from bench.figures import percentile, spread
from bench.filling import batches, fill
from bench.join import OUTPUTS
from bench.machine import machine
from bench.programs import running
from bench.pseudonymous import match, row
from bench.rivals import FAST, worker
from bench.steady import send_and_watch
from bench.watching import until_still
from schemas.topics import COVERAGE_STATUS, IMAGES, ROWS
from schemas.wire import Wire

Say = Callable[[str], None]
_WARM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rates: tuple[int, ...]  # studies in a second
    seconds: float
    runs: int


FULL = Extent((50, 200, 1_000), 20.0, 5)
QUICK = Extent((50, 200), 3.0, 1)


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say) -> dict[str, Any]:
    """Each rate in turn, run by run, on one worker that has been folding for a while.

    Raises:
        WorkFailedError: a status does not come.
    """
    about = machine(java=True)
    with (
        tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name,
        cluster(Path(name), given, embedded=False) as broker,
    ):
        scenes = _scenes(extent, broker, Path(name), say)
    return {"machine": {**about, "broker": broker.version}, "runs": extent.runs, "seconds": extent.seconds, "scenes": scenes}


def _scenes(extent: Extent, broker: Cluster, folder: Path, say: Say) -> list[dict[str, Any]]:
    turns = [(run, rate) for run in range(extent.runs) for rate in extent.rates]
    sent = {rate: int(rate * (extent.seconds + _WARM_SECONDS)) for rate in extent.rates}
    waits: dict[int, list[list[float]]] = {rate: [] for rate in extent.rates}
    with _at_work(broker, folder, extent.runs * sum(sent.values())):
        first = 0
        for run, rate in turns:
            took = asyncio.run(send_and_watch(broker.bootstrap, range(first, first + sent[rate]), rate))
            first += sent[rate]
            waits[rate].append(sorted(took[int(rate * _WARM_SECONDS) :]))
            say(f"run {run + 1} of {extent.runs}, {rate}/s: p99 {1000 * percentile(waits[rate][-1], 0.99):.1f} ms")
    return [{"per_second": rate, **_summary(each)} for rate, each in waits.items()]


@contextmanager
def _at_work(broker: Cluster, folder: Path, patients: int) -> Iterator[None]:
    """A worker that has folded the rows of so many patients."""
    broker.empty(*OUTPUTS, ROWS, IMAGES)
    broker.make()
    came = dt.datetime.now(dt.UTC)
    rows = ((ROWS.name, match(number).encode(), Wire.encode(row(number, came))) for number in range(patients))
    asyncio.run(fill(broker, batches(rows)))
    with running(worker(FAST, "fast").program(broker, folder), folder / "worker.log") as started:
        until_still(broker.bootstrap, (COVERAGE_STATUS,), [started], broker.pid)
        yield


def _summary(runs: list[list[float]]) -> dict[str, Any]:
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "most_ms": 1.0}
    return {name: spread([1000 * percentile(run, share) for run in runs], 1) for name, share in shares.items()}
