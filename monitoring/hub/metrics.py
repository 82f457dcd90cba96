"""The hub's metrics: what is counted as requests come, and what is looked up when Prometheus asks."""

from collections import Counter
from typing import Any

from monitoring.hub.hub import Hub
from monitoring.hub.stream import Streams
from schemas.metrics import HUB
from web.metrics import collectors, new_registry, page
from web.timing import RequestCounts


class HubMetrics:
    """One registry for one hub."""

    def __init__(self) -> None:
        self._registry = new_registry()
        self._of: dict[str, Any] = collectors(HUB, self._registry)
        self.requests = RequestCounts(self._of["nccid_hub_requests_total"], self._of["nccid_hub_request_seconds"])
        self._taken = 0

    def page(self, hub: Hub, streams: Streams) -> bytes:
        """The metrics as Prometheus reads them."""
        self._look_at(hub)
        self._of["nccid_hub_streams"].set(streams.count)
        return page(self._registry)

    def _look_at(self, hub: Hub) -> None:
        standing, known = hub.progress.standing, hub.known
        self._of["nccid_hub_ready"].set(standing.condition == "live")
        self._of["nccid_hub_behind_records"].set(standing.behind_records or 0)
        self._of["nccid_hub_behind_seconds"].set(standing.behind_seconds)
        self._of["nccid_hub_messages_total"].inc(hub.progress.taken - self._taken)
        self._taken = hub.progress.taken
        self._of["nccid_hub_foreign_records"].set(known.foreign)
        self._set("nccid_hub_quarantined_records", {(reason,): count for reason, count in known.quarantined.items()})
        alerts = Counter((alert.site, alert.kind) for alert in known.alerting.open.values())
        self._set("nccid_hub_open_alerts", dict(alerts))
        covered = known.view.coverage().items()
        self._set("nccid_hub_cases", {(code, state): n for code, site in covered for state, n in site.states.items()})
        self._set("nccid_hub_flagged_cases", {(code, flag): n for code, site in covered for flag, n in site.flags.items()})
        today = hub.now().date()
        oldest = {code: known.view.tally(code).oldest(today) for code, _ in covered}
        self._set("nccid_hub_oldest_missing_days", {(code, state): n for code in oldest for state, n in oldest[code].items()})

    def _set(self, name: str, values: dict[Any, int]) -> None:
        """A gauge with these values and no others."""
        gauge = self._of[name]
        gauge.clear()
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
