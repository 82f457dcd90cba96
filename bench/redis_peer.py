"""What one would build instead of the hub's view: the same route in the same web framework, with the statuses in Redis.

Kept as favourable to Redis as can be: under each person lies the finished JSON, so that one MGET answers a question, and the
answer is put together without looking into it. The question is decoded and the answer encoded in the way of the hub, but nothing
is checked, counted or limited, no header is added, and nothing keeps Redis up to date meanwhile. Run as ``python -m
bench.redis_peer PORT REDIS_SOCKET`` with the token in BENCH_TOKEN.
"""

import os
import sys
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, MediaType, Request, Response, post
from litestar.exceptions import NotAuthorizedException

from bench.redis_client import Redis


class Asked(msgspec.Struct):
    """As the hub is asked."""

    patients: list[str] = []
    persons: list[str] = []


class Answered(msgspec.Struct):
    """As the hub answers."""

    patients: dict[str, msgspec.Raw]
    persons: dict[str, msgspec.Raw]


_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode


def make_app(redis_socket: str, token: str) -> Litestar:
    """The program."""
    free: list[Redis] = []  # connections that nobody uses now
    let_in = f"Bearer {token}"

    @post("/v1/status", status_code=200)
    async def status(request: Request[Any, Any, Any]) -> Response[bytes]:
        if request.headers.get("authorization") != let_in:
            raise NotAuthorizedException
        asked = _decode(await request.body())
        store = free.pop() if free else await Redis.connect(redis_socket)
        values = await store.mget(asked.persons)
        free.append(store)
        persons = {person: msgspec.Raw(value or b"[]") for person, value in zip(asked.persons, values, strict=True)}
        return Response(_encode(Answered({}, persons)), media_type=MediaType.JSON)

    return Litestar([status], logging_config=None)


if __name__ == "__main__":
    app = make_app(sys.argv[2], os.environ["BENCH_TOKEN"])
    quick: dict[str, Any] = {"access_log": False, "proxy_headers": False, "server_header": False, "ws": "none"}  # as the hub
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", **quick)
