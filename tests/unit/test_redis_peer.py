"""What the hub is compared with does the same: the same answer, the same refusals, the same headers, from Redis."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from bench.redis_client import Redis
from bench.redis_peer import make_app, make_bare_app
from bench.servers import redis
from schemas.wire import Wire
from tests.factories import Flow, raw_row, raw_study
from tests.hubs import AskedHub
from web.headers import HEADERS

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")


@pytest.fixture
def hub(tmp_path: Path) -> AskedHub:
    return AskedHub(tmp_path, Flow().arrives(raw_row(), raw_study()))


@pytest.fixture
def store(tmp_path: Path, hub: AskedHub) -> Iterator[str]:
    with redis(tmp_path) as server:
        asyncio.run(fill(str(server.socket), hub))
        yield str(server.socket)


async def fill(socket: str, hub: AskedHub) -> None:
    statuses = [each for each in hub.hub.known.view if each.person is not None]
    client = await Redis.connect(socket)
    await client.set_all((str(each.person), Wire.encode([each])) for each in statuses)


def person(hub: AskedHub) -> str:
    return next(str(each.person) for each in hub.hub.known.view)


def test_it_answers_as_the_hub_does(hub: AskedHub, store: str) -> None:
    unknown = "P" + "A" * 26
    body = {"patients": [], "persons": [person(hub), unknown]}
    expected = hub.ask(body)
    answer = TestClient(make_app(store, hub.path)).post("/v1/status", json=body, headers=hub.headers())
    assert answer.json()["persons"] == expected["persons"]
    assert (len(answer.json()["persons"][person(hub)]), answer.json()["persons"][unknown]) == (1, [])
    assert {**answer.json()["view"], "as_of": 0} == {**expected["view"], "as_of": 0}
    assert HEADERS.keys() <= answer.headers.keys()
    bare = TestClient(make_bare_app(store, hub.tokens["national"][1])).post("/v1/status", json=body, headers=hub.headers())
    assert bare.json() == {"patients": {}, "persons": expected["persons"]}


@pytest.mark.parametrize("body", [{"persons": ["9994621785"]}, {"persons": ["P" + "A" * 26] * 1001}, {"other": []}])
def test_it_refuses_what_the_hub_refuses(hub: AskedHub, store: str, body: Any) -> None:  # noqa: ANN401  # JSON
    expected = hub.ask(body, status=400)
    answer = TestClient(make_app(store, hub.path)).post("/v1/status", json=body, headers=hub.headers())
    assert (answer.status_code, answer.json()) == (400, expected)


def test_it_lets_in_whom_the_hub_lets_in(hub: AskedHub, store: str) -> None:
    client = TestClient(make_app(store, hub.path))
    assert client.post("/v1/status", json={}).status_code == 401
    assert client.post("/v1/status", json={}, headers={"Authorization": "Bearer nccid_wrong"}).status_code == 401
    assert client.post("/v1/status?site=RDGM", json={}, headers=hub.headers()).status_code == 400
