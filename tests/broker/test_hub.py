"""The hub in a whole set-up: real tokens, real rows and images, the stream as programs read it, and its death."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from schemas.coverage import as_builtins
from tests.broker.setups import BACK_SECONDS, NCCID, Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import positive, sheet

OWN = "RR99912345"


class Client:
    """Asks the hub of a set-up, with a token."""

    def __init__(self, installation: Installation, token: str) -> None:
        words = installation.stdout.read_text(encoding="utf-8").split()
        self.url = next(word.removeprefix("hub=") for word in words if word.startswith("hub="))
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, status: int = 200) -> Any:  # noqa: ANN401  # JSON
        answer = httpx.get(self.url + path, headers=self.headers, timeout=10)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ask(self, **body: list[str]) -> Any:  # noqa: ANN401  # JSON
        answer = httpx.post(self.url + "/v1/status", json=body, headers=self.headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @contextlib.contextmanager
    def listening(self, last: str = "") -> Iterator["Heard"]:
        heard = Heard(self, last)
        heard.start()
        try:
            yield heard
        finally:
            heard.stop()


class Heard(threading.Thread):
    """What the stream has said so far: id, kind, data."""

    def __init__(self, client: Client, last: str) -> None:
        super().__init__(daemon=True)
        self.events: list[tuple[str, str, Any]] = []
        self._client, self._last, self._over = client, last, threading.Event()

    def run(self) -> None:
        headers = self._client.headers | ({"Last-Event-ID": self._last} if self._last else {})
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.stream("GET", f"{self._client.url}/v1/stream", headers=headers, timeout=20) as answer,
        ):
            event: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif "event" in event:
                    self.events.append((event.get("id", ""), event["event"], json.loads(event["data"])))
                    event = {}
                if self._over.is_set():
                    return

    def stop(self) -> None:
        self._over.set()
        self.join(15)

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.events]

    def states(self, site: str) -> list[dict[str, int]]:
        return [said["coverage"]["states"] for _, kind, said in self.events if kind == "coverage" and said["site"] == site]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("hub")) as installation:
        installation.up()
        yield installation


def nccid(installation: Installation, *arguments: str) -> str:
    """A command of a group, such as ``tokens add``."""
    command = [NCCID, *arguments[:2], "--dir", str(installation.home.root), *arguments[2:]]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def client(installation: Installation, *scope: str) -> Client:
    return Client(installation, nccid(installation, "tokens", "add", *scope))


def film(path: Path, patient_id: str, uid: str) -> Path:
    return dicom_file(path, SOPClassUID=DX, Modality="DX", StudyDate="20200512", PatientID=patient_id, StudyInstanceUID=uid)


def workbook(path: Path, index: int, own: str) -> Path:
    return sheet(path, "positive", [positive(index, {"Hospital (Internal) Number": own})])


def test_what_arrives_is_answered_streamed_and_counted(running: Installation, tmp_path: Path) -> None:
    national, rdgm, penm = client(running, "--national"), client(running, "--site", "RDGM"), client(running, "--site", "PENM")
    with national.listening() as heard, rdgm.listening() as own, penm.listening() as other:
        until(lambda: all("view" in each.kinds() for each in (heard, own, other)), "everybody watches")
        running.deliver("RDGM", "positive", workbook(tmp_path / "sheet.xlsx", 0, OWN))
        until(lambda: {"awaiting-images": 1} in heard.states("RDGM"), "the row is on the stream")
        running.deliver("RDGM", "images", film(tmp_path / "film.dcm", OWN, "1.2.3.1"))
        until(lambda: {"complete": 1} in heard.states("RDGM"), "the image is on the stream")
        assert own.states("RDGM")[-1] == {"complete": 1}
        assert other.states("RDGM") == []
        assert heard.kinds()[0] == "again"

    (expected,) = running.view()
    person, plain = str(expected.person), as_builtins(expected)
    told = national.ask(patients=[expected.patient], persons=[person])
    assert (told["patients"], told["persons"]) == ({expected.patient: plain}, {person: [plain]})
    assert told["view"]["condition"] == "live"
    assert penm.ask(patients=[expected.patient], persons=[person])["patients"] == {expected.patient: None}
    assert national.get("/v1/sites")["sites"] == running.sites()
    assert rdgm.get("/v1/sites")["sites"] == running.sites("--site", "RDGM")
    assert penm.get("/v1/sites")["sites"] == {}
    penm.get("/v1/sites?site=RDGM", 403)
    assert national.get("/health/ready")["condition"] == "live"


def test_a_stream_goes_on_where_it_ended_and_loses_nothing(running: Installation, tmp_path: Path) -> None:
    lark = client(running, "--site", "LARK")
    with lark.listening() as heard:
        until(lambda: "view" in heard.kinds(), "it is there")
        running.deliver("LARK", "positive", workbook(tmp_path / "a.xlsx", 1, "RR99900001"))
        until(lambda: {"awaiting-images": 1} in heard.states("LARK"), "the first row")
        last = heard.events[-1][0] or next(mark for mark, _, _ in reversed(heard.events) if mark)
    running.deliver("LARK", "positive", workbook(tmp_path / "b.xlsx", 2, "RR99900002"))
    until(lambda: lark.get("/v1/sites")["sites"]["LARK"]["cases"] == 2, "the second row")
    with lark.listening(last) as heard:
        until(lambda: {"awaiting-images": 2} in heard.states("LARK"), "the second row is told afterwards")
        assert "again" not in heard.kinds()


def test_an_alert_is_listed_as_by_the_command_and_told_on_the_stream(running: Installation, tmp_path: Path) -> None:
    exmr = client(running, "--site", "EXMR")
    with exmr.listening() as heard:
        until(lambda: "view" in heard.kinds(), "it is there")
        running.deliver("EXMR", "positive", workbook(tmp_path / "sheet.xlsx", 3, "0999123"))
        running.deliver("EXMR", "images", film(tmp_path / "film.dcm", "XX0999123", "1.2.3.2"))
        until(lambda: "alert" in heard.kinds(), "the alert is on the stream")
    until(lambda: exmr.get("/v1/alerts?state=open")["total"] == 2, "both halves")
    assert exmr.get("/v1/alerts?state=open")["alerts"] == running.answer("alerts", "--site", "EXMR")["alerts"]


def test_a_revoked_token_ends_its_stream(running: Installation) -> None:
    nthv = client(running, "--site", "NTHV")
    with nthv.listening() as heard:
        until(lambda: "view" in heard.kinds(), "it is there")
        nccid(running, "tokens", "revoke", "--site", "NTHV")
        nthv.get("/v1/sites", 401)
        until(lambda: heard.kinds()[-1] == "ended", "the stream is ended")


def test_the_portals_own_tokens_are_good_and_private(running: Installation) -> None:
    access = msgspec.json.decode(running.home.hub_access.read_bytes(), type=dict[str, str])
    assert set(access) >= {"RDGM", "PENM"}
    assert Client(running, access["RDGM"]).get("/v1/sites?site=RDGM")["sites"].keys() == {"RDGM"}
    assert running.home.hub_access.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("request_bytes", "first_line"),
    [
        (b"GET /v1/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"x" * 100_000 + b"\r\n\r\n", b"40"),
        (b"GET /v1/sites HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\n b\r\n\r\n", b"401"),
        (b"GET /v1/sites HTTP/1.1\r\nHost: x\r\nAuthorization\x00: Bearer a\r\n\r\n", b"400"),
        (b"GET /v1/alerts?site=%0d%0aX-Injected:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", b"401"),
        (b"POST /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"4"),
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
    ],
    ids=["huge-header", "folded-header", "nul-in-header", "injection", "huge-body", "two-lengths", "tls"],
)
def test_what_no_client_of_ours_sends_is_refused_and_harms_nothing(
    running: Installation, request_bytes: bytes, first_line: bytes
) -> None:
    hub = client(running, "--national")
    host, _, port = hub.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with contextlib.suppress(OSError):  # it may hang up before all of it is sent
            connection.sendall(request_bytes)
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(65536)
            assert answer.split()[1].startswith(first_line), answer
            assert b"x-injected" not in answer.lower()
    assert hub.get("/health/live") == {"status": "live"}


def test_killed_it_is_back_and_knows_all_of_it_again(running: Installation, tmp_path: Path) -> None:
    hub = client(running, "--national")
    running.deliver("PENM", "positive", workbook(tmp_path / "sheet.xlsx", 2, "9990001"))
    until(lambda: "PENM" in hub.get("/v1/sites")["sites"], "the row is known")
    before = running.sites()
    running.kill("hub")

    def again() -> bool:
        try:
            return bool(hub.get("/v1/sites")["sites"] == before)
        except (httpx.HTTPError, AssertionError):
            return False

    until(again, "it is back", BACK_SECONDS)


@pytest.mark.embedded_only  # Apache Kafka forgets nothing
def test_after_the_broker_has_forgotten_everything_it_is_told_again(tmp_path: Path) -> None:
    with installed(tmp_path) as installation:
        installation.up()
        hub = client(installation, "--national")
        installation.deliver("RDGM", "positive", workbook(tmp_path / "sheet.xlsx", 0, OWN))
        until(lambda: "RDGM" in hub.get("/v1/sites")["sites"], "the row is known")
        assert installation.stop() == 0
        assert (installation.home.state / "hub" / "snapshot").is_file()
        installation.up()
        hub = Client(installation, hub.headers["Authorization"].removeprefix("Bearer "))
        until(lambda: hub.get("/v1/sites")["sites"].get("RDGM", {}).get("cases") == 1, "the row is known again")
        log = (installation.home.logs / "hub.log").read_text(encoding="utf-8")
        assert "belongs to other topics; reading everything anew" in log
        assert "Traceback" not in log
