"""Coverage per site: how many cases are in which state, under which flags, and how many studies there are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.coverage import Counts, CoverageStatus

KINDS = ("xray", "ct", "mr")


@dataclass
class SiteCoverage:
    """The coverage of one site, counted in cases; studies of several kinds count once under each."""

    cases: int = 0
    states: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    studies: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(KINDS, 0)))

    def add(self, status: CoverageStatus) -> None:
        """Counts one case."""
        images = status.images
        self.count(status.state, status.flags, {"xray": _all(images.xray), "ct": _all(images.ct), "mr": _all(images.mr)})

    def count(self, state: str, flags: Iterable[str], studies: Mapping[str, int], *, by: int = 1) -> None:
        """Counts one case more, or (by -1) one less."""
        self.cases += by
        _add(self.states, state, by)
        for flag in flags:
            _add(self.flags, flag, by)
        for kind, number in studies.items():
            self.studies[kind] += by * number

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


def _add(counter: Counter[str], name: str, by: int) -> None:
    counter[name] += by
    if not counter[name]:
        del counter[name]
