"""The portal as a web program: its pages, who guards them, and what is said when something is not as it should be."""

import logging
from pathlib import Path

from litestar import Litestar, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.response import Redirect, Template

from edge.portal.frame import PortalRequest, no_cookies, page, secret_of
from edge.portal.guards import Doorkeeper, ForeignFormError, NotLoggedInError, OwnPasswordFirstError, form_is_ours
from edge.portal.parts import Portal
from edge.portal.routes import administering, chasing, checking, entrance, public, results, summarising, uploading
from schemas.problems import UnusableInputError, WorkFailedError
from web.assets import asset_router
from web.headers import add_headers
from web.pages import template_config
from web.timing import counting, timing

log = logging.getLogger(__name__)

_TEMPLATES, _SCRIPTS = (Path(__file__).with_name(name) for name in ("templates", "scripts"))
_MOST_BYTES = 64 * 1024  # of a form without a file
_PAGES = (public, entrance, uploading, results, checking, summarising, chasing, administering)
_WORDS = {
    404: ("Page not found", "There is no such page, or it is not kept any more."),
    405: ("Page not found", "This page cannot be asked for in this way."),
    413: ("Too much at once", "What was sent is larger than this page takes."),
    400: ("Not understood", "The browser sent something that this page does not understand."),
}
_ELSE = ("Something went wrong", "This is not your fault. Try again; if it stays, tell whoever runs this portal.")


@get(["/health/live", "/health/ready"], sync_to_thread=False)
def health() -> dict[str, str]:
    """For whoever watches the process."""
    return {"status": "ok"}


def make_app(portal: Portal) -> Litestar:
    """The portal, ready to be served; closes it at the end."""
    return Litestar(
        route_handlers=[health, asset_router(_SCRIPTS), *(handler for each in _PAGES for handler in each.HANDLERS)],
        dependencies={"portal": Provide(lambda: portal, sync_to_thread=False)},
        middleware=[timing, DefineMiddleware(Doorkeeper, portal=portal)],
        guards=[form_is_ours],
        exception_handlers={
            NotLoggedInError: _to_login,
            OwnPasswordFirstError: lambda *_: Redirect("/password", status_code=303),
            ForeignFormError: _foreign,
            UnusableInputError: _failed,
            WorkFailedError: _failed,
            HTTPException: _http,
            Exception: _bug,
        },
        state=State({"portal": portal}),
        template_config=template_config(_TEMPLATES, _SCRIPTS),
        before_send=[add_headers, counting(portal.counts.requests)],
        on_shutdown=[portal.close],
        request_max_body_size=_MOST_BYTES,
        openapi_config=None,
        logging_config=None,
        signature_types=[Portal],
        debug=False,
    )


def _portal(request: PortalRequest) -> Portal:
    found: Portal = request.app.state.portal
    return found


def _to_login(request: PortalRequest, error: NotLoggedInError) -> Response[dict[str, str]] | Redirect:
    """Nobody is logged in: scripts are told so, people are shown the way in."""
    if "application/json" in request.headers.get("accept", ""):
        return Response(
            {"problem": "Your session has ended. Log in again in another tab, then press Upload again."}, status_code=401
        )
    return Redirect("/login?ended=true" if error.ended else "/login", status_code=303, cookies=no_cookies(request))


def _foreign(request: PortalRequest, _: ForeignFormError) -> Template | Response[dict[str, str]]:
    words = "The page was made before you logged in or out. Load it again, and send the form once more."
    return _said(request, 403, "This form is out of date", words)


def _http(request: PortalRequest, error: HTTPException) -> Template | Response[dict[str, str]]:
    if error.status_code >= 500:
        return _bug(request, error)
    heading, words = _WORDS.get(error.status_code, _ELSE)
    return _said(request, error.status_code, heading, words)


def _failed(request: PortalRequest, error: UnusableInputError | WorkFailedError) -> Template | Response[dict[str, str]]:
    """What could not be done, in words that are meant for people."""
    return _said(request, 422 if isinstance(error, UnusableInputError) else 503, "This could not be done", str(error))


def _bug(request: PortalRequest, error: Exception) -> Template | Response[dict[str, str]]:
    """A bug: its kind and place are logged, never its text, which may hold what somebody typed."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "?"
    log.error("a page failed: %s in %s", type(error).__name__, where)
    return _said(request, 500, *_ELSE)


def _said(request: PortalRequest, status: int, heading: str, words: str) -> Template | Response[dict[str, str]]:
    if "application/json" in request.headers.get("accept", ""):
        return Response({"problem": words}, status_code=status)
    portal = _portal(request)
    if "auth" not in request.scope:  # what has no page has no middleware either
        secret = secret_of(request)
        request.scope["auth"] = portal.sessions.find(secret) if secret else None
    return page(request, portal, "trouble.html", status, heading=heading, words=words)
