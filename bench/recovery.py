"""``nccid bench recovery``: kill -9 of the worker with many cases, until it answers rightly again; with what it kept, and without."""

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
from bench.steady import Watch, watched
from schemas.topics import COVERAGE_STATUS, IMAGES, ROWS

Say = Callable[[str], None]

PROBES = 16
"""Patients whose study comes while nobody is there: enough that each partition has some."""

_UP_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    cases: int
    runs: int


FULL = Extent(1_000_000, 5)
QUICK = Extent(2_000, 1)


@dataclass(slots=True)
class Found:
    """Seconds from the start of the new worker, run by run."""

    first: list[float] = field(default_factory=list)  # right answer
    all: list[float] = field(default_factory=list)  # right answers, from every partition
