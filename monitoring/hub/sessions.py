"""The way into the dashboard: a token pasted once, then a cookie that no script and no other site can use."""

import logging
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Template

from monitoring.hub.access import SESSION_SECONDS, Access
from monitoring.hub.api import peer
from monitoring.hub.problems import SERVICE, Refusal
from monitoring.hub.tokens import Token

log = logging.getLogger(__name__)

_COOKIE = "nccid-hub"
_FORM_BYTES = 4 * 1024

AnyRequest = Request[Any, Any, Any]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
TheAccess = NamedDependency[Access]


class NotLoggedInError(Exception):
    """Nobody is logged in, or not any more: the login page is shown instead."""


async def viewer(request: AnyRequest, access: TheAccess) -> Token:
    """The token with which this browser was let in.

    Raises:
        NotLoggedInError: it was not, or the session or its token has ended.
    """
    token = access.by_session(request.cookies.get(cookie_name(request), ""))
    if token is None:
        raise NotLoggedInError
    return token


@get("/login", include_in_schema=False)
async def login_page() -> Template:
    """Where a token is pasted."""
    return Template("login.html", context={"service": SERVICE})


@post("/login", include_in_schema=False, request_max_body_size=_FORM_BYTES)
async def login(request: AnyRequest, access: TheAccess, data: Form) -> Template | Redirect:
    """Lets in whoever has a good token; from our own page only."""
    require_own_page(request)
    try:
        secret = access.by_form(data.get("token", ""), peer(request))
    except Refusal as refused:
        wrong = {
            401: "This token is not good: perhaps part of it is missing, or it was revoked.",
            429: "Too many tries. Wait a minute.",
        }
        context = {"service": SERVICE, "wrong": wrong[refused.status_code]}
        return Template("login.html", context=context, status_code=refused.status_code)
    return Redirect("/", status_code=303, cookies=[_cookie(request, secret, SESSION_SECONDS)])


@post("/logout", include_in_schema=False, request_max_body_size=_FORM_BYTES)
async def logout(request: AnyRequest, access: TheAccess) -> Redirect:
    """Ends the session."""
    require_own_page(request)
    access.end_session(request.cookies.get(cookie_name(request), ""))
    return Redirect("/login", status_code=303, cookies=[_cookie(request, "", 0)])


def require_own_page(request: AnyRequest) -> None:
    """Refuses forms that another site's page sends; browsers say where one comes from.

    Our own pages send no referrer, so that their ``Origin`` is ``null``.

    Raises:
        Refusal: 403.
    """
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    foreign = origin != "null" and origin.partition("://")[2] != request.headers.get("host")
    if foreign or fetched not in (None, "same-origin", "none"):
        raise Refusal(403, "This form did not come from the hub's own page; open the hub and try again.")


def cookie_name(request: AnyRequest) -> str:
    """With TLS a name that the browser takes from this host alone."""
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE


def _cookie(request: AnyRequest, secret: str, seconds: int) -> Cookie:
    return Cookie(
        key=cookie_name(request), value=secret, path="/", max_age=seconds, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip


ENTRANCE = (login_page, login, logout)
