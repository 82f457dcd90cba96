"""Every metric, declared once. Dashboards and alert rules name only what stands here; ``web.metrics`` makes them count.

Labels hold codes of our own (sites, states, kinds, reasons), never a pseudonym and never anything that came from outside.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus knows it; a counter's name ends in ``_total``, units stand in the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # of a histogram, upper bounds in its unit


METRICS: tuple[Metric, ...] = ()
