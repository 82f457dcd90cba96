"""Metrics that count: collectors made from what ``schemas.metrics`` declares, and a page that Prometheus can scrape."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from schemas.metrics import Metric

Collector = Counter | Gauge | Histogram

PAGE_TYPE = CONTENT_TYPE_LATEST
"""The media type of a page of metrics."""


def collectors(metrics: Iterable[Metric], registry: CollectorRegistry) -> dict[str, Any]:
    """One collector for each metric, by its name, in this registry."""
    return {metric.name: _made(metric, registry) for metric in metrics}


def _made(metric: Metric, registry: CollectorRegistry) -> Collector:
    match metric.kind:
        case "counter":
            return Counter(metric.name, metric.help, metric.labels, registry=registry)
        case "gauge":
            return Gauge(metric.name, metric.help, metric.labels, registry=registry)
        case "histogram":
            return Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry)


class Durations:
    """A histogram of seconds under one label, made for a great many at a time: plain numbers here, Prometheus's when it asks."""

    def __init__(self, metric: Metric, registry: CollectorRegistry) -> None:
        self._metric = metric
        self._counts: dict[str, list[int]] = {}  # by label, how many lie in each bucket; the last is without end
        self._sums: dict[str, float] = {}
        registry.register(self)

    def observe(self, label: str, seconds: Iterable[float]) -> None:
        """So long each took."""
        bounds, total = self._metric.buckets, 0.0
        counts = self._counts.setdefault(label, [0] * (len(bounds) + 1))
        for each in seconds:
            counts[bisect_left(bounds, each)] += 1
            total += each
        self._sums[label] = self._sums.get(label, 0.0) + total

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """As Prometheus reads it."""
        metric = self._metric
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        ends = [*map(floatToGoString, metric.buckets), "+Inf"]
        for label, total in list(self._sums.items()):
            family.add_metric([label], list(zip(ends, accumulate(self._counts[label]), strict=True)), total)
        return [family]


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> int:
    """Serves ``/metrics`` in a thread of its own.

    Returns:
        The port, which the system chose where 0 was asked for.
    """
    server, _ = start_http_server(port, addr=host, registry=registry)
    return int(server.server_port)


def new_registry() -> CollectorRegistry:
    """A registry with nothing in it."""
    return CollectorRegistry(auto_describe=True)


def page(registry: CollectorRegistry) -> bytes:
    """What a registry counts now, as Prometheus reads it; for programs that serve ``/metrics`` among other pages."""
    return generate_latest(registry)
