"""``nccid bench join``: rows and studies to statuses, our worker beside what else one would write, topics filled beforehand."""

import asyncio
import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cluster import Cluster, cluster
from bench.figures import ratios, spread
from bench.filling import Placed, batches, fill
from bench.machine import machine, versions_of
from bench.outcome import outcome
from bench.peers_environment import peers_python
from bench.programs import running
from bench.pseudonymous import match, row, study
from bench.rivals import CONFLUENT, FAST, Rival, rivals
from bench.watching import until_still
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_CASES, QUARANTINE, ROWS, SITE_FACTS, TICKS
from schemas.wire import Wire

Say = Callable[[str], None]
OUTPUTS = (COVERAGE_STATUS, PERSON_CASES, SITE_FACTS, TICKS, QUARANTINE)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    patients: int
    runs: int


FULL = Extent(40_000, 5)
QUICK = Extent(1_000, 1)


@dataclass(slots=True)
class Found:
    """What one of them did, run by run."""

    per_second: list[float] = field(default_factory=list)
    busy_us: list[float] = field(default_factory=list)  # processor time of an event
    broker_us: list[float] = field(default_factory=list)
    records: list[int] = field(default_factory=list)  # written, statuses and cases of persons


def measure(extent: Extent, folder: Path | None, given: str | None, say: Say, *, embedded: bool = False) -> dict[str, Any]:
    """Each of them in turn, in a changing order, over the same records; whoever does not get every patient right has lost.

    Args:
        extent: how much.
        folder: on the disk that is meant; else the system's temporary one.
        given: HOST:PORT of a cluster, WHOSE nccid.* TOPICS AND GROUPS ARE DELETED; else one is started.
        say: told how far it is.
        embedded: on the embedded broker.

    Raises:
        WorkFailedError: somebody ends, or what came out is wrong.
    """
    about, all_of_them = machine(java=not embedded), rivals(say)
    able = [rival for rival in all_of_them if not (embedded and rival.not_embedded)]
    found = {rival.name: Found() for rival in able}
    with tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as root:
        for run, rival, broker in _turns(able, extent, Path(root), given, say, embedded=embedded):
            one(rival, broker, extent.patients, Path(root) / "run", found[rival.name])
            say(f"run {run + 1} of {extent.runs}, {rival.name}: {found[rival.name].per_second[-1]:,.0f} events/s")
            version = broker.version
    return {
        "machine": {**about, "broker": version, **versions_of(peers_python(say), "quixstreams", "confluent-kafka")},
        "runs": extent.runs,
        "events": 2 * extent.patients,
        "contenders": {name: _summary(each, found[FAST]) for name, each in found.items()},
        "left_out": {rival.name: rival.not_embedded for rival in all_of_them if rival not in able},
    }


def _turns(
    able: list[Rival], extent: Extent, root: Path, given: str | None, say: Say, *, embedded: bool
) -> Iterator[tuple[int, Rival, Cluster]]:
    """Who is next, and on which broker: one for all, warmed up; the embedded one, which cannot forget, anew for each."""
    order = [(run, rival) for run in range(extent.runs) for rival in able[run % len(able) :] + able[: run % len(able)]]
    if embedded:
        for number, (run, rival) in enumerate(order):
            with cluster(root / f"broker{number}", None, embedded=True) as broker:
                _fill(broker, extent.patients)
                yield run, rival, broker
        return
    with cluster(root, given, embedded=False) as broker:
        broker.empty(*OUTPUTS, ROWS, IMAGES)
        _fill(broker, extent.patients)
        say(f"filled with rows and studies of {extent.patients:,} patients")
        if extent.runs > 1:  # a broker that has only started is slow at first
            one(next(rival for rival in able if rival.name == CONFLUENT), broker, extent.patients, root / "run", Found())
        for run, rival in order:
            broker.empty(*OUTPUTS)
            yield run, rival, broker


def _fill(broker: Cluster, patients: int) -> None:
    broker.make()
    asyncio.run(fill(broker, batches(records(patients))))


def records(patients: int) -> Iterator[Placed]:
    """A row and a study of each, from the last day: nothing is overdue."""
    came = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    for number in range(patients):
        at, key = came + dt.timedelta(milliseconds=number), match(number).encode()
        yield ROWS.name, key, Wire.encode(row(number, at))
        yield IMAGES.name, key, Wire.encode(study(number, at))


def one(rival: Rival, broker: Cluster, patients: int, folder: Path, found: Found) -> None:
    """One run of one of them, on new folders and empty topics.

    Raises:
        WorkFailedError: what came out is wrong.
    """
    folder.mkdir()
    with running(rival.program(broker, folder), folder / f"{rival.name}.log") as started:
        busy = until_still(broker.bootstrap, (COVERAGE_STATUS, PERSON_CASES), [started], broker.pid)
    came, events = outcome(broker.bootstrap), 2 * patients
    if wrong := came.wrong(patients):
        raise WorkFailedError(f"{rival.name} did not get it right: {wrong}")
    found.per_second.append(came.per_second(events))
    found.busy_us.append(busy.workers / events * 1e6)
    found.broker_us.append(busy.broker / events * 1e6)
    found.records.append(came.statuses.count + came.persons.count)
    shutil.rmtree(folder)


def _summary(found: Found, ours: Found) -> dict[str, Any]:
    return {
        "per_second": spread(found.per_second, 0),
        "fast_to_this": ratios(ours.per_second, found.per_second),
        "busy_us_per_event": spread(found.busy_us, 1),
        "broker_us_per_event": spread(found.broker_us, 1),
        "records_written": spread(found.records, 0),
    }
