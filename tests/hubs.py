"""A hub for tests: what a flow in memory has published is what it knows, and nobody listens."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from monitoring.hub.access import Access, TokenFile
from monitoring.hub.app import make_app
from monitoring.hub.hub import Hub
from monitoring.hub.known import TOPICS, Known, Message, Moved
from monitoring.hub.stream import Streams
from monitoring.hub.tokens import NATIONAL, add
from schemas.kafka import KafkaSettings
from tests.factories import NOON, SITES, Flow

LATER = NOON + dt.timedelta(days=3)
NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1")


def messages(flow: Flow) -> list[Message]:
    """Everything that the flow has published and the hub follows, as messages."""
    return [
        Message(topic.name, 0, offset, key, value)
        for topic in TOPICS
        for offset, (key, value) in enumerate(flow.broker.topics[topic.name])
    ]


def known(flow: Flow) -> Known:
    """What a hub knows after it has read all of it."""
    state = Known(cluster="memory")
    state.take(messages(flow))
    return state


class AskedHub:
    """A hub, a token for each scope, and a client."""

    def __init__(self, folder: Path, flow: Flow | None = None, scopes: Iterable[str] = (NATIONAL, "RDGM", "PENM")) -> None:
        self.path = folder / "hub-tokens.json"
        self.tokens = {scope: add(self.path, scope, "test", NOON) for scope in scopes}
        self.hub = Hub.on(NOWHERE, SITES, lambda: LATER)
        self.hub.following.known = known(flow or Flow())
        self.hub.moved(Moved())  # everything is new once
        self.hub.tell()
        self.hub.progress.connected = self.hub.progress.caught_up = True
        self.access = Access(TokenFile(self.path))
        self.streams = Streams(self.hub, self.access)
        self.client = TestClient(make_app(self.hub, self.access, self.streams, follow=False))

    def headers(self, scope: str = NATIONAL) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope][1]}"}

    def get(self, address: str, scope: str = NATIONAL, status: int = 200) -> Any:  # noqa: ANN401  # JSON
        return self._said(self.client.get(address, headers=self.headers(scope)), status)

    def ask(self, body: object, scope: str = NATIONAL, status: int = 200) -> Any:  # noqa: ANN401  # JSON
        return self._said(self.client.post("/v1/status", json=body, headers=self.headers(scope)), status)

    @staticmethod
    def _said(answer: Any, status: int) -> Any:  # noqa: ANN401  # JSON
        assert answer.status_code == status, answer.text
        return answer.json()
