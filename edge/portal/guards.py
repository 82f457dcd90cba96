"""Who may go where: logged in or not, with a password of one's own, from a page of ours; and where one is sent instead."""

import hmac

from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from edge.portal.frame import Connection, PortalRequest, secret_of, token_of
from edge.portal.parts import Portal

STREAMS = "streams"
"""Option of a handler that reads its form itself, and judges the token itself."""


class NotLoggedInError(Exception):
    """Nobody is logged in, or not any more."""

    def __init__(self, *, ended: bool) -> None:
        super().__init__()
        self.ended = ended


class OwnPasswordFirstError(Exception):
    """The password was given by somebody else, and is to be changed before anything else."""


class ForeignFormError(Exception):
    """A form that does not come from a page of ours, or from one that was made before login or logout."""


class Doorkeeper(AbstractAuthenticationMiddleware):
    """Finds the session of each request."""

    def __init__(self, app: ASGIApp, portal: Portal) -> None:
        super().__init__(app, exclude=["^/assets/", "^/health/"])
        self._portal = portal

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:  # type: ignore[type-arg]  # Litestar's own signature
        """Who it is, if anybody."""
        secret = secret_of(connection)
        session = self._portal.sessions.find(secret) if secret else None
        return AuthenticationResult(user=session.account if session else None, auth=session)


def logged_in(connection: Connection, _: BaseRouteHandler) -> None:
    """For pages of those who are logged in.

    Raises:
        NotLoggedInError: nobody is.
        OwnPasswordFirstError: somebody is, with a password that was given.
    """
    session = connection.auth
    if session is None:
        raise NotLoggedInError(ended=secret_of(connection) is not None)
    if session.account.must_change and connection.url.path not in {"/password", "/logout"}:
        raise OwnPasswordFirstError


def administrator(connection: Connection, _: BaseRouteHandler) -> None:
    """For pages of administrators; for everybody else there is no such page.

    Raises:
        NotFoundException: somebody else asks.
    """
    if connection.auth is None or not connection.auth.account.administrator:
        raise NotFoundException


async def form_is_ours(connection: Connection, handler: BaseRouteHandler) -> None:
    """For whatever changes something: the form carries the token of this visitor.

    Raises:
        ForeignFormError: it does not.
    """
    request: PortalRequest = connection  # type: ignore[assignment]  # which it is, for a handler of HTTP
    if request.method in {"GET", "HEAD", "OPTIONS"} or handler.opt.get(STREAMS):
        return
    if not same_site(connection) or not ours(connection, str((await request.form()).get("token", ""))):
        raise ForeignFormError


def ours(connection: Connection, given: str) -> bool:
    """Whether this is the token that our pages give this visitor."""
    return bool(token_of(connection)) and hmac.compare_digest(given.encode(), token_of(connection).encode())


def same_site(connection: Connection) -> bool:
    """What the browser says of where the form comes from (Fetch metadata); browsers that do not say are believed the token."""
    return connection.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
