"""The hub as one web program: what stands where, and what happens around each request."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from monitoring.hub import health
from monitoring.hub.access import Access
from monitoring.hub.api import HUB, Api, letting_in
from monitoring.hub.completeness_page import COMPLETENESS
from monitoring.hub.hub import Hub
from monitoring.hub.metrics import HubMetrics
from monitoring.hub.pages import PAGES
from monitoring.hub.problems import Problem, on_failure, on_http_exception, told
from monitoring.hub.schema import OPENAPI
from monitoring.hub.sessions import ENTRANCE, NotLoggedInError, viewer
from monitoring.hub.stream import Streams
from web.assets import asset_router
from web.headers import add_headers
from web.pages import template_config
from web.timing import counting, timing

log = logging.getLogger(__name__)

_TEMPLATES, _SCRIPTS = (Path(__file__).with_name(name) for name in ("templates", "scripts"))
_LONGEST_BODY = 128 * 1024


def make_app(hub: Hub, access: Access, streams: Streams | None = None, *, follow: bool = True) -> Litestar:
    """The program.

    Args:
        hub: what it knows.
        access: whom it lets in.
        streams: who watches; else nobody yet.
        follow: it reads the topics for as long as it is served.
    """
    streams = streams or Streams(hub, access)
    counts = HubMetrics()
    given = {"hub": hub, "streams": streams, "access": access, "counts": counts}
    api = type("GuardedApi", (Api,), {"guards": [letting_in(access)]})
    return Litestar(
        route_handlers=[api, health.live, health.ready, health.metrics, *ENTRANCE, *PAGES, *COMPLETENESS, asset_router(_SCRIPTS)],
        dependencies={name: _given(value) for name, value in given.items()} | {"viewer": Provide(viewer)},
        template_config=template_config(_TEMPLATES, _SCRIPTS),
        state=State({HUB: hub}),
        lifespan=[_working(hub)] if follow else [],
        openapi_config=OPENAPI,
        exception_handlers={NotLoggedInError: _to_login, HTTPException: on_http_exception, Exception: on_failure},
        middleware=[timing],
        before_send=[add_headers, counting(counts.requests)],
        request_max_body_size=_LONGEST_BODY,
        on_app_init=[_without_extras],
        logging_config=None,
    )


def _given(value: Any) -> Provide:  # noqa: ANN401  # whatever handlers ask for by name
    return Provide(lambda: value, sync_to_thread=False)


def _to_login(request: Request[Any, Any, Any], _: NotLoggedInError) -> Redirect | Response[Problem]:
    """People are shown the way in; a stream or a script is told that it has ended."""
    if "text/html" in request.headers.get("accept", "") or "*/*" in request.headers.get("accept", "*/*"):
        return Redirect("/login", status_code=303)
    return told(401)


def _without_extras(config: AppConfig) -> AppConfig:
    """Nothing is debugged in the open."""
    config.debug = False
    return config


def _working(hub: Hub) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        _rarely_look_for_rings()
        work = asyncio.create_task(hub.run())
        work.add_done_callback(_ended)
        try:
            yield
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            await hub.save()

    return lifespan


def _rarely_look_for_rings() -> None:
    """What is loaded stays, and what is known of cases holds no rings: looking through all of it held up everybody for 40 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _ended(work: "asyncio.Task[None]") -> None:
    """A hub that no longer follows would give old answers for ever: it ends, and is started again."""
    if not work.cancelled() and (error := work.exception()) is not None:
        log.critical("the hub cannot go on", exc_info=error)
        signal.raise_signal(signal.SIGTERM)
