"""Figures of several runs: medians, ranges, ratios within a run, percentiles."""

import math
import statistics
from collections.abc import Sequence

Spread = dict[str, float]


def spread(values: Sequence[float], digits: int = 2) -> Spread:
    """Median, least and most."""
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """How many times theirs ours is, run by run: never the fast run of one against the slow run of another."""
    return spread([one / other for one, other in zip(ours, theirs, strict=True)])


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least this share of the values does not exceed (nearest rank).

    Args:
        ordered: the values, least first; at least one.
        share: above 0, up to 1.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
