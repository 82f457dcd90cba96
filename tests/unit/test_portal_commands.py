"""``nccid users`` and ``nccid portal`` at the keyboard, and what the web programs share."""

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge.portal.opened import accounts_of
from local.ports import free_port
from schemas.problems import UnusableInputError
from tests.portals import make_home
from web import assets
from web.serve import Listening

NCCID = [sys.executable, "-P", "-m", "nccid"]


def run(*arguments: object, stdin: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")} | variables
    command = [*NCCID, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("users")).root


def verified(home: Path, name: str, password: str) -> bool:
    from schemas.home import Home

    with accounts_of(Home(home)) as accounts:
        return accounts.verified(name, password) is not None


def test_an_account_is_added_reset_and_disabled(home: Path) -> None:
    added = run("users", "add", "--dir", home, "--site", "RDGM", "Anna")
    assert (added.returncode, len(added.stdout.strip())) == (0, 23)
    assert "anna may log in for RDGM" in added.stderr
    assert verified(home, "anna", added.stdout.strip())
    again = run("users", "add", "--dir", home, "--site", "RDGM", "anna")
    assert (again.returncode, again.stdout) == (2, "")
    reset = run("users", "reset", "--dir", home, "anna")
    assert not verified(home, "anna", added.stdout.strip())
    assert verified(home, "anna", reset.stdout.strip())
    assert run("users", "disable", "--dir", home, "anna").returncode == 0
    assert not verified(home, "anna", reset.stdout.strip())
    assert run("users", "list", "--dir", home).stdout == "anna\tRDGM\tdisabled\n"
    let_in = run("users", "reset", "--dir", home, "anna")
    assert verified(home, "anna", let_in.stdout.strip())


def test_a_password_that_is_typed_is_not_printed(home: Path) -> None:
    typed = "a typed good password"
    added = run("users", "add", "--dir", home, "--site", "PENM", "--administrator", "--ask", "petra", stdin=f"{typed}\n{typed}\n")
    assert (added.returncode, added.stdout) == (0, "")
    assert typed not in added.stderr
    assert verified(home, "petra", typed)
    assert "petra\tPENM\tadministrator" in run("users", "list", "--dir", home).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "--site", "NONE", "berta"), "there is no site 'NONE'"),
        (("add", "--site", "RDGM", "a b"), "a user name has"),
        (("reset", "nobody"), "there is no account 'nobody'"),
        (("disable", "nobody"), "there is no account 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_told(home: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = run("users", arguments[0], "--dir", home, *arguments[1:])
    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr


def test_without_a_home_nothing_is_made(tmp_path: Path) -> None:
    ran = run("users", "list", "--dir", tmp_path / "none")
    assert ran.returncode == 2
    assert "there is no home" in ran.stderr
    assert not (tmp_path / "none").exists()


# --- the portal as a role -----------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture
def over_tls(home: Path, certificate: tuple[Path, Path]) -> Iterator[httpx.Client]:
    """The portal as it is started, with a certificate."""
    port, environment = free_port(), {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")}
    environment |= {"NCCID_PORT": str(port), "NCCID_TLS_CERTFILE": str(certificate[0]), "NCCID_TLS_KEYFILE": str(certificate[1])}
    process = subprocess.Popen([*NCCID, "portal", "--dir", str(home)], env=environment, stderr=subprocess.PIPE, text=True)
    context = ssl.create_default_context(cafile=certificate[0])
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=context, trust_env=False) as client:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                client.get("/health/ready")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield client
    process.terminate()
    _, log = process.communicate(timeout=60)
    assert "/login?number=9994621785" not in log


def test_the_portal_serves_over_tls_and_logs_no_address(over_tls: httpx.Client) -> None:
    answer = over_tls.get("/login?number=9994621785")
    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith("__Host-nccid-visit=")
    assert "strict-transport-security" in answer.headers
    assert "server" not in answer.headers
    style = over_tls.get("/assets/pages.css")
    assert (style.status_code, style.headers["cache-control"]) == (200, "max-age=86400, public")


@pytest.mark.parametrize(
    "environment",
    [{"NCCID_PORT": "x"}, {"NCCID_PORT": "65536"}, {"NCCID_PORT": "-1"}, {"NCCID_TLS_CERTFILE": "x"}, {"NCCID_TLS_KEYFILE": "x"}],
)
def test_a_place_to_listen_that_is_none_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(UnusableInputError, match=r"NCCID_\w+"):
        Listening.from_environment(environment, 8000)


def test_where_nothing_is_said_it_listens_to_this_machine_alone() -> None:
    assert Listening.from_environment({}, 8000) == Listening("127.0.0.1", 8000)


def test_a_certificate_that_is_not_there_is_told(home: Path) -> None:
    ran = run("portal", "--dir", home, NCCID_PORT="0", NCCID_TLS_CERTFILE="/none", NCCID_TLS_KEYFILE="/none")
    assert ran.returncode == 2
    assert "/none cannot be read" in ran.stderr


def test_pages_without_looks_are_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets.require_assets()
    monkeypatch.setattr(assets, "BUILT", tmp_path)
    with pytest.raises(UnusableInputError, match="make assets"):
        assets.require_assets()


def test_styles_and_scripts_fetch_nothing_from_other_hosts() -> None:
    files = [path for folder in (assets.BUILT, assets.OURS) for path in folder.rglob("*") if path.suffix in {".css", ".js"}]
    assert len(files) >= 3
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "@import" not in text
        assert "sourceMappingURL" not in text or path.name.startswith(("htmx", "uplot"))
        assert not [part for part in text.split("url(")[1:] if part.lstrip("\"'").startswith(("http", "//"))]
