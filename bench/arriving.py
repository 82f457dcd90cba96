"""A PACS that sends images at a steady rate. Run as ``python -m bench.arriving NODE RATE SHARE SHARES FOLDER``.

C-STORE waits for its answer before the next one goes, so that one association gives no more than one image for each answer: the
node answers within 20 to 100 ms, by load, which is 10 to 50 images a second. A rate is therefore carried by several associations,
and by two programs, since what pynetdicom does for an image is about as much work as what the node does. It says ``ready``, reads
when to begin, and prints as JSON what was sent when and when it was answered, by the machine's monotonic clock, the same for all.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]  # made when it is imported

ASSOCIATIONS = 5
"""Of one program."""

Sent = tuple[int, float, float]
"""The number of the image, how many seconds late it went, when it was answered."""


def images_in(folder: Path) -> list[Path]:
    """The images, in the order in which they are sent."""
    return sorted(folder.glob("*/*.dcm"))


def associations(node: tuple[str, int]) -> list[Association]:
    """As many as one program has."""
    entity = AE(ae_title="NTHV_CT")
    entity.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    return [entity.associate(*node, ae_title="NCCID") for _ in range(ASSOCIATIONS)]


def send(over: list[Association], images: list[Path], begin: float, rate: float, share: tuple[int, int]) -> list[Sent]:
    """Sends every ``share[1]``-th image from ``share[0]`` on, each at its time, over whichever association is free."""
    sent: list[Sent] = []
    numbers = iter(range(share[0], len(images), share[1]))  # ``next`` of it is one step for all threads
    threads = [threading.Thread(target=_over, args=(each, images, numbers, begin, rate, sent)) for each in over]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def _over(
    association: Association, images: list[Path], numbers: Iterator[int], begin: float, rate: float, sent: list[Sent]
) -> None:
    for number in numbers:
        due = begin + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        late = time.monotonic() - due
        if association.is_established and association.send_c_store(images[number]).get("Status") == 0:
            sent.append((number, late, time.monotonic()))
    association.release()


def _main() -> None:
    (host, _, port), rate = sys.argv[1].rpartition(":"), float(sys.argv[2])
    over, images = associations((host, int(port))), images_in(Path(sys.argv[5]))
    print("ready", flush=True)  # noqa: T201  # to the program that started it
    sent = send(over, images, float(sys.stdin.readline()), rate, (int(sys.argv[3]), int(sys.argv[4])))
    print(json.dumps(sent))  # noqa: T201  # as above


if __name__ == "__main__":
    _main()
