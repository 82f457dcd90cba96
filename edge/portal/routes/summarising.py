"""The summary of a site: its coverage, what is overdue, the last uploads, the alerts, and the chase list."""

from typing import Any

from litestar import get
from litestar.response import Template

from edge.portal.answers import TURNS, day
from edge.portal.frame import PortalRequest, ThePortal, page
from edge.portal.guards import logged_in
from edge.portal.hub import HubAwayError
from edge.portal.hub_answers import SiteCounts
from edge.portal.lately import lately
from edge.portal.parts import Portal
from edge.sending.outbox import OutboxError

_MOST_ALERTS = 50


@get("/summary", guards=[logged_in], sync_to_thread=True)
def summary(request: PortalRequest, portal: ThePortal) -> Template:
    """How the site stands."""
    return show_summary(request, portal)


def show_summary(request: PortalRequest, portal: Portal, status: int = 200, *, problem: str = "") -> Template:
    """The page. Where the hub is away or the outbox cannot be read, the rest is shown."""
    site = request.auth.account.site  # type: ignore[union-attr]  # the guards have seen to it
    context: dict[str, Any] = {
        "turns": TURNS,
        "day": day,
    }
    try:
        context["uploads"] = lately(portal.home, site)
    except OutboxError as error:
        context["uploads_away"] = str(error)
    try:
        context |= _known(portal, site)
    except HubAwayError as error:
        context["away"] = str(error)
    return page(request, portal, "summary.html", status, problem=problem, **context)


def _known(portal: Portal, site: str) -> dict[str, Any]:
    known, alerts = portal.hub.coverage(site), portal.hub.alerts(site)
    first = sorted(alerts, key=lambda alert: (alert.severity != "act", alert.since))
    return {
        "counts": known.counts,
        "oldest": {state: day(since) for state, since in known.oldest.items()},
        "overdue": _overdue(known.counts),
        "view": known.view,
        "alerts": first[:_MOST_ALERTS],
        "more_alerts": len(first[_MOST_ALERTS:]),
    }


def _overdue(counts: SiteCounts) -> int:
    return counts.states.get("images-missing", 0) + counts.states.get("spreadsheet-missing", 0)


HANDLERS = (summary,)
