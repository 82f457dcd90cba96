"""The live dashboard. Each page is whole without a script; with one, its parts are fetched again when something has moved."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Stream, Template

from monitoring.hub import shown, wording
from monitoring.hub.api import TheHub, TheStreams, event_stream
from monitoring.hub.course import course_of, framed, listed
from monitoring.hub.hub import Hub
from monitoring.hub.problems import SERVICE
from monitoring.hub.tokens import NATIONAL, Token
from monitoring.quarantine import reason_words

Viewer = NamedDependency[Token]
Span = Annotated[Literal["hour", "days"], QueryParameter(name="span", required=False)]
Text = Annotated[str | None, QueryParameter(required=False, max_length=64)]
AlertState = Annotated[str, QueryParameter(name="state", required=False, max_length=16)]
Page = Annotated[int, QueryParameter(name="page", required=False, ge=1, le=1_000_000)]

_ON_A_PAGE = 50
_FIRST_ALERTS = 5
_SITE_ALERTS = 20


@get("/", include_in_schema=False)
async def dashboard(viewer: Viewer, hub: TheHub, span: Span = "days") -> Template | Redirect:
    """Coverage of all sites; whoever may see one alone is shown that one."""
    if viewer.scope != NATIONAL:
        return Redirect(f"/sites/{viewer.scope}", status_code=303)
    codes = shown.codes_for(hub, viewer)
    lines = shown.rows(hub, codes)
    alerts = shown.open_alerts(hub, None)
    given = {"rows": lines, "all": shown.total(lines), "alerts": alerts[:_FIRST_ALERTS], "alerts_open": len(alerts)}
    return page(hub, viewer, "dashboard.html", "/", **given, **_course(hub, codes, span))


@get("/sites/{code:str}", include_in_schema=False)
async def site(viewer: Viewer, hub: TheHub, code: FromPath[str], span: Span = "days") -> Template:
    """One site: states, flags, how long things are missing, alerts, uploads."""
    if code not in shown.codes_for(hub, viewer):
        raise NotFoundException
    alerts = shown.open_alerts(hub, code)
    reconciled = hub.known.alerting.sites.get(code)
    uploads = sorted((each for each in reconciled.uploads if each.uploaded_at), key=_uploaded, reverse=True) if reconciled else []
    given = {
        "row": shown.rows(hub, [code])[0],
        "ages": shown.age_table(hub, code),
        "bands": shown.band_names(),
        "alerts": alerts[:_SITE_ALERTS],
        "alerts_open": len(alerts),
        "uploads": uploads[:10],
    }
    return page(hub, viewer, "site.html", f"/sites/{code}", **given, **_course(hub, [code], span))


@get("/alerts", include_in_schema=False)
async def alerts(
    viewer: Viewer, hub: TheHub, site: Text = None, kind: Text = None, alert_state: AlertState = "open", number: Page = 1
) -> Template:
    """Alerts, by site, kind and state."""
    own = None if viewer.scope == NATIONAL else viewer.scope
    chosen = shown.alerts_by(hub, own or site or None, kind or None, alert_state)
    first = (number - 1) * _ON_A_PAGE
    codes = shown.codes_for(hub, viewer)
    given = {
        "alerts": chosen[first : first + _ON_A_PAGE],
        "total": len(chosen),
        "first": first,
        "page_number": number,
        "more": len(chosen) > first + _ON_A_PAGE,
        "sites": [(code, shown.name_of(hub, code)) for code in codes],
        "kinds": shown.kinds(),
        "chosen": {"site": own or site or "", "kind": kind or "", "state": alert_state},
    }
    return page(hub, viewer, "alerts.html", "/alerts", **given)


@get("/flow", include_in_schema=False)
async def flow(viewer: Viewer, hub: TheHub, streams: TheStreams) -> Template:
    """Whether data flows: how far the hub has read, how fast it comes, what could not be used."""
    reasons = [(reason, count, reason_words(reason)) for reason, count in sorted(hub.known.quarantined.items())]
    given = {"reasons": reasons if viewer.scope == NATIONAL else None, "watching": streams.count}
    return page(hub, viewer, "flow.html", "/flow", rate=hub.progress.rate(), taken=hub.progress.taken, **given)


@get("/course", include_in_schema=False)
async def course(viewer: Viewer, hub: TheHub, site: Text = None, span: Span = "days") -> dict[str, list[Any]]:
    """The line of the chart, for the script that draws it."""
    codes = [code for code in shown.codes_for(hub, viewer) if site in (None, "", code)]
    line = framed(course_of(hub, codes, span), span, hub.now())
    return {"times": line.times, "known": line.known, "complete": line.complete}


@get("/live", include_in_schema=False)
async def live(request: Request[Any, Any, Any], viewer: Viewer, streams: TheStreams) -> Stream:
    """The stream of events for the pages of a browser that is logged in."""
    return event_stream(streams, viewer, request.headers.get("last-event-id", ""))


def page(hub: Hub, viewer: Token, name: str, path: str, **given: Any) -> Template:  # noqa: ANN401  # as templates take it
    """A page with its frame."""
    national = viewer.scope == NATIONAL
    items = [("Coverage", "/" if national else f"/sites/{viewer.scope}"), ("Alerts", "/alerts")]
    items += [("Clinical data", "/completeness"), ("Data flow", "/flow")]
    context = {
        "service": SERVICE,
        "navigation": [{"text": text, "href": href, "current": href == path} for text, href in items],
        "who": "All sites" if national else shown.name_of(hub, viewer.scope),
        "national": national,
        "view": hub.progress.standing,
        "now": hub.now(),
        "states": wording.STATES,
        "flags": wording.FLAGS,
        "kinds_named": wording.KINDS,
        "conditions": wording.CONDITIONS,
        "scripts": ["live.js"],
        "path": path,
        **given,
    }
    return Template(name, context=context)


def _course(hub: Hub, codes: Sequence[str], span: str) -> Mapping[str, Any]:
    line = course_of(hub, codes, span)
    return {"span": span, "course": listed(line, span)}


def _uploaded(tally: Any) -> dt.datetime:  # noqa: ANN401  # an UploadTally with a time
    at: dt.datetime = tally.uploaded_at
    return at


PAGES = (dashboard, site, alerts, flow, course, live)
