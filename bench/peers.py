"""Who receives: our node, and what one would take in its place. Each is started on an empty folder, and stopped."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.ports import free_port
from schemas.problems import UnusableInputError, WorkFailedError

_READY_SECONDS = 30.0
_END_SECONDS = 20.0
CALLED = "NCCID"


class Peer(Protocol):
    """A receiver of images."""

    name: str

    def command(self, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
        """What to start, and with which environment; it may prepare the folder."""
        ...

    def stored(self, folder: Path) -> int:
        """How many images it has stored."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """A peer at work."""

    port: int
    pid: int


class Node:
    """Our own: de-identifies, and answers when image and report are durable."""

    name = "nccid node"

    def command(self, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
        """A node on a new home."""
        home = folder / "home"
        own = [sys.executable, "-P", "-m", "nccid"]
        subprocess.run([*own, "init", "--dir", str(home)], check=True, capture_output=True)
        return [*own, "node"], {"NCCID_HOME": str(home), "NCCID_PORT": str(port), "NCCID_NODE_FREE_BYTES": "100000000"}

    def stored(self, folder: Path) -> int:
        """Files in the store."""
        return sum(1 for _ in (folder / "home" / "store").rglob("*.dcm"))


class Storescp:
    """pynetdicom's plain receiver: writes what comes, as it comes."""

    name = "pynetdicom storescp"

    def command(self, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
        """The program that comes with pynetdicom."""
        (folder / "out").mkdir()
        return [sys.executable, "-m", "pynetdicom", "storescp", str(port), "-od", str(folder / "out"), "-q"], {}

    def stored(self, folder: Path) -> int:
        """Files it has written."""
        return sum(1 for _ in (folder / "out").iterdir())


class Orthanc:
    """Orthanc: stores and indexes what comes."""

    name = "Orthanc"

    def command(self, folder: Path, port: int) -> tuple[list[str], Mapping[str, str]]:
        """As it comes, on the folder, without its web interface."""
        options = {
            "StorageDirectory": str(folder / "orthanc"),
            "IndexDirectory": str(folder / "orthanc"),
            "DicomPort": port,
            "DicomAet": CALLED,
            "HttpServerEnabled": False,
            "Plugins": [],
        }
        (folder / "orthanc.json").write_text(json.dumps(options), encoding="utf-8")
        return ["Orthanc", str(folder / "orthanc.json")], {}

    def stored(self, folder: Path) -> int:
        """Files it has written, each instance in one and its header in another."""
        attachments = [path for path in (folder / "orthanc").rglob("*") if path.is_file() and len(path.name) == 36]
        return sum(1 for path in attachments if path.open("rb").read(132)[128:] == b"DICM")


def peers() -> list[Peer]:
    """Those that are installed, our own first."""
    found: list[Peer] = [Node(), Storescp()]
    return [*found, Orthanc()] if shutil.which("Orthanc") else found


@contextmanager
def running(peer: Peer, folder: Path) -> Iterator[Running]:
    """A peer on an empty folder.

    Raises:
        WorkFailedError: it does not come up.
    """
    folder.mkdir(parents=True)
    port = free_port()
    command, extra = peer.command(folder, port)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")} | dict(extra)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
        try:
            _wait(peer, process, port)
            yield Running(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(peer: Peer, process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise WorkFailedError(f"{peer.name} does not come up")


def send(port: int, folders: list[Path]) -> float:
    """Sends each folder over an association of its own, all at once, with dcmtk's dcmsend.

    Returns:
        Seconds until the last had its answers.

    Raises:
        UnusableInputError: dcmsend is not installed.
        WorkFailedError: something was not taken.
    """
    if shutil.which("dcmsend") is None:
        raise UnusableInputError("the benchmark sends with dcmtk's dcmsend: install the package dcmtk")
    names = ["-aet", "RDGM_PACS", "-aec", CALLED, "--scan-directories", "--no-halt"]
    began = time.perf_counter()
    senders = [subprocess.Popen(["dcmsend", *names, "127.0.0.1", str(port), str(folder)]) for folder in folders]
    statuses = [sender.wait() for sender in senders]
    seconds = time.perf_counter() - began
    if any(statuses):
        raise WorkFailedError("dcmsend could not send everything")
    return seconds
