"""What one would build instead of the hub's view: the same hub, but each look-up asks Redis.

Kept as favourable to Redis as can be: under each person lies the finished JSON, so that one MGET answers a question, and the
answer is put together without looking into it; nothing keeps Redis up to date meanwhile. Around the look-up everything is the
hub's own: web framework, server, token, allowance, checks of what is asked, headers, metrics, and what is said of how fresh the
answer is. ``--bare`` leaves all of that out but for the framework and one comparison of the token, as a lower bound of what any
program in that framework could do.

Run as ``python -m bench.redis_peer PORT REDIS_SOCKET [--bare]`` with the hub's file of tokens in BENCH_TOKENS, or the token
itself in BENCH_TOKEN.
"""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, MediaType, Request, Response, post
from litestar.exceptions import HTTPException, NotAuthorizedException

from bench.redis_client import Redis
from monitoring.hub.access import Access, TokenFile
from monitoring.hub.allowance import allowance_from
from monitoring.hub.api import letting_in
from monitoring.hub.lookup import NoQuestionError, read
from monitoring.hub.metrics import HubMetrics
from monitoring.hub.problems import Refusal, on_failure, on_http_exception
from monitoring.hub.progress import Progress, Standing
from web.headers import add_headers
from web.timing import counting, timing

AnyRequest = Request[Any, Any, Any]

_LONGEST_BODY = 128 * 1024


class Asked(msgspec.Struct):
    """As the hub is asked."""

    patients: list[str] = []
    persons: list[str] = []


class Answered(msgspec.Struct):
    """As the hub answers."""

    patients: dict[str, msgspec.Raw | None]
    persons: dict[str, msgspec.Raw]
    view: Standing | msgspec.UnsetType = msgspec.UNSET


_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode


class Store:
    """The connections to Redis: one for each question at a time, kept for the next."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._free: list[Redis] = []

    async def persons(self, persons: list[str]) -> dict[str, msgspec.Raw]:
        """The finished JSON of each person."""
        redis = self._free.pop() if self._free else await Redis.connect(self._path)
        values = await redis.mget(persons)
        self._free.append(redis)
        return {person: msgspec.Raw(value or b"[]") for person, value in zip(persons, values, strict=True)}


def make_app(redis_socket: str, tokens: Path) -> Litestar:
    """The hub's own program around a look-up in Redis."""
    store, counts = Store(redis_socket), HubMetrics()
    access = Access(TokenFile(tokens), asking=allowance_from(os.environ))
    progress = Progress(_now, connected=True, caught_up=True)

    @post("/v1/status", status_code=200, request_max_body_size=_LONGEST_BODY, guards=[letting_in(access)])
    async def status(request: AnyRequest) -> Response[bytes]:
        try:
            asked = read(await request.body())
        except NoQuestionError as error:
            raise Refusal(400, str(error)) from None
        persons = await store.persons(asked.persons)
        answer = Answered(dict.fromkeys(asked.patients), persons, progress.standing)
        return Response(_encode(answer), media_type=MediaType.JSON)

    return Litestar(
        [status],
        exception_handlers={HTTPException: on_http_exception, Exception: on_failure},
        middleware=[timing],
        before_send=[add_headers, counting(counts.requests)],
        request_max_body_size=_LONGEST_BODY,
        logging_config=None,
    )


def make_bare_app(redis_socket: str, token: str) -> Litestar:
    """As little as can be around the look-up: nothing is checked, counted or limited, no header is added."""
    store, let_in = Store(redis_socket), f"Bearer {token}"

    @post("/v1/status", status_code=200)
    async def status(request: AnyRequest) -> Response[bytes]:
        if request.headers.get("authorization") != let_in:
            raise NotAuthorizedException
        persons = await store.persons(_decode(await request.body()).persons)
        return Response(_encode(Answered({}, persons)), media_type=MediaType.JSON)

    return Litestar([status], logging_config=None)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    bare = "--bare" in sys.argv
    app = (
        make_bare_app(sys.argv[2], os.environ["BENCH_TOKEN"]) if bare else make_app(sys.argv[2], Path(os.environ["BENCH_TOKENS"]))
    )
    quick: dict[str, Any] = {"access_log": False, "proxy_headers": False, "server_header": False, "ws": "none"}  # as the hub
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", **quick)
