"""What is around every page: who is logged in, the menu, the cookie, and the token that our own forms carry."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.response import Template

from edge.portal.accounts import Account
from edge.portal.parts import Portal
from edge.portal.sessions import Session, form_token, new_secret

PortalRequest = Request[Account | None, Session | None, State]
ThePortal = NamedDependency[Portal]
Connection = ASGIConnection[Any, Account | None, Session | None, State]

SERVICE = {"name": "National COVID-19 Chest Imaging Database", "href": "/"}
CONTACT = "imaging@nhsx.nhs.uk"
LOGGED_OUT = (("Login", "/login"), ("Guidance", "/guidance"), ("FAQ", "/faq"))
LOGGED_IN = (
    ("Summary", "/summary"),
    ("Upload Covid Data", "/upload/covid-data"),
    ("Upload Covid Status Data", "/upload/covid-status-data"),
    ("NHS/CHI Checker", "/checker"),
    ("Guidance", "/guidance"),
    ("FAQ", "/faq"),
)
_SESSION, _VISIT = "nccid-session", "nccid-visit"


def page(request: PortalRequest, portal: Portal, name: str, status: int = 200, **context: Any) -> Template:  # noqa: ANN401  # as templates take it
    """A page with its frame."""
    session = request.auth
    given: dict[str, Any] = {
        "service": SERVICE,
        "contact": CONTACT,
        "navigation": _navigation(LOGGED_IN if session else LOGGED_OUT, request.url.path),
        "account": session.account if session else None,
        "site": portal.sites.get(session.account.site) if session else None,
        "form_token": token_of(request),
        **context,
    }
    return Template(name, context=given, status_code=status)


def _navigation(items: tuple[tuple[str, str], ...], path: str) -> list[Mapping[str, Any]]:
    return [{"text": text, "href": href, "current": path == href} for text, href in items]


def secret_of(connection: Connection) -> str | None:
    """The secret of the session's cookie, of whatever worth."""
    return connection.cookies.get(_name(connection, _SESSION))


def token_of(connection: Connection) -> str:
    """The token for forms of this visitor; empty where there is neither a session nor a visit."""
    secret = connection.auth.secret if connection.auth else connection.cookies.get(_name(connection, _VISIT))
    return form_token(secret) if secret else ""


def visit(request: PortalRequest) -> tuple[Cookie, str]:
    """A cookie for somebody who is about to log in, and the token that belongs to it; the one that is there is kept."""
    name = _name(request, _VISIT)
    secret = request.cookies.get(name) or new_secret()
    return _cookie(request, name, secret), form_token(secret)


def session_cookie(connection: Connection, session: Session) -> Cookie:
    """Told to the browser at login; gone when the browser closes, never seen by scripts or other sites."""
    return _cookie(connection, _name(connection, _SESSION), session.secret)


def no_cookies(connection: Connection) -> list[Cookie]:
    """Takes both cookies back."""
    secure = connection.url.scheme == "https"
    names = (_name(connection, _SESSION), _name(connection, _VISIT))
    return [Cookie(key=name, path="/", max_age=0, httponly=True, samesite="strict", secure=secure) for name in names]


def _cookie(connection: Connection, name: str, secret: str) -> Cookie:
    return Cookie(key=name, value=secret, path="/", httponly=True, samesite="strict", secure=connection.url.scheme == "https")


def _name(connection: Connection, name: str) -> str:
    """With TLS a name that the browser takes from this host alone (RFC 6265bis, cookie name prefixes)."""
    return f"__Host-{name}" if connection.url.scheme == "https" else name
