"""Whole set-ups for tests: a home, ``nccid up`` on it, the commands of its people. What is started is ended, by process id."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from kafka import KafkaConsumer, TopicPartition

from edge.door import open_door
from monitoring.coverage import coverage
from monitoring.reading import StatusUnavailableError, read_status
from monitoring.view import StatusView
from schemas.home import Home
from schemas.kafka import KafkaSettings
from tests.from_pacs import taken_from_pacs
from tests.kafka.pool import Pool

CLUSTERS: Pool | None = None
"""Where set-ups get a cluster of Apache Kafka; None: they start the embedded broker."""

ANY_PORTS = ("--broker-port", "0", "--portal-port", "0", "--hub-port", "0", "--node-port", "0")
NCCID = str(Path(sys.executable).with_name("nccid"))
READY_SECONDS = 60.0
STOP_SECONDS = 10.0  # promised
BACK_SECONDS = 15.0  # promised
SOON = 30.0  # what takes a second or two, on a machine that is busy with other things

_LOOK_SECONDS = 0.05


def until(condition: Callable[[], object], what: str, seconds: float = SOON) -> float:
    """Waits until the condition holds.

    Returns:
        After how many seconds it did.

    Raises:
        AssertionError: it did not in time.
    """
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


class Installation:
    """One home; ``nccid up`` may run on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = Home(root / "home")
        self.stdout, self.stderr = root / "up.out", root / "up.err"
        self.address = ""  # of the broker
        self.up_process: subprocess.Popen[bytes] | None = None
        self.cluster: str | None = None  # the address of the one that is ours until the end
        self._seen: dict[int, psutil.Process] = {}

    def command(self, *arguments: str) -> list[str]:
        """A command on this home: ``arguments`` are the command's name and what follows it."""
        return [NCCID, arguments[0], "--dir", str(self.home.root), *arguments[1:]]

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=120, check=False, env=environment()
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts a command, for a test that does something to it."""
        return self._remembered(
            subprocess.Popen(
                self.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment(),
            )
        )

    def answer(self, *arguments: str, stdin: str = "", status: int = 0) -> Any:  # noqa: ANN401  # JSON
        """What a command says with ``--json``: one document on stdout and nothing besides."""
        ran = self.run(*arguments, "--json", stdin=stdin)
        assert ran.returncode == status, f"{arguments[0]} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
        return json.loads(ran.stdout)

    def check(self, *numbers: str) -> list[dict[str, Any]]:
        """The Checker's answers."""
        results: list[dict[str, Any]] = self.answer("check", stdin="\n".join(numbers))["results"]
        return results

    def sites(self, *options: str) -> dict[str, dict[str, Any]]:
        """The coverage by site."""
        sites: dict[str, dict[str, Any]] = self.answer("status", *options)["sites"]
        return sites

    def view(self) -> StatusView:
        """All statuses, without starting a command: to be asked again and again. Nothing is known while nobody answers."""
        try:
            return read_status(KafkaSettings(bootstrap=self.address))
        except StatusUnavailableError:
            return StatusView()

    def known(self) -> dict[str, dict[str, Any]]:
        """The coverage by site, as ``sites``, from the ``view``."""
        return {code: counted.as_json() for code, counted in coverage(self.view()).items()}

    def deliver(self, site: str, kind: str, path: Path) -> None:
        """Gives a sheet or a folder of images in at the site's door, without starting a command."""
        with open_door(self.home, site) as door:
            if kind == "images":
                assert not door.send_images([path]).failed
            elif kind == "pacs":
                taken_from_pacs(door, path, dt.datetime.now(dt.UTC))
            elif kind == "withdraw":
                door.withdraw(path.read_text(encoding="utf-8").splitlines())
            else:
                assert door.upload(path, "positive" if kind == "positive" else "negative").accepted

    def start_up(self) -> None:
        """Starts ``nccid up`` and does not wait for it."""
        if self.cluster is None and CLUSTERS is not None:
            self.cluster = CLUSTERS.take()
        on_cluster = () if self.cluster is None else ("--bootstrap", self.cluster)
        with self.stdout.open("wb") as out, self.stderr.open("ab") as err:
            command = self.command("up", *ANY_PORTS, *on_cluster)
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment(), start_new_session=True
            )
        self.up_process = self._remembered(process)

    def up(self) -> float:
        """Starts ``nccid up`` and waits until it is ready; answers after how many seconds it was."""
        self.start_up()
        seconds = until(self._is_ready, "ready", READY_SECONDS)
        words = self.stdout.read_text(encoding="utf-8").split()
        self.address = next(word.removeprefix("broker=") for word in words if word.startswith("broker="))
        return seconds

    def _is_ready(self) -> bool:
        assert self.up_process is not None
        ended = self.up_process.poll()
        assert ended is None, f"nccid up ended with {ended}:\n{self.stderr.read_text(errors='replace')}"
        return self.stdout.read_bytes().endswith(b"\n")

    @property
    def pid(self) -> int:
        """The process id of ``nccid up``."""
        assert self.up_process is not None
        return self.up_process.pid

    def children(self) -> list[psutil.Process]:
        """The processes that the set-up consists of, besides ``nccid up`` itself."""
        try:
            found = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        self._seen |= {process.pid: process for process in found}
        return [process for process in found if is_alive(process)]

    def child(self, *words: str) -> psutil.Process | None:
        """The child with these words in its command line; ``"worker", "reconcile"``, ``"sender"`` or ``"broker"``."""
        return next((each for each in self.children() if set(words) <= set(_command_line(each))), None)

    def kill(self, *words: str) -> int:
        """Kills a child with kill -9, waiting for it to be there where it is just being started again; answers its id."""
        until(lambda: self.child(*words), f"{' '.join(words)} runs")
        victim = self.child(*words)
        assert victim is not None
        victim.kill()
        until(lambda: not is_alive(victim), "it is dead")
        return victim.pid

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks the set-up to stop; answers its exit status.

        Raises:
            subprocess.TimeoutExpired: it did not stop in the time that is promised.
        """
        assert self.up_process is not None
        self.children()
        self.up_process.send_signal(how)
        return self.up_process.wait(STOP_SECONDS)

    def left_over(self) -> list[psutil.Process]:
        """Processes of this set-up that still run."""
        return [process for process in self._seen.values() if is_alive(process)]

    def end(self) -> None:
        """Ends all that was started, one way or another."""
        if self.up_process is not None and self.up_process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.up_process.kill()
                self.up_process.wait()
        for process in self.left_over():
            process.kill()
        psutil.wait_procs(self._seen.values(), timeout=STOP_SECONDS)
        if self.cluster is not None and CLUSTERS is not None:
            CLUSTERS.give_back(self.cluster)

    def messages(self) -> list[Any]:
        """Every record on every topic of the broker, as kafka-python has it: topic, key, value, headers."""
        return read_all(self.address)

    def _remembered(self, process: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self._seen[process.pid] = psutil.Process(process.pid)
        return process


@contextmanager
def installed(root: Path) -> Iterator[Installation]:
    """A new home on which nothing runs yet; what is started on it is ended with the ``with``."""
    installation = Installation(root)
    made = installation.run("init")
    assert made.returncode == 0, made.stderr
    try:
        yield installation
    finally:
        installation.end()


def environment() -> Mapping[str, str]:
    """The environment without anything that would configure ``nccid``."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")}


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not, nor does another process under its id."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command_line(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return ()


def read_all(address: str) -> list[Any]:
    """Every record on every topic. Where a partition ends the embedded broker misreports: read until a second passes without."""
    consumer = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False, group_id=None)
    try:
        topics = consumer.topics()
        partitions = [TopicPartition(topic, part) for topic in topics for part in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        found: list[Any] = []
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 1.0:
            for records in consumer.poll(200).values():
                found += records
                quiet_since = time.monotonic()
        return found
    finally:
        consumer.close()
