"""Whether the hub lives, whether it is ready, and what it counts: for the machines that look after it."""

import ipaddress
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec

from monitoring.hub.access import Access
from monitoring.hub.api import TheHub, TheStreams, peer
from monitoring.hub.metrics import HubMetrics
from monitoring.hub.problems import Refusal
from monitoring.hub.progress import Standing
from monitoring.hub.tokens import NATIONAL
from web.metrics import PAGE_TYPE

AnyRequest = Request[Any, Any, Any]


@get("/health/live", tags=["health"], summary="Whether the hub answers at all")
async def live() -> dict[str, str]:
    """Says yes."""
    return {"status": "live"}


@get(
    "/health/ready",
    tags=["health"],
    responses={503: ResponseSpec(Standing, description="Not yet, or not now")},
    summary="Whether the hub has read all that was there, and reads on",
)
async def ready(hub: TheHub) -> Response[Standing]:
    """200 where its answers are the present; 503 while it catches up, or has lost the broker. Says how far behind it is."""
    standing = hub.progress.standing
    return Response(standing, status_code=200 if standing.condition == "live" else 503)


@get("/metrics", include_in_schema=False)
async def metrics(
    request: AnyRequest, hub: TheHub, streams: TheStreams, access: NamedDependency[Access], counts: NamedDependency[HubMetrics]
) -> Response[bytes]:
    """For a national token, and for programs on this machine: there are only counts in it."""
    if request.headers.get("authorization") or not _is_here(request):
        token = access.by_header(request.headers.get("authorization"), peer(request))
        if token.scope != NATIONAL:
            raise Refusal(403, "The metrics are of all sites; a national token may ask for them.")
    return Response(counts.page(hub, streams), media_type=PAGE_TYPE)


def _is_here(request: AnyRequest) -> bool:
    """Whether it comes from this machine itself, not through a proxy on it."""
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    try:
        return not forwarded and ipaddress.ip_address(peer(request)).is_loopback
    except ValueError:
        return False
