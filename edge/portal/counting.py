"""The portal's metrics, as ``schemas.metrics`` declares them: what is done, by site code; never by whom, nor about whom."""

from edge.portal.jobs import Job
from schemas.metrics import PORTAL
from web.metrics import collectors, new_registry, serve_metrics
from web.timing import RequestCounts


class PortalMetrics:
    """Counts for Prometheus; served only where a port is given, apart from the pages."""

    def __init__(self) -> None:
        self._registry = new_registry()
        self._of = collectors(PORTAL, self._registry)
        self.requests = RequestCounts(self._of["nccid_portal_requests_total"], self._of["nccid_portal_request_seconds"])

    def serve(self, host: str, port: int) -> int:
        """Serves ``/metrics``; the port, which the system chose where 0 was asked for."""
        return serve_metrics(self._registry, host, port)

    def uploaded(self, job: Job) -> None:
        """An upload is over."""
        site, outcome = job.account.site, "sent" if job.accepted else "refused" if job.answer else "failed"
        self._of["nccid_portal_uploads_total"].labels(site, job.kind, outcome).inc()
        if job.answer is not None and job.accepted:
            self._of["nccid_portal_rows_total"].labels(site, job.kind).inc(job.answer.rows)

    def asked(self, site: str, numbers: int) -> None:
        """The Checker was asked for so many numbers."""
        self._of["nccid_portal_questions_total"].labels(site).inc()
        self._of["nccid_portal_numbers_total"].labels(site).inc(numbers)

    def login_failed(self, reason: str) -> None:
        """A login failed: ``wrong``, or ``waiting`` after too many that were."""
        self._of["nccid_portal_failed_logins_total"].labels(reason).inc()
