"""A world given in while something is being hurt, and what became of it: lost, doubled, wrong, and how soon all was right."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from schemas.sites import EXAMPLE, read_sites
from streams.topology import TOPOLOGY
from synth.files import write_world
from synth.world import make_world
from tests.broker.setups import Installation, environment, installed, until

SETTLED_SECONDS = 90.0
FAULTS_DIR = "NCCID_FAULTS_DIR"
"""A folder in which the table of faults is kept, a file with one JSON document for each fault."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    faults: int  # how often it was done
    ended: int  # workers that were killed, or ended by themselves
    events: int
    lost: int
    doubled: int
    wrong: int
    seconds: float  # from the last fault until every answer was right

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)


def table(rows: list[Row]) -> str:
    head = f"{'fault':<58} faults ended events lost doubled wrong seconds"
    return "\n".join(
        [
            head,
            *(
                f"{r.fault:<58} {r.faults:6} {r.ended:5} {r.events:6} {r.lost:4} {r.doubled:7} {r.wrong:5} {r.seconds:7.1f}"
                for r in rows
            ),
        ]
    )


def keep(row: Row) -> None:
    """Writes a row to the folder that the tests were told of."""
    folder = Path(os.environ[FAULTS_DIR])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{re.sub('[^a-z0-9]+', '-', row.fault.lower())}.json").write_text(json.dumps(asdict(row)), encoding="utf-8")


def kept() -> list[Row]:
    """The rows in that folder: of this process and of others, which run tests beside it."""
    files = sorted(Path(os.environ[FAULTS_DIR]).glob("*.json")) if os.environ.get(FAULTS_DIR) else []
    return [Row(**json.loads(file.read_text(encoding="utf-8"))) for file in files]


@dataclass
class Workers:
    """Workers besides those of ``nccid up``, on the same home; one that ends is started again, as a supervisor would."""

    installation: Installation
    running: dict[tuple[int, tuple[str, ...]], "subprocess.Popen[bytes]"] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    told: Mapping[str, str] = field(default_factory=dict)  # more of their environment
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, number: int) -> None:
        """One more worker of each kind; they have found the broker when this returns, and join the others."""
        with self._lock:
            for steps in TOPOLOGY.workers:
                self.running[number, steps] = self._start(number, steps)
            started = [self.running[number, steps] for steps in TOPOLOGY.workers]
        until(lambda: all(_is_connected(process) for process in started), "the workers have found the broker")

    def leave(self, number: int) -> None:
        """They are asked to stop, and do so in order."""
        with self._lock:
            gone = [self.running.pop((number, steps)) for steps in TOPOLOGY.workers]
        for process in gone:
            process.terminate()
        statuses = [process.wait(30) for process in gone]
        assert statuses == [0] * len(statuses), f"workers that were asked to stop ended with {statuses}"

    def of(self, step: str) -> psutil.Process:
        """The first of our workers that runs this step."""
        steps = next(steps for steps in TOPOLOGY.workers if step in steps)
        return psutil.Process(next(process.pid for (_, each), process in sorted(self.running.items()) if each == steps))

    def look_after(self) -> None:
        while not self._stopping.wait(0.2):
            with self._lock:
                for (number, steps), process in self.running.items():
                    if process.poll() is not None:
                        self.statuses.append(process.returncode)
                        self.running[number, steps] = self._start(number, steps)

    def end(self) -> None:
        self._stopping.set()
        for process in self.running.values():
            process.kill()
            process.wait()

    def _start(self, number: int, steps: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        options = [word for step in steps for word in ("--step", step)]
        told = {"NCCID_BOOTSTRAP": self.installation.address, "NCCID_HOME": str(self.installation.home.root)}
        with (self.installation.root / f"extra-{number}-{steps[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "nccid", "worker", *options],
                env={**environment(), **told, **self.told},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def _is_connected(process: "subprocess.Popen[bytes]") -> bool:
    connections = psutil.Process(process.pid).net_connections("inet")
    return any(each.status == psutil.CONN_ESTABLISHED for each in connections)


@contextmanager
def more_workers(installation: Installation, **told: str) -> Iterator[Workers]:
    workers = Workers(installation, told=told)
    thread = threading.Thread(target=workers.look_after)
    thread.start()
    try:
        yield workers
    finally:
        workers.end()
        thread.join()


@dataclass
class Play:
    """An installation that is given the deliveries of a world, one after the other."""

    installation: Installation
    world: Path
    truth: Mapping[str, Any]
    deliveries: list[dict[str, Any]]

    def through(self, between: Callable[[int], None]) -> None:
        """Gives everything in; ``between`` is called after each delivery, with its number from 1 on."""
        for number, delivery in enumerate(self.deliveries, 1):
            self.installation.deliver(delivery["site"], delivery["kind"], self.world / delivery["path"])
            between(number)

    def outcome(self, fault: str, faults: int, ended: int = 0, named: int = 0) -> Row:
        """Waits until every answer is right, or it takes too long; then audits, compares, and notes it in the table.

        ``named`` records are garbage that the audit has to name; whatever else it finds amiss is wrong.
        """
        began = time.monotonic()
        while self._differs() and time.monotonic() - began < SETTLED_SECONDS:
            time.sleep(0.2)
        seconds = round(time.monotonic() - began, 1)
        lost, doubled, wrong = self._compared()
        audit = json.loads(self.installation.run("audit", "--json").stdout)
        events = sum(audit["in"].values())
        missing = events - sum(audit["out"].values()) - sum(audit["quarantined"].values())
        amiss = abs(len(audit["problems"]) - named)
        row = Row(fault, faults, ended, events, lost + missing, doubled, wrong + amiss, seconds)
        keep(row)
        if amiss:
            sys.stderr.write("\n".join(audit["problems"][:20]) + "\n")
        return row

    def _differs(self) -> bool:
        return bool(self.installation.known() != self.truth["sites"])

    def _compared(self) -> tuple[int, int, int]:
        """Cases that are missing, that are there too often, and that say something else than the truth."""
        numbers = list(self.truth["people"])
        answers = self.installation.check(*numbers)
        lost = doubled = wrong = 0
        for number, answer in zip(numbers, answers, strict=True):
            expected, found = self.truth["people"][number]["cases"], answer["cases"]
            lost += max(0, len(expected) - len(found))
            doubled += max(0, len(found) - len(expected))
            differing = sum((Counter(map(_said, expected)) - Counter(map(_said, found))).values())
            wrong += max(0, differing - max(0, len(expected) - len(found)))
        return lost, doubled, wrong


def _said(case: Mapping[str, Any]) -> str:
    said = {name: case[name] for name in ("site", "group", "state", "data", "images")}
    return json.dumps({**said, "flags": sorted(case["flags"])}, sort_keys=True)


@contextmanager
def playing(root: Path, patients: int, seed: int, cluster: str | None = None) -> Iterator[Play]:
    """A set-up that runs on the cluster, or on one from the pool, and a world for it."""
    world = root / "world"
    write_world(make_world(seed, patients, read_sites(EXAMPLE), dt.datetime.now(dt.UTC).date()), world)
    with installed(root) as installation:
        shutil.copyfile(world / "rules.toml", installation.home.rules)
        installation.cluster = cluster
        installation.up()
        truth = json.loads((world / "truth.json").read_text(encoding="utf-8"))
        deliveries = json.loads((world / "deliveries.json").read_text(encoding="utf-8"))
        yield Play(installation, world, truth, deliveries)


def workers_of(installation: Installation) -> list[psutil.Process]:
    """The workers of ``nccid up``."""
    return [child for child in installation.children() if "worker" in " ".join(child.cmdline())]
