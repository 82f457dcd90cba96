"""The API for programs: ``/v1``, bearer tokens, pseudonyms in bodies alone. What each token may see stands in ``docs/hub.md``."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from litestar import Controller, MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import Guard

from monitoring.alerts import AlertList
from monitoring.hub import stream
from monitoring.hub.access import Access
from monitoring.hub.answers import AlertsAnswered, Answered, SitesAnswered, UnclaimedAnswered, ages, counted
from monitoring.hub.hub import Hub
from monitoring.hub.lookup import NoQuestionError, Question, answer, read
from monitoring.hub.problems import MEDIA_TYPE, Problem, Refusal
from monitoring.hub.schema import AskingOperation
from monitoring.hub.stream import Streams
from monitoring.hub.tokens import NATIONAL, Token

AnyRequest = Request[None, Token, Any]

HUB = "hub"
"""Under which name the program's state has it."""

_MOST_LISTED = 10_000
_LONGEST_BODY = 128 * 1024
_REFUSED = {
    status: ResponseSpec(Problem, description=words, media_type=MEDIA_TYPE)
    for status, words in (
        (400, "The request is not as the API has it"),
        (401, "No token, or one that is not good"),
        (403, "Not for this token to see"),
        (413, "The body is too long"),
        (429, "Too often"),
    )
}

SiteCode = Annotated[
    str | None, QueryParameter(name="site", required=False, pattern="^([A-Z0-9]{2,12})?$", max_length=12, description="One site")
]
AlertState = Annotated[Literal["open", "resolved", "all", ""], QueryParameter(name="state", required=False)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=_MOST_LISTED, required=False)]
TheHub = NamedDependency[Hub]
TheStreams = NamedDependency[Streams]


def letting_in(access: Access) -> Guard:
    """The guard of all routes that want a token."""

    async def guard(connection: Any, handler: BaseRouteHandler) -> None:  # noqa: ANN401  # Litestar's connection, whose types vary
        connection.scope["auth"] = access.by_header(connection.headers.get("authorization"), peer(connection))
        takes = handler.opt.get("takes", ())
        if connection.scope["query_string"] and set(connection.query_params) - set(
            takes
        ):  # a slip in a name would otherwise widen the question in silence
            raise Refusal(400, f"This address takes {', '.join(takes) or 'nothing'} after the question mark.")

    return guard


def peer(connection: Any) -> str:  # noqa: ANN401  # as above
    """The address that a request comes from."""
    return connection.client.host if connection.client else ""


class Api(Controller):
    """What programs ask."""

    path = "/v1"
    tags: Sequence[str] = ("coverage",)
    security: Sequence[dict[str, list[str]]] = ({"bearer": []},)

    @post(
        "/status", status_code=200, request_max_body_size=_LONGEST_BODY,
        responses=_REFUSED | {200: ResponseSpec(Answered, description="The statuses, by pseudonym")},
        summary="The statuses of patients and persons, by pseudonym", operation_class=AskingOperation,
    )  # fmt: skip
    async def status(self, request: AnyRequest) -> Response[bytes]:
        """A patient's status is for the own site's token and a national one; a person's, for whoever knows the pseudonym."""
        hub: Hub = request.app.state[HUB]  # having it injected would take as long as the look-up itself
        question = _question(await request.body())
        return Response(answer(question, hub.known.view, hub.progress.standing, request.auth.may_see), media_type=MediaType.JSON)

    @get("/sites", takes=("site",), responses=_REFUSED, summary="The coverage by site")
    async def sites(self, request: AnyRequest, hub: TheHub, site: SiteCode = None) -> SitesAnswered:
        """Sites that have a case, those that the token may see; in the form of ``nccid status --json``, and with ages."""
        chosen = _site(request.auth, site)
        view, today = hub.known.view, hub.now().date()
        codes = [code for code in view.coverage() if chosen in (None, code)]
        return SitesAnswered(
            sites={code: counted(view, code) for code in codes},
            ages={code: ages(view, code, today) for code in codes},
            view=hub.progress.standing,
        )

    @get("/alerts", takes=("site", "state", "limit"), responses=_REFUSED, summary="Alerts, of patients and of sites")
    async def alerts(
        self,
        request: AnyRequest,
        hub: TheHub,
        site: SiteCode = None,
        alert_state: AlertState = "all",
        limit: Limit = _MOST_LISTED,
    ) -> AlertsAnswered:
        """Those to act on first, then the oldest. A site's token sees its own alone."""
        chosen = _site(request.auth, site)
        known: AlertList = hub.known.alerting.list(open_only=alert_state == "open")
        found = known.chosen(site=chosen, state=alert_state if alert_state in ("open", "resolved") else None)
        return AlertsAnswered(alerts=found[:limit], total=len(found), view=hub.progress.standing)

    @get("/unclaimed", takes=("site",), responses=_REFUSED, summary="A site's cases with studies that no row has claimed")
    async def unclaimed(self, request: AnyRequest, hub: TheHub, site: SiteCode = None) -> UnclaimedAnswered:
        """What a chase list needs beside the statuses, by match. Of one site: a national token says which."""
        code = _site(request.auth, site)
        if code is None:
            raise Refusal(403, "A chase list is a site's own: say which site, ?site=CODE.")
        return UnclaimedAnswered(matches=list(hub.known.view.studies_without_row(code)), view=hub.progress.standing)

    @get(
        "/stream", responses=_REFUSED, media_type=stream.MEDIA_TYPE, summary="Coverage and alerts as they move, as events",
    )  # fmt: skip
    async def stream(self, request: AnyRequest, streams: TheStreams) -> Stream:
        """Server-sent events ``coverage``, ``alert``, ``view``, ``again``. Goes on after the event of Last-Event-ID."""
        return event_stream(streams, request.auth, request.headers.get("last-event-id", ""))


def event_stream(streams: Streams, token: Token, last_event_id: str) -> Stream:
    """The events as an answer that does not end."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(streams.open(token, last_event_id), media_type=stream.MEDIA_TYPE, headers=headers)


def _question(body: bytes) -> Question:
    """What is asked; Litestar would look at each pseudonym twice.

    Raises:
        Refusal: 400, it is no question.
    """
    try:
        return read(body)
    except NoQuestionError as error:
        raise Refusal(400, str(error)) from None


def _site(token: Token, asked: str | None) -> str | None:
    """The site that is meant: the one asked for, a site's own; None for all.

    Raises:
        Refusal: 403, the token is another site's.
    """
    if token.scope == NATIONAL:
        return asked or None
    if asked and asked != token.scope:
        raise Refusal(403, f"This token is for {token.scope} alone.")
    return token.scope
