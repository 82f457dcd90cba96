"""How soon a study is on the dashboard: studies to the image node at a steady rate, until the stream counts each of them."""

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]  # made when it is imported

from bench.images import SMALL, write_images
from bench.servers import new_home
from schemas.problems import WorkFailedError

Say = Callable[[str], None]

_READY_SECONDS = 90.0
_PATIENCE_SECONDS = 60.0
_SENDERS = 4


def measure(rate: float, seconds: float, say: Say) -> dict[str, Any]:
    """Sends so many studies a second for so long, each of one image and of a patient of its own.

    A study counts as arrived when its C-STORE is answered. The stream tells how many cases the site has: the n-th arrival is seen
    with the first event that counts n.

    Raises:
        WorkFailedError: the set-up does not come up, an image is not taken, or not all are counted in the end.
    """
    with tempfile.TemporaryDirectory(prefix="nccid-bench-") as name:
        folder, count = Path(name), int(rate * seconds)
        home, token = new_home(folder)
        images = write_images(folder / "images", SMALL, count, count)
        with _up(home) as (hub, node), _watching(hub, token) as seen:
            say(f"sending {count} studies, {rate:g} a second")
            arrived = _send(node, images, rate)
            _wait(seen, count)
        waits = sorted(_first(seen, number + 1) - at for number, at in enumerate(sorted(arrived)))
    sent = max(arrived) - min(arrived)
    return {
        "studies": count,
        "per_second": round(count / sent, 1),
        "seconds": {
            "p50": round(waits[count // 2], 3),
            "p95": round(waits[math.ceil(count * 0.95) - 1], 3),
            "most": round(waits[-1], 3),
        },
    }


@contextmanager
def _up(home: Path) -> Iterator[tuple[str, tuple[str, int]]]:
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
            host, _, port = words["node"].rpartition(":")
            yield words["hub"], (host, int(port))
        finally:
            process.terminate()


@contextmanager
def _watching(hub: str, token: str) -> Iterator[list[tuple[float, int]]]:
    """When the stream said how many cases there are."""
    seen: list[tuple[float, int]] = []
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{hub}/v1/stream", headers=headers)  # noqa: S310  # our own address
    answer = urllib.request.urlopen(request, timeout=_READY_SECONDS)  # noqa: S310  # our own address

    def read() -> None:
        for line in answer:
            if line.startswith(b'data: {"site":"RDGM"'):
                seen.append((time.monotonic(), json.loads(line[6:])["coverage"]["cases"]))  # noqa: PERF401  # read by another thread meanwhile

    threading.Thread(target=read, daemon=True).start()
    yield seen


def _send(node: tuple[str, int], images: list[Path], rate: float) -> list[float]:
    """Sends each at its time, over a few associations; when each was answered."""
    arrived: list[float] = []
    began = time.monotonic() + 1.0
    threads = [
        threading.Thread(target=_association, args=(node, images, share, rate, began, arrived)) for share in range(_SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(arrived) != len(images):
        raise WorkFailedError(f"the node took {len(arrived)} of {len(images)} images")
    return arrived


def _association(node: tuple[str, int], images: list[Path], share: int, rate: float, began: float, arrived: list[float]) -> None:
    entity = AE(ae_title="RDGM_PACS")
    entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    association = entity.associate(*node, ae_title="NCCID")
    for number in range(share, len(images), _SENDERS):
        (path,) = images[number].glob("*.dcm")
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        if association.is_established and association.send_c_store(path).get("Status") == 0:
            arrived.append(time.monotonic())
    association.release()


def _wait(seen: list[tuple[float, int]], count: int) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not seen or seen[-1][1] < count:
        if time.monotonic() > until:
            raise WorkFailedError(f"the stream counts {seen[-1][1] if seen else 0} of {count} studies")
        time.sleep(0.1)


def _first(seen: list[tuple[float, int]], count: int) -> float:
    """When so many were counted first."""
    return next(at for at, cases in seen if cases >= count)
