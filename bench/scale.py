"""``nccid bench scale``: one, two, four workers on the same records; all begin at the same moment, and nobody fills meanwhile."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from bench.cluster import Cluster, cluster
from bench.figures import ratios, spread
from bench.filling import batches, fill
from bench.join import OUTPUTS, records
from bench.machine import machine
from bench.outcome import outcome
from bench.programs import Started, running
from bench.rivals import FAST, worker
from bench.watching import until_still
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_CASES, ROWS

Say = Callable[[str], None]

_TOGETHER_SECONDS = 120.0
_CALM_SECONDS = 3.0  # a group that has not changed for so long has taken its partitions over


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    workers: tuple[int, ...]
    patients: int
    runs: int


FULL = Extent((1, 2, 4), 100_000, 5)
QUICK = Extent((1, 2), 1_000, 1)


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say) -> dict[str, Any]:
    """So many workers in turn, in a changing order.

    Raises:
        WorkFailedError: a worker ends, or what came out is wrong.
    """
    about = machine(java=True)
    found: dict[int, list[float]] = {count: [] for count in extent.workers}
    with (
        tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name,
        cluster(Path(name), given, embedded=False) as broker,
    ):
        broker.make()
        for run in range(extent.runs):
            turn = run % len(extent.workers)
            for count in extent.workers[turn:] + extent.workers[:turn]:
                found[count].append(_run(count, broker, extent.patients, Path(name) / "workers"))
                say(f"run {run + 1} of {extent.runs}, {count} workers: {found[count][-1]:,.0f} events/s")
    fewest = found[extent.workers[0]]
    return {
        "machine": {**about, "broker": broker.version},
        "runs": extent.runs,
        "events": 2 * extent.patients,
        "workers": {count: {"per_second": spread(each, 0), "to_fewest": ratios(each, fewest)} for count, each in found.items()},
    }


def _run(count: int, broker: Cluster, patients: int, folder: Path) -> float:
    """The workers join while there is nothing to do, are held, the topics are filled, and they are let go all at once."""
    filled = list(batches(records(patients)))
    broker.empty(*OUTPUTS, ROWS, IMAGES)
    folder.mkdir()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(running(worker(FAST, "fast").program(broker, folder / str(each)), folder / f"worker{each}.log"))
            for each in range(count)
        ]
        _until_together(broker.bootstrap, workers)
        with _held(workers):
            asyncio.run(fill(broker, filled))
        until_still(broker.bootstrap, (COVERAGE_STATUS, PERSON_CASES), workers, broker.pid)
    came = outcome(broker.bootstrap)
    if wrong := came.wrong(patients):
        raise WorkFailedError(f"{count} workers did not get it right: {wrong}")
    shutil.rmtree(folder)
    return came.per_second(2 * patients)


@contextmanager
def _held(workers: list[Started]) -> Iterator[None]:
    """For less than their sessions last: nobody takes them for dead."""
    for each in workers:
        each.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in workers:
            each.process.send_signal(signal.SIGCONT)


def _until_together(bootstrap: str, workers: list[Started]) -> None:
    """Until all are members of a group that has come to rest, each with partitions of its own."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        until, calm_since = time.monotonic() + _TOGETHER_SECONDS, None
        while calm_since is None or time.monotonic() - calm_since < _CALM_SECONDS:
            if time.monotonic() > until:
                raise WorkFailedError(f"{len(workers)} workers do not come together; see {workers[0].log}")
            for each in workers:
                each.must_run()
            together = _members(admin) == len(workers)
            calm_since = (calm_since or time.monotonic()) if together else None
            time.sleep(0.2)
    finally:
        admin.close()


def _members(admin: KafkaAdminClient) -> int:
    """Of the only group, when it is stable; else none."""
    try:
        groups = [each["group_id"] for each in admin.list_groups() if each["group_id"].startswith("nccid")]
        told = admin.describe_groups(groups) if groups else {}
    except KafkaError:  # its coordinator is only coming up
        return 0
    return sum(len(each["members"]) for each in told.values() if each["group_state"] == "Stable")
