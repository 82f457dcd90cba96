"""The NHS/CHI Checker: numbers are turned into pseudonyms in this process; what comes back is shown by place, not by number."""

from typing import Any

from litestar import get, post
from litestar.response import Template

from edge.checker import asked
from edge.portal.answers import MOST_NUMBERS, lines, split
from edge.portal.frame import PortalRequest, ThePortal, page
from edge.portal.guards import logged_in
from edge.portal.hub import HubAwayError
from edge.portal.hub_answers import Statuses
from edge.portal.limits import QUESTIONS
from edge.portal.parts import Portal
from edge.portal.routes.entrance import Form

_MOST_BYTES = 64 * 1024
FIELD = "numbers"


@get("/checker", guards=[logged_in], sync_to_thread=False)
def checker_page(request: PortalRequest, portal: ThePortal) -> Template:
    """The field for the numbers."""
    return _page(request, portal)


@post("/checker", guards=[logged_in], sync_to_thread=True, request_max_body_size=_MOST_BYTES)
def check(request: PortalRequest, portal: ThePortal, data: Form) -> Template:
    """Answers; the numbers are neither kept nor sent back."""
    account = request.auth.account  # type: ignore[union-attr]  # the guard has seen to it
    typed = split(data.get(FIELD, ""))
    if problem := _objection(typed):
        return _page(request, portal, 422, problem=problem)
    if portal.attempts.wait(QUESTIONS, account.name):
        return _page(request, portal, 429, problem="Too many questions in a short time. Wait a minute, then ask again.")
    portal.attempts.add(QUESTIONS, account.name)
    encoded = asked(typed, portal.home)
    del typed
    portal.diary.note(account, "checked numbers", numbers=len(encoded))
    portal.counts.asked(account.site, len(encoded))
    persons = list(dict.fromkeys(each.person for each in encoded if each.person))
    try:
        found = portal.hub.statuses(account.site, persons=persons) if persons else Statuses()
    except HubAwayError as error:
        return _page(request, portal, 503, away=str(error))
    return _page(request, portal, answers=lines(encoded, found.persons), view=found.view)


def _objection(typed: list[str]) -> str | None:
    if not typed:
        return "Enter at least one NHS or CHI number"
    if len(typed) > MOST_NUMBERS:
        return f"These are {len(typed):,} numbers; at most {MOST_NUMBERS:,} can be checked at once. Check them in parts"
    return None


def _page(request: PortalRequest, portal: Portal, status: int = 200, **context: Any) -> Template:  # noqa: ANN401  # as templates take it
    return page(request, portal, "checker.html", status, scripts=["checker.js"], most=MOST_NUMBERS, **context)


HANDLERS = (checker_page, check)
