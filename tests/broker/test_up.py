"""``nccid up``: says once that it is ready, mends what dies, and leaves nothing behind."""

import re
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from streams.topology import TOPOLOGY
from tests.broker.setups import ANY_PORTS, BACK_SECONDS, READY_SECONDS, STOP_SECONDS, Installation, installed, until
from tests.edge_factories import dicom_file
from tests.sheets import positive, sheet

READY = re.compile(r"ready( portal=http://\S+:\d+)?( hub=http://\S+:\d+)?( node=\S+:\d+)?( broker=127\.0\.0\.1:\d+)\n")
ROLES = [("sender",), ("worker", "pseudonymise"), ("worker", "reconcile")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A set-up that runs, with one row in it."""
    with installed(tmp_path_factory.mktemp("up")) as installation:
        installation.up()
        installation.deliver("RDGM", "positive", sheet(installation.root / "sheet.xlsx", "positive", [positive()]))
        until(installation.known, "the row is known")
        yield installation


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    """A home on which nothing runs."""
    with installed(tmp_path) as installation:
        yield installation


def test_one_line_on_stdout_says_where_everything_answers(running: Installation) -> None:
    line = running.stdout.read_text(encoding="utf-8")
    assert READY.fullmatch(line)
    for host, port in re.findall(r"=(?:http://)?([\d.]+):(\d+)", line):
        with closing(socket.create_connection((host, int(port)), timeout=5)):
            pass


def test_a_worker_is_known_by_its_command_line(running: Installation) -> None:
    lines = [" ".join(process.cmdline()) for process in running.children()]
    assert sum("nccid worker" in line for line in lines) == len(TOPOLOGY.workers)


def test_nobody_outside_this_machine_can_connect(running: Installation) -> None:
    family = [psutil.Process(running.pid), *running.children()]
    listening = [
        (connection.laddr.ip, connection.laddr.port)
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    if running.cluster is None:  # else the broker is none of ours
        assert int(running.address.rpartition(":")[2]) in {port for _, port in listening}
    assert {ip for ip, _ in listening} <= {"127.0.0.1"}


def test_a_second_one_on_the_same_home_is_refused(running: Installation) -> None:
    refused = running.run("up", *ANY_PORTS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "runs on" in refused.stderr
    assert str(running.home.root) in refused.stderr
    assert running.sites()["RDGM"]["cases"] == 1  # the first one does not mind


@pytest.mark.parametrize("role", ROLES, ids=" ".join)
def test_a_killed_child_is_back_within_15_seconds_and_works(running: Installation, role: tuple[str, ...]) -> None:
    studies = running.known()["RDGM"]["studies"]["ct"] + 1
    image = dicom_file(running.root / f"{studies}.dcm", StudyInstanceUID=f"1.2.3.{studies}", SOPInstanceUID=f"1.2.3.{studies}.1")
    killed = running.kill(*role)
    running.deliver("RDGM", "images", image)
    until(lambda: running.known()["RDGM"]["studies"]["ct"] == studies, "the image is known", BACK_SECONDS)
    child = running.child(*role)
    assert child is not None
    assert child.pid != killed


@pytest.mark.embedded_only
def test_a_killed_broker_forgets_and_is_filled_again(running: Installation) -> None:
    before = running.known()
    killed = running.kill("broker")
    until(lambda: (child := running.child("broker")) and child.pid != killed, "started again", BACK_SECONDS)
    until(lambda: running.known() == before, "the same coverage at the same address", READY_SECONDS)
    assert running.sites() == before
    assert READY.fullmatch(running.stdout.read_text(encoding="utf-8"))  # still one line


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_10_seconds_and_leaves_nothing(home: Installation, how: signal.Signals) -> None:
    home.up()
    assert len(home.children()) >= 4
    assert home.stop(how) == 0
    assert home.left_over() == []
    assert READY.fullmatch(home.stdout.read_text(encoding="utf-8"))
    assert list(home.home.run.glob("*.json")) == []


def test_can_be_stopped_before_it_is_ready(home: Installation) -> None:
    home.start_up()
    until(home.children, "the first child runs")
    assert home.stop() == 0
    assert home.left_over() == []
    assert home.stdout.read_bytes() == b""


def test_children_end_with_a_parent_that_is_killed(home: Installation) -> None:
    home.up()
    assert len(home.children()) >= 4
    psutil.Process(home.pid).kill()
    assert home.up_process is not None
    home.up_process.wait()
    until(lambda: not home.left_over(), "all children are gone", STOP_SECONDS)
    assert home.run("status").returncode == 1  # and nobody takes it for running


def test_a_taken_port_is_refused_in_words(home: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = home.run("up", *ANY_PORTS, "--broker-port", str(port))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"port {port} is taken" in refused.stderr
    assert "--broker-port" in refused.stderr


def test_without_a_keyring_it_does_not_start_and_makes_none(home: Installation) -> None:
    home.home.keyring.unlink()
    refused = home.run("up", *ANY_PORTS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "keyring.json cannot be read" in refused.stderr
    assert not home.home.keyring.exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_keyring_that_others_can_read_is_refused(home: Installation, mode: int) -> None:
    home.home.keyring.chmod(mode)
    refused = home.run("up", *ANY_PORTS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"chmod 600 {home.home.keyring}" in refused.stderr
    assert stat.S_IMODE(home.home.keyring.stat().st_mode) == mode  # told, not mended in silence


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path) -> None:
    refused = Installation(tmp_path).run("up", *ANY_PORTS)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "nccid init" in refused.stderr
