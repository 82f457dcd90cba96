"""The chase list: the site's own workbook back, each row marked with what is missing; read and written in memory alone."""

import datetime as dt
from typing import Any

from litestar import Response, post
from litestar.concurrency import sync_to_thread
from litestar.response import Template

from edge.chasing.chase import Asked, Known, ask, marked_bytes
from edge.portal.frame import PortalRequest, ThePortal
from edge.portal.guards import STREAMS, ForeignFormError, NotLoggedInError, logged_in, ours, same_site
from edge.portal.limits import UPLOADS
from edge.portal.marking import WHOLE_BOOKS
from edge.portal.memory_file import MemoryFile
from edge.portal.parts import Portal
from edge.portal.receiving import LARGEST, MEGABYTE, BrokenFormError, NotOursError, TooLargeError, drained, received
from edge.portal.routes.public import XLSX
from edge.portal.routes.summarising import show_summary
from identity import keyring
from identity.pseudonyms import Pseudonymiser
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.rules import read_rules

_NAME = "chase-list.xlsx"


@post("/chase", opt={STREAMS: True}, request_max_body_size=None)
async def chase(request: PortalRequest, portal: ThePortal) -> Template | Response[bytes]:
    """Takes a sheet, and hands the marked copy back in the same breath."""
    body = request.stream()
    try:
        logged_in(request, request.route_handler)
        if not same_site(request):
            raise ForeignFormError
        if request.user and portal.attempts.wait(UPLOADS, request.user.name):
            return await _refused(request, portal, "Too many sheets in a short time. Wait five minutes, then go on.", 429)
        with await received(request.headers.get("content-type", ""), body, lambda token: ours(request, token)) as file:
            portal.attempts.add(UPLOADS, request.user.name if request.user else "")
            content = await sync_to_thread(_marked, request, portal, file)
    except NotOursError:
        raise ForeignFormError from None
    except BrokenFormError:
        return await _refused(request, portal, "No file has come. Choose the Excel file, then press Download chase list.", 422)
    except TooLargeError:
        return await _refused(request, portal, f"The file is larger than {LARGEST // MEGABYTE} MB.", 413)
    except (UnusableInputError, WorkFailedError) as error:
        return await _refused(request, portal, str(error), 422)
    finally:
        await drained(body)
    return Response(content, media_type=XLSX, headers={"content-disposition": f'attachment; filename="{_NAME}"'})


async def _refused(request: PortalRequest, portal: Portal, problem: str, status: int) -> Template:
    shown: Template = await sync_to_thread(show_summary, request, portal, status, problem=problem)
    return shown


def _marked(request: PortalRequest, portal: Portal, file: MemoryFile) -> bytes:
    session = request.auth
    if session is None:
        raise NotLoggedInError(ended=True)
    code = session.account.site
    now = dt.datetime.fromtimestamp(portal.now(), dt.UTC)
    try:
        asked = ask(file.path, portal.sites[code], Pseudonymiser(keyring.load(portal.home.keyring)), now.date())
        known, rules = _known(portal, asked), read_rules(portal.home.rules).at(code)
        with WHOLE_BOOKS:
            content = marked_bytes(asked, known, rules, now)
    except (UnusableInputError, WorkFailedError) as error:  # which begin with the name of a file, that in memory has none
        raise WorkFailedError(str(error).removeprefix(f"{file.path.name}").removeprefix(": ").strip()) from None
    portal.diary.note(session.account, "downloaded a chase list", rows=len(asked.rows))
    return content


def _known(portal: Portal, asked: Asked) -> Known:
    found = portal.hub.statuses(asked.site.code, patients=asked.patients, persons=asked.persons)
    patients = {patient: status for patient, status in found.patients.items() if status is not None}
    return Known(patients, found.persons, portal.hub.unclaimed(asked.site.code))


HANDLERS: tuple[Any, ...] = (chase,)
