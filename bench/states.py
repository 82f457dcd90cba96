"""States as a worker would have kept them, many: each really folded, from a row and a study, and put on the compacted topic.

As a program, ``python -m bench.states BOOTSTRAP FIRST LAST WITHOUT CAME``: those of patients FIRST to LAST, of which the last
WITHOUT have no study yet, and row and study came at CAME.
"""

import asyncio
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator

from bench.cluster import Cluster
from bench.filling import Placed, batches, fill
from bench.fold import the_fold
from bench.pseudonymous import match, row, study
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS
from schemas.wire import Wire


def fill_states(cluster: Cluster, cases: int, without_study: int, came: dt.datetime) -> None:
    """Folds and publishes so many cases, with all processors.

    Raises:
        WorkFailedError: it could not be done.
    """
    share = -(-cases // (os.cpu_count() or 1))
    parts = [(first, min(first + share, cases)) for first in range(0, cases, share)]
    programs = []
    for first, last in parts:
        without = max(0, last - max(first, cases - without_study))
        arguments = [cluster.bootstrap, str(first), str(last), str(without), came.isoformat()]
        programs.append(subprocess.Popen([sys.executable, "-P", "-m", "bench.states", *arguments]))
    ended = [program.wait() for program in programs]
    if any(ended):
        raise WorkFailedError("the states could not be put on the topic; the words of those who tried stand above")


def _states(first: int, last: int, without_study: int, came: dt.datetime) -> Iterator[Placed]:
    fold = the_fold()
    for number in range(first, last):
        key = match(number).encode()
        state = fold(key, Wire.encode(row(number, came)), None)[0].value
        if number < last - without_study:
            state = fold(key, Wire.encode(study(number, came)), state)[0].value
        yield COVERAGE_STATUS.name, key, state


def _main(bootstrap: str, first: str, last: str, without_study: str, came: str) -> None:
    states = _states(int(first), int(last), int(without_study), dt.datetime.fromisoformat(came))
    asyncio.run(fill(Cluster(bootstrap), batches(states)))


if __name__ == "__main__":
    _main(*sys.argv[1:6])
