"""Counts the requests of a web program and how long each took, by the route's template, which holds nothing that came with it."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

_BEGAN = "nccid_began"


class RequestCounts:
    """A counter by route and status, and a histogram by route."""

    def __init__(self, requests: Any, seconds: Any) -> None:  # noqa: ANN401  # as ``web.metrics.collectors`` makes them
        self._requests, self._seconds = requests, seconds
        self._of: dict[tuple[str, int], tuple[Any, Any]] = {}

    def add(self, route: str, status: int, seconds: float | None) -> None:
        """One request was answered, after so long."""
        if (found := self._of.get((route, status))) is None:
            found = self._of[route, status] = self._requests.labels(route, str(status)), self._seconds.labels(route)
        found[0].inc()
        if seconds is not None:
            found[1].observe(seconds)


def timing(app: ASGIApp) -> ASGIApp:
    """Middleware that notes when a request came."""

    async def timed(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})[_BEGAN] = time.monotonic()
        await app(scope, receive, send)

    return timed


def counting(counts: RequestCounts) -> Callable[[Message, Scope], Awaitable[None]]:
    """Litestar's ``before_send`` that counts each answer."""

    async def count(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            began = scope.get("state", {}).get(_BEGAN)
            route = str(scope.get("path_template") or "none")
            counts.add(route, message["status"], None if began is None else time.monotonic() - began)

    return count
