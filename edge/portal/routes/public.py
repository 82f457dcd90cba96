"""Pages that anybody may read: the landing page, guidance, questions and answers, and the empty templates."""

import io
from functools import cache

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Template

from edge.portal.frame import PortalRequest, ThePortal, page
from edge.spreadsheets.template import hint, workbook
from schemas.records import Kind
from schemas.templates import template

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@get("/", sync_to_thread=False)
def home(request: PortalRequest, portal: ThePortal) -> Template:
    """What this is, and the way in; for those who are logged in, what they can do."""
    return page(request, portal, "home.html" if request.auth else "landing.html")


@get("/guidance", sync_to_thread=False)
def guidance(request: PortalRequest, portal: ThePortal) -> Template:
    """How to fill in the sheets, when to upload, whom to ask; both templates."""
    return page(request, portal, "guidance.html", main=template("positive"), status_sheet=template("negative"))


@get("/guidance/worksheet", sync_to_thread=False)
def worksheet(request: PortalRequest, portal: ThePortal) -> Template:
    """A page to print, for notes during the day."""
    return page(request, portal, "worksheet.html")


@get("/faq", sync_to_thread=False)
def faq(request: PortalRequest, portal: ThePortal) -> Template:
    """Questions and answers."""
    return page(request, portal, "faq.html")


@get("/guidance/columns/{kind:str}", sync_to_thread=False)
def columns(request: PortalRequest, portal: ThePortal, kind: FromPath[str]) -> Template:
    """What each column of a template takes."""
    own = template(_kind(kind))
    return page(request, portal, "columns.html", own=own, listed=[(column, hint(column)) for column in own.columns])


@get("/templates/{kind:str}", sync_to_thread=True)
def empty_template(kind: FromPath[str]) -> Response[bytes]:
    """The empty workbook."""
    name = template(_kind(kind)).file_name
    return Response(_workbook(_kind(kind)), media_type=XLSX, headers={"content-disposition": f'attachment; filename="{name}"'})


@cache
def _workbook(kind: Kind) -> bytes:
    out = io.BytesIO()
    workbook(kind).save(out)
    return out.getvalue()


def _kind(text: str) -> Kind:
    if text == "positive":
        return "positive"
    if text == "negative":
        return "negative"
    raise NotFoundException


HANDLERS = (home, guidance, worksheet, faq, columns, empty_template)
