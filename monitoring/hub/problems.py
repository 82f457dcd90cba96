"""What went wrong, as RFC 9457 has it: one JSON document with plain words, and never a value that came with the request."""

import logging
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Template
from litestar.status_codes import HTTP_500_INTERNAL_SERVER_ERROR

from schemas.records import Record

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_WORDS: dict[int, tuple[str, str]] = {
    400: ("Not understood", "The request is not as the API has it; /schema says how."),
    401: ("Who asks?", "Send a token in the header: Authorization: Bearer TOKEN. `nccid tokens add` makes one."),
    403: ("Not yours to see", "This token may not ask about that; a national token may."),
    404: ("Not there", "There is nothing at this address; /schema lists what there is."),
    405: ("Not in this way", "This address does not take this method; /schema says which."),
    413: ("Too much", "The body is too long; ask for at most 1,000 pseudonyms at once."),
    429: ("Too often", "Wait for as many seconds as Retry-After says, and ask again."),
    500: ("Our fault", "Something failed in the hub; its log says what. Ask again later."),
    503: ("Not now", "The hub is not ready; ask again later."),
}
"""Status -> title, what to do."""


class Problem(Record, frozen=True, kw_only=True):
    """A problem as RFC 9457 writes it."""

    type: str
    title: str
    status: int
    detail: str


SERVICE = {"name": "NCCID coverage", "href": "/"}
_PAGES = {
    400: ("Not understood", "The page was asked for in a way that it does not know. Go back and try again."),
    403: ("Not from here", "This form did not come from the hub's own page. Open the hub and try again."),
    404: ("Page not found", "There is no such page, or it is not for you to see."),
    429: ("Too many at once", "Wait a minute and try again."),
}
"""Status -> title and words of the page that a browser is shown."""


def problem(status: int, detail: str = "") -> Problem:
    """A problem with this status, in the words for it unless others are given."""
    title, words = _WORDS.get(status, ("It did not work", "/schema says what this address takes."))
    return Problem(type="about:blank", title=title, status=status, detail=detail or words)


def told(status: int, detail: str = "", headers: dict[str, str] | None = None) -> Response[Problem]:
    """The problem as an answer."""
    return Response(problem(status, detail), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem] | Template:
    """What Litestar or we refused. Of what did not validate only the place is said. A browser gets a page."""
    if "text/html" in request.headers.get("accept", ""):
        title, words = _PAGES.get(error.status_code, _PAGES[400])
        return Template(
            "trouble.html", context={"service": SERVICE, "title": title, "words": words}, status_code=error.status_code
        )
    detail = error.words if isinstance(error, Refusal) else _places(error) if isinstance(error, ValidationException) else ""
    return told(error.status_code, detail, dict(error.headers or {}))


def on_failure(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """A bug: the log gets its kind and place, the client neither."""
    log.error("%s %s failed", request.method, request.scope["path_template"], exc_info=error)
    return told(HTTP_500_INTERNAL_SERVER_ERROR)


_NAMED = {"patients", "persons", "site", "state", "limit"}


class Refusal(HTTPException):
    """We say no, in words of our own."""

    def __init__(self, status: int, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(status_code=status, headers=headers)
        self.words = detail


def _places(error: ValidationException) -> str:
    """Which parts of the request are meant, by the names that we gave them."""
    named = [str(each.get("key", "")) for each in error.extra or () if isinstance(each, dict)]
    known = sorted({name.partition("[")[0].rpartition(".")[2] for name in named} & _NAMED)
    return f"{' and '.join(known)}: not as the API has it; /schema says how." if known else ""
