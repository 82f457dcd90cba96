"""``nccid bench growth``: what ten times as many cases cost: events in a second, memory, bytes on Kafka and on disk."""

import asyncio
import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.cluster import Cluster, cluster
from bench.figures import ratios, spread
from bench.filling import Placed, batches, fill
from bench.join import OUTPUTS
from bench.machine import machine
from bench.outcome import ends, rate, read
from bench.programs import Program, resident, running
from bench.pseudonymous import match, study
from bench.rivals import FAST, worker
from bench.states import fill_states
from bench.watching import until_still
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_CASES, ROWS
from schemas.wire import Wire

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    sizes: tuple[int, ...]  # cases
    events: int  # in each run
    runs: int


FULL = Extent((10_000, 100_000, 1_000_000), 100_000, 5)
QUICK = Extent((500, 2_000), 2_000, 1)


@dataclass(slots=True)
class Size:
    """What so many cases cost."""

    kafka_bytes: int | None
    per_second: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    disk: int = 0


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say) -> dict[str, Any]:
    """Each size: its cases are put on the compacted topic; then, run by run, a worker folds new reports of their studies.

    Raises:
        WorkFailedError: a worker ends, or has not written every status.
    """
    about, found = machine(java=True), dict[int, Size]()
    with (
        tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name,
        cluster(Path(name), given, embedded=False) as broker,
    ):
        for cases in extent.sizes:
            found[cases] = _size(cases, extent, broker, Path(name) / "worker", say)
    least = found[extent.sizes[0]]
    return {
        "machine": {**about, "broker": broker.version},
        "runs": extent.runs,
        "events": extent.events,
        "sizes": [_summary(cases, extent.sizes[0], size, least) for cases, size in found.items()],
    }


def _size(cases: int, extent: Extent, broker: Cluster, folder: Path, say: Say) -> Size:
    broker.empty(*OUTPUTS, ROWS, IMAGES)
    broker.make()
    came = dt.datetime.now(dt.UTC)
    say(f"{cases:,} cases: folding them and putting them on the topic")
    fill_states(broker, cases, 0, came)
    size = Size(broker.bytes_of(COVERAGE_STATUS))
    program = worker(FAST, "fast").program(broker, folder)
    for run in range(extent.runs):
        asyncio.run(fill(broker, batches(_reports(_Asked(extent.events, cases, run), came))))
        _run(broker, program, folder, _Asked(extent.events, cases, run), size)
        say(f"{cases:,} cases, run {run + 1} of {extent.runs}: {size.per_second[-1]:,.0f} events/s")
    size.disk = sum(path.stat().st_size for path in (folder / "home" / "data" / "state").rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return size


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one run is given: so many reports of studies that are known, over so many cases in turn."""

    events: int
    cases: int
    run: int

    def turn(self, number: int) -> int:
        """Which report of its study the n-th one is: later ones are of later turns."""
        return 1 + self.run * self.events + number // self.cases


def _reports(asked: _Asked, came: dt.datetime) -> Iterator[Placed]:
    """The studies that are known, reported again with more images: a case does not grow by it, and its status is new."""
    for number in range(asked.events):
        case, turn = number % asked.cases, asked.turn(number)
        first = study(case, came)
        again = replace(
            first,
            event=f"{first.event}-{turn}",
            received_at=came + dt.timedelta(milliseconds=turn),
            instances={modality: count + turn for modality, count in first.instances.items()},
        )
        yield IMAGES.name, match(case).encode(), Wire.encode(again)


def _run(broker: Cluster, program: Program, folder: Path, asked: _Asked, size: Size) -> None:
    before = ends(broker.bootstrap, COVERAGE_STATUS)
    with running(program, folder / "worker.log") as started:
        until_still(broker.bootstrap, (COVERAGE_STATUS, PERSON_CASES), [started], broker.pid)
        size.memory.append(resident(started.process.pid))
    written = asyncio.run(read(broker.bootstrap, COVERAGE_STATUS, before))
    latest = b'-%d"' % asked.turn(asked.events - 1)
    right = sum(latest in value for value in written.last.values())
    if right != min(asked.events, asked.cases):
        raise WorkFailedError(f"{right} of {min(asked.events, asked.cases)} statuses hold the latest report")
    size.per_second.append(rate(written.times, asked.events))


def _summary(cases: int, fewest: int, size: Size, least: Size) -> dict[str, Any]:
    more = spread(size.memory)["median"] - spread(least.memory)["median"]
    return {
        "cases": cases,
        "per_second": spread(size.per_second, 0),
        "to_fewest": ratios(size.per_second, least.per_second),
        "memory_mib": spread([held / 2**20 for held in size.memory], 1),
        "memory_bytes_per_case": round(more / (cases - fewest)) if cases > fewest else None,
        "kafka_bytes_per_case": round(size.kafka_bytes / cases) if size.kafka_bytes else None,
        "disk_bytes_per_case": round(size.disk / cases),
    }
