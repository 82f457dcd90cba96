"""The two upload pages: what is sent is checked first, and comes back with every fault named; how far it is can be asked."""

import asyncio
from collections.abc import AsyncIterable
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Template

from edge.portal.frame import PortalRequest, ThePortal, page
from edge.portal.guards import STREAMS, ForeignFormError, NotLoggedInError, logged_in, ours, same_site
from edge.portal.limits import UPLOADS
from edge.portal.parts import Portal
from edge.portal.receiving import LARGEST, MEGABYTE, BrokenFormError, NotOursError, TooLargeError, drained, received
from edge.spreadsheets.template import hint
from schemas.records import Kind
from schemas.templates import template

SECTIONS: dict[str, Kind] = {"covid-data": "positive", "covid-status-data": "negative"}
PATHS: dict[Kind, str] = {kind: f"/upload/{section}" for section, kind in SECTIONS.items()}
OTHER: dict[Kind, Kind] = {"positive": "negative", "negative": "positive"}
_PICTURED = 9  # columns of the main sheet whose order is known


@get("/upload/{section:str}", guards=[logged_in], sync_to_thread=False)
def upload_page(request: PortalRequest, portal: ThePortal, section: FromPath[str]) -> Template:
    """Template, picture, warning, and the field for the file."""
    return _upload_page(request, portal, _kind(section))


@post("/upload/{section:str}", opt={STREAMS: True}, request_max_body_size=None)
async def upload(request: PortalRequest, portal: ThePortal, section: FromPath[str]) -> Template | Redirect | Response[Any]:
    """Takes a file. A script is told where to ask how far it is; a form waits, and is sent on to the result."""
    kind, body = _kind(section), request.stream()
    try:
        return await _upload(request, portal, kind, body)
    except TooLargeError:
        what_to_do = "Copy the sheet with the patients into a fresh template and upload that."
        problem = f"The file is larger than {LARGEST // MEGABYTE} MB. {what_to_do}"
        return _refused(request, portal, kind, problem, 413)
    except BrokenFormError:
        return _refused(request, portal, kind, "No file has come. Choose the Excel file, then press Upload.", 422)
    except NotOursError:
        raise ForeignFormError from None
    finally:
        await drained(body)


async def _upload(
    request: PortalRequest, portal: Portal, kind: Kind, body: AsyncIterable[bytes]
) -> Template | Redirect | Response[Any]:
    logged_in(request, request.route_handler)
    session = request.auth
    if session is None:
        raise NotLoggedInError(ended=True)
    if not same_site(request):
        raise NotOursError
    if portal.attempts.wait(UPLOADS, session.account.name):
        return _refused(request, portal, kind, "Too many uploads in a short time. Wait five minutes, then go on.", 429)
    file = await received(request.headers.get("content-type", ""), body, lambda token: ours(request, token))
    if not file.size:
        file.close()
        raise BrokenFormError
    portal.attempts.add(UPLOADS, session.account.name)
    job = portal.jobs.begin(session.account, session.key, kind, file)
    if _wants_json(request):
        return Response({"job": f"/uploads/{job.id}"}, status_code=202)
    await asyncio.shield(asyncio.wrap_future(job.finished))  # it goes on, also when the browser has gone
    return Redirect(f"/uploads/{job.id}", status_code=303)


def _upload_page(request: PortalRequest, portal: Portal, kind: Kind, status: int = 200, problem: str = "") -> Template:
    own = template(kind)
    pictured = [(column, hint(column)) for column in own.columns[:_PICTURED]]
    context = {"own": own, "other": template(OTHER[kind]), "other_path": PATHS[OTHER[kind]], "path": PATHS[kind]}
    more = len(own.columns) - len(pictured)
    largest = {"largest": LARGEST, "largest_words": f"{LARGEST // MEGABYTE} MB"}
    return page(
        request,
        portal,
        "upload.html",
        status,
        problem=problem,
        pictured=pictured,
        more=more,
        scripts=["upload.js"],
        **context,
        **largest,
    )


def _refused(request: PortalRequest, portal: Portal, kind: Kind, problem: str, status: int) -> Template | Response[Any]:
    if _wants_json(request):
        return Response({"problem": problem}, status_code=status, media_type=MediaType.JSON)
    return _upload_page(request, portal, kind, status, problem)


def _wants_json(request: PortalRequest) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _kind(section: str) -> Kind:
    if section not in SECTIONS:
        raise NotFoundException
    return SECTIONS[section]


HANDLERS = (upload_page, upload)
