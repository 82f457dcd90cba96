"""What one would build instead of the hub's view: the same route in the same web framework, with the statuses in Redis.

Kept as favourable to Redis as can be: under each person lies the finished JSON, so that one MGET answers a question, and the
answer is put together without looking into it. Nothing is counted or limited, no header is added. Run as ``python -m
bench.redis_peer PORT REDIS_PORT`` with the token in BENCH_TOKEN.
"""

import os
import sys
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, post
from litestar.exceptions import NotAuthorizedException
from litestar.params import JSONBody

from bench.redis_client import Redis


class Asked(msgspec.Struct):
    """As the hub is asked."""

    patients: list[str] = []
    persons: list[str] = []


class Answered(msgspec.Struct):
    """As the hub answers."""

    patients: dict[str, msgspec.Raw]
    persons: dict[str, msgspec.Raw]


def make_app(redis_port: int, token: str) -> Litestar:
    """The program."""
    store: list[Redis] = []

    async def connect() -> None:
        store.append(await Redis.connect(redis_port))

    @post("/v1/status", status_code=200)
    async def status(data: JSONBody[Asked], request: Request[Any, Any, Any]) -> Answered:
        if request.headers.get("authorization") != f"Bearer {token}":
            raise NotAuthorizedException
        values = await store[0].mget(data.persons)
        persons = {person: msgspec.Raw(value or b"[]") for person, value in zip(data.persons, values, strict=True)}
        return Answered({}, persons)

    return Litestar([status], on_startup=[connect], logging_config=None)


if __name__ == "__main__":
    app = make_app(int(sys.argv[2]), os.environ["BENCH_TOKEN"])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
