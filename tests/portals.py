"""A portal for tests: on a home of its own, with a clock to turn, and a hub that knows what the test says."""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import argon2
import httpx
import msgspec
from litestar.testing import TestClient

from edge.portal import passwords
from edge.portal.app import make_app
from edge.portal.hub import Hub, Tokens
from edge.portal.parts import make_portal
from identity import keyring
from identity.keyring import Keyring
from schemas import rules
from schemas.home import Home
from schemas.sites import EXAMPLE
from tests.factories import NOON, Flow, given
from tests.hubs import AskedHub

PASSWORD = "three words of nonsense"  # noqa: S105  # of nobody
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


passwords._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)  # the same, in a hundredth of the time
passwords._NOBODYS = passwords._HASHER.hash("nobody")


def make_home(folder: Path) -> Home:
    """A home with the example of five sites."""
    home = Home(folder / "home")
    home.root.mkdir()
    home.sites.write_bytes(EXAMPLE.read_bytes())
    home.rules.write_bytes(rules.DEFAULT.read_bytes())
    keyring.create(home.keyring, NOON)
    return home


def grant(home: Home, tokens: dict[str, str]) -> None:
    """Tokens for the hub, as ``up`` leaves them."""
    home.hub_access.parent.mkdir(exist_ok=True)
    home.hub_access.write_bytes(msgspec.json.encode(tokens))


class Visitor:
    """A browser: keeps cookies, follows no redirect, sends forms with the token of the page that it was on."""

    def __init__(self, app: Any, base: str = "http://testserver.local") -> None:  # noqa: ANN401  # Litestar's
        self.client = TestClient(app, base_url=base, raise_server_exceptions=False)
        self.token = ""

    def get(self, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
        return self._took(self.client.get(path, follow_redirects=False, **how))

    def post(self, path: str, data: dict[str, str] | None = None, **how: Any) -> httpx.Response:  # noqa: ANN401  # as httpx
        return self._took(self.client.post(path, data={"token": self.token, **(data or {})}, follow_redirects=False, **how))

    def send(self, path: str, content: bytes, name: str = "sheet.xlsx", *, script: bool = False) -> httpx.Response:
        headers = {"accept": "application/json"} if script else {}
        return self.post(path, files={"file": (name, io.BytesIO(content), XLSX)}, headers=headers)

    def login(self, name: str = "anna", password: str = PASSWORD) -> httpx.Response:
        self.get("/login")
        answer = self.post("/login", {"username": name, "password": password})
        self.get("/")
        return answer

    def _took(self, answer: httpx.Response) -> httpx.Response:
        if found := re.search(r'name="token" value="(\w+)"', answer.text):
            self.token = found[1]
        return answer


class PortalUnderTest:
    """The portal with its parts; ``flow`` is what the hub knows, None: there is no hub."""

    def __init__(self, folder: Path, flow: Flow | None = None, scopes: Iterable[str] = ("RDGM", "PENM")) -> None:
        self.home = make_home(folder)
        self.seconds = int(NOON.timestamp())
        hub = AskedHub(folder, flow, scopes) if flow is not None else None
        if hub:
            grant(self.home, {scope: hub.tokens[scope][1] for scope in scopes})
        self.hub = Hub(Tokens(self.home), hub.client if hub else None)
        self.portal = make_portal(self.home, self.hub, lambda: self.seconds)
        self.app = make_app(self.portal)
        self.portal.accounts.add("anna", "RDGM", PASSWORD, must_change=False)

    def visitor(self, base: str = "http://testserver.local") -> Visitor:
        """Somebody who is not logged in."""
        return Visitor(self.app, base)

    def anna(self) -> Visitor:
        """The nurse of RDGM, logged in."""
        visitor = self.visitor()
        visitor.login()
        return visitor

    def keys(self) -> Keyring:
        return keyring.load(self.home.keyring)


def flow_of(keys: Keyring) -> Flow:
    """A topology in memory that opens what this keyring seals."""
    return Flow(given(keyring=keys))
