"""The node's metrics, as ``schemas.metrics`` declares them: by site code, never by anything that came from outside."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edge.node.desk import Closed, Counted
from schemas.metrics import NODE


class Counting(Protocol):
    """What the writer tells of what happens."""

    def count(self, said: Counted | Closed) -> None:
        """An object is done with, or a line is closed."""

    def look(self, settling: Mapping[str, int]) -> None:
        """How many studies are open now, by site."""


class NodeMetrics:
    """Counts for Prometheus."""

    def __init__(self, collectors: Mapping[str, Any], free: Callable[[], int], lines: Callable[[], int]) -> None:
        """Counts in collectors for ``NODE``; asks how many bytes are free and how many lines are open."""
        self._of = {metric.name: collectors[metric.name] for metric in NODE}
        self._free = free
        self._lines = lines

    def count(self, said: Counted | Closed) -> None:
        """An object is done with, or a line is closed."""
        if isinstance(said, Closed):
            if said.reason:
                self._of["nccid_node_associations_refused_total"].labels(said.reason).inc()
            return
        self._of["nccid_node_received_total"].labels(said.site).inc()
        self._of["nccid_node_objects_total"].labels(said.site, said.verdict.value).inc()
        self._of["nccid_node_received_bytes_total"].labels(said.site).inc(said.octets)
        self._of["nccid_node_object_seconds"].labels(said.site).observe(said.seconds)

    def look(self, settling: Mapping[str, int]) -> None:
        """How many studies are open now, by site."""
        for site, count in settling.items():
            self._of["nccid_node_studies_settling"].labels(site).set(count)
        self._of["nccid_node_disk_free_bytes"].set(self._free())
        self._of["nccid_node_associations_open"].set(self._lines())
