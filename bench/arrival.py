"""How soon a study is seen: studies to the image node at a steady rate, until the dashboard counts and the Checker knows each."""

import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread

from bench.arriving import Sent, images_in
from bench.images import SMALL, write_images
from bench.seeing import Seen, looking
from bench.servers import new_home
from edge.checker import asked
from schemas.home import Home
from schemas.problems import WorkFailedError

Say = Callable[[str], None]

_PATIENCE_SECONDS = 60.0
_PROGRAMS = 2
_SITE = "NTHV"  # whose PACS uses NHS numbers, so that the Checker knows a patient from the images alone
_WEIGHTS = range(10, 1, -1)


def measure(rate: float, seconds: float, say: Say) -> dict[str, Any]:
    """Sends so many studies a second for so long, each of one image and of a patient of its own.

    A study counts as arrived when its C-STORE is answered. The stream of events tells how many cases the site has: the n-th
    arrival is seen on the dashboard with the first event that counts n. The Checker is asked for those that are still missing, 20
    ms after each answer again; it has a study with the first answer that knows its patient.

    Raises:
        WorkFailedError: the set-up does not come up, an image is not taken, or not all are seen in the end.
    """
    with tempfile.TemporaryDirectory(prefix="nccid-bench-") as name:
        folder, count = Path(name), int(rate * seconds)
        home, token = new_home(folder)
        write_images(folder / "images", SMALL, count, count)
        persons = _persons(home, images_in(folder / "images"))
        with _up(home) as (hub, node), looking(hub, token, _SITE, persons) as seen:
            say(f"sending {count} studies, {rate:g} a second")
            sent = _send(node, folder / "images", rate, count)
            _wait(seen, count)
    return _summary(rate, persons, sent, seen)


def _summary(rate: float, persons: Sequence[str], sent: Sequence[Sent], seen: Seen) -> dict[str, Any]:
    arrived = {persons[number]: at for number, _, at in sent}
    times = sorted(arrived.values())
    waits = {
        "dashboard": [seen.first(count) - at for count, at in enumerate(times, 1)],
        "Checker": [seen.answered[person] - at for person, at in arrived.items()],
    }
    return {
        "studies": len(sent),
        "asked_per_second": rate,
        "per_second": round((len(sent) - 1) / (times[-1] - times[0]), 1),
        "sent_late_seconds": _spread([late for _, late, _ in sent]),
        "questions": seen.questions,
        "seconds": {name: _spread(each) for name, each in waits.items()},
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = {"p50": len(ordered) // 2, "p95": math.ceil(len(ordered) * 0.95) - 1, "most": -1}
    return {name: round(ordered[place], 3) for name, place in at.items()}


def _persons(home: Path, images: Sequence[Path]) -> list[str]:
    """Gives each image an NHS number of its own as PatientID; the pseudonyms of these, as the hospital's Checker makes them."""
    numbers = list(itertools.islice(_nhs_numbers(), len(images)))
    for number, path in zip(numbers, images, strict=True):
        image = dcmread(path)
        image.PatientID = number
        image.save_as(path)
    return [each.person or "" for each in asked(numbers, Home(home))]


def _nhs_numbers() -> Iterator[str]:
    """NHS numbers of the range 999, which is never issued; the tenth digit checks the others (modulus 11)."""
    for first in range(999_000_000, 1_000_000_000):
        check = -sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, str(first), strict=True)) % 11
        if check < 10:  # ten: there is no such number
            yield f"{first}{check}"


@contextmanager
def _up(home: Path) -> Iterator[tuple[str, str]]:
    """A whole set-up on the embedded broker: the addresses of hub and node."""
    ports = [word for role in ("broker", "portal", "hub", "node") for word in (f"--{role}-port", "0")]
    command = [sys.executable, "-P", "-m", "nccid", "up", "--dir", str(home), *ports]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # asked for above
            words = dict(word.split("=", 1) for word in process.stdout.readline().split() if "=" in word)
            if not {"hub", "node"} <= set(words):
                raise WorkFailedError(f"the set-up does not come up; see {home}/logs")
            yield words["hub"], words["node"]
        finally:
            process.terminate()


def _send(node: str, folder: Path, rate: float, count: int) -> list[Sent]:
    """All images, from a few programs at once.

    Raises:
        WorkFailedError: the node did not take all.
    """
    command = [sys.executable, "-P", "-m", "bench.arriving", node, repr(rate)]
    programs = [_sender([*command, str(share), str(_PROGRAMS), str(folder)]) for share in range(_PROGRAMS)]
    for program in programs:
        assert program.stdout is not None  # noqa: S101  # asked for in _sender
        program.stdout.readline()
    begin = repr(time.monotonic() + 1.0)
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda program: program.communicate(begin)[0], programs))
    sent: list[Sent] = [tuple(each) for words in said for each in json.loads(words or "[]")]
    if len(sent) != count:
        raise WorkFailedError(f"the node took {len(sent)} of {count} images")
    return sent


def _sender(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _wait(seen: Seen, count: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not seen.counts or seen.counts[-1][1] < count or len(seen.answered) < count:
        if time.monotonic() > until:
            counted = seen.counts[-1][1] if seen.counts else 0
            raise WorkFailedError(
                f"of {count} studies the dashboard counts {counted}, and the Checker knows {len(seen.answered)}"
            )
        time.sleep(0.1)
