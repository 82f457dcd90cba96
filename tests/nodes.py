"""An image node for tests, as a process of its own without a broker, and callers that send to it. What is started is ended."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from edge.sending.outbox import Outbox
from identity import keyring
from local.homes import make_home
from local.ports import free_port
from schemas import rules, sites
from schemas.home import Home
from schemas.records import StudyReceived
from schemas.topics import RAW_IMAGES
from tests.edge_factories import NOON

READY_SECONDS = 30.0
CALLER = "RDGM_PACS"


class Node:
    """``nccid node`` on a home of its own."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.home = Home(root / "home")
        self.port = free_port()
        self.metrics_port = free_port()
        self.log = root / "node.log"
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        if not self.home.root.exists():
            make_home(self.home, sites.EXAMPLE.read_text(encoding="utf-8"), rules.DEFAULT.read_text(encoding="utf-8"))
            keyring.create(self.home.keyring, NOON)

    def start(self) -> None:
        """Starts it, and waits until it is ready."""
        reading, writing = os.pipe()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")} | {
            "NCCID_HOME": str(self.home.root),
            "NCCID_PORT": str(self.port),
            "NCCID_NODE_METRICS_PORT": str(self.metrics_port),
            "NCCID_NODE_FREE_BYTES": "1000000",
            "NCCID_READY_FD": str(writing),
            **self.settings,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nccid", "node"], env=environment, stdout=log, stderr=log, pass_fds=(writing,)
            )
        os.close(writing)
        try:
            assert os.read(reading, 16) == b"ready\n", self.log.read_text(encoding="utf-8")
        finally:
            os.close(reading)

    @property
    def main(self) -> psutil.Process:
        """Its first process."""
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def kill(self) -> None:
        """Kill -9 of the first process; the others end with it."""
        assert self.process is not None
        family = [self.main, *self.main.children(recursive=True)]
        self.process.kill()
        self.process.wait()
        until(lambda: all(map(_has_ended, family)))

    def stop(self) -> int:
        """Asks it to stop; answers its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def end(self) -> None:
        """Ends it, one way or another."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()

    def files(self) -> list[Path]:
        """What is in the store."""
        return sorted(self.home.store.rglob("*.dcm"))

    def reports(self) -> list[StudyReceived]:
        """What it has told of studies."""
        with Outbox(self.home.outbox) as outbox:
            return [RAW_IMAGES.wire.decode(each.value) for each in outbox.unsent("any", 100_000) if each.topic == RAW_IMAGES.name]

    def instances(self) -> int:
        """How many images the outbox knows."""
        with Outbox(self.home.outbox) as outbox:
            return int(outbox.query("SELECT count(*) FROM instance")[0][0])

    def last_reported(self) -> int:
        """How many images the last reports of all studies and patients count."""
        with Outbox(self.home.outbox) as outbox:
            last = [RAW_IMAGES.wire.decode(report) for (report,) in outbox.query("SELECT report FROM study")]
            told = {each.event for each in self.reports()}
        assert all(each.settled and each.event in told for each in last)
        return sum(sum(each.instances.values()) for each in last)

    def metrics(self) -> dict[str, float]:
        """What it counts, by name and labels as Prometheus writes them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as page:  # our own address
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def verdicts(self, site: str = "RDGM") -> dict[str, int]:
        """Objects of a site by what came of them."""
        head = f'nccid_node_objects_total{{site="{site}",verdict="'
        return {name[len(head) : -2]: int(value) for name, value in self.metrics().items() if name.startswith(head)}


@contextmanager
def node(root: Path, **settings: str) -> Iterator[Node]:
    """A node that runs."""
    made = Node(root, **settings)
    try:
        made.start()
        yield made
    finally:
        made.end()


def caller(port: int, *classes: str, title: str = CALLER, called: str = "NCCID", **options: object) -> Association:
    """An association with a node, or what is left of one that was refused."""
    ae = AE(title)
    for each in classes or ("1.2.840.10008.1.1",):
        ae.add_requested_context(each)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
    return ae.associate("127.0.0.1", port, ae_title=called, **options)  # type: ignore[arg-type]  # options of associate


def sent(port: int, images: Sequence[Dataset], **options: object) -> list[tuple[int, str]]:
    """The answers to images that are sent over one association: status and comment."""
    association = caller(port, *{str(each.SOPClassUID) for each in images}, **options)  # type: ignore[arg-type]  # as caller
    assert association.is_established
    answers = [association.send_c_store(each) for each in images]
    association.release()
    return [(answer.get("Status", -1), str(answer.get("ErrorComment", ""))) for answer in answers]


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Waits until it holds."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _has_ended(process: psutil.Process) -> bool:
    """Whether it does nothing any more. That init has taken note of its end, which can take a second, is not waited for."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
