"""Coverage per site: how many cases are in which state, under which flags, and how many studies there are."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.coverage import Counts, CoverageStatus


@dataclass
class SiteCoverage:
    """The coverage of one site, counted in cases; studies of several kinds count once under each."""

    cases: int = 0
    states: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    studies: Counter[str] = field(default_factory=lambda: Counter({"xray": 0, "ct": 0, "mr": 0}))

    def add(self, status: CoverageStatus) -> None:
        """Counts one case."""
        self.cases += 1
        self.states[status.state] += 1
        self.flags.update(status.flags)
        images = status.images
        self.studies.update(xray=_all(images.xray), ct=_all(images.ct), mr=_all(images.mr))

    def as_json(self) -> dict[str, Any]:
        """The form of ``nccid status --json``."""
        return {
            "cases": self.cases,
            "states": dict(sorted(self.states.items())),
            "flags": dict(sorted(self.flags.items())),
            "studies": dict(self.studies),
        }


def coverage(statuses: Iterable[CoverageStatus]) -> dict[str, SiteCoverage]:
    """The coverage by site code, sites in alphabetical order."""
    sites: dict[str, SiteCoverage] = {}
    for status in statuses:
        sites.setdefault(status.site, SiteCoverage()).add(status)
    return dict(sorted(sites.items()))


def _all(counts: Counts) -> int:
    return counts.in_window + counts.out_of_window
