"""Metrics that count: collectors made from what ``schemas.metrics`` declares, and a page that Prometheus can scrape."""

from collections.abc import Iterable
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
