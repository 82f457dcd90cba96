"""What became of an upload: how far it is, the page with every fault, and the copy with the faults marked."""

from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Template

from edge.portal.frame import PortalRequest, ThePortal, page
from edge.portal.guards import logged_in
from edge.portal.jobs import Job
from edge.portal.marking import marked_copy
from edge.portal.parts import Portal
from edge.portal.routes.public import XLSX
from edge.portal.routes.uploading import OTHER, PATHS
from schemas.templates import template

_SHOWN = 200  # findings on the page; the marked copy has them all


@get("/uploads/{name:str}", guards=[logged_in], sync_to_thread=False)
def result(request: PortalRequest, portal: ThePortal, name: FromPath[str]) -> Template:
    """What became of an upload."""
    job = _job(request, portal, name)
    context: dict[str, Any] = {
        "job": job,
        "own": template(job.kind),
        "path": PATHS[job.kind],
        "other": template(OTHER[job.kind]),
    }
    if job.answer is not None:
        context |= {"errors": job.answer.errors[:_SHOWN], "warnings": job.answer.warnings[:_SHOWN], "shown": _SHOWN}
    return page(request, portal, "result.html", other_path=PATHS[OTHER[job.kind]], may_mark=job.may_mark, **context)


@get("/uploads/{name:str}/progress", guards=[logged_in], sync_to_thread=False)
def progress(request: PortalRequest, portal: ThePortal, name: FromPath[str]) -> dict[str, Any]:
    """How far an upload is, for the bar."""
    job = _job(request, portal, name)
    return {"stage": job.stage, "percent": job.percent, "accepted": job.accepted, "rows": job.total}


@get("/uploads/{name:str}/marked", guards=[logged_in], sync_to_thread=True)
def marked(request: PortalRequest, portal: ThePortal, name: FromPath[str]) -> Response[bytes]:
    """A copy of a refused workbook with its faults marked, for the session that uploaded it."""
    job, session = _job(request, portal, name), request.auth
    if session is None or job.owner != session.key or job.answer is None or not job.may_mark:
        raise NotFoundException
    try:
        held = job.file.again()
    except ValueError:
        raise NotFoundException from None
    with held:
        content = marked_copy(held.path, job.answer)
    portal.diary.note(session.account, "downloaded a marked copy")
    name = "problems-marked.xlsx"
    return Response(content, media_type=XLSX, headers={"content-disposition": f'attachment; filename="{name}"'})


def _job(request: PortalRequest, portal: Portal, name: str) -> Job:
    job = portal.jobs.find(name, request.auth.account) if request.auth else None
    if job is None:
        raise NotFoundException(detail="The result of this upload is not kept any more. The Summary says what became of it.")
    return job


HANDLERS = (result, progress, marked)
