"""The status view: the compacted status topic in memory, by pseudonym, with the coverage of each site counted as it changes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from monitoring.coverage import SiteCoverage
from monitoring.packed import Packed, pack, unpack
from monitoring.tally import Tally
from schemas.coverage import CaseReconciled, CasesReconciled, CoverageStatus
from schemas.topics import COVERAGE_STATUS

_WIRE = COVERAGE_STATUS.wire

T = TypeVar("T")

Many = str | tuple[str, ...]
"""One pseudonym, as nearly always, or several: a tuple for each case would cost a tenth more memory."""


class StatusView:
    """The latest status of every case; fed with the records of ``nccid.coverage-status`` in any number of turns.

    It holds each status packed (``monitoring.packed``) under its patient and its person, and which patients belong to a match.
    Whole cases are kept only of those whose studies no row has claimed.
    """

    def __init__(self) -> None:
        self.packed: dict[str, Packed] = {}
        self.of_match: dict[str, Many] = {}
        self.unclaimed: dict[str, bytes] = {}
        self._of_person: dict[str, Packed | tuple[Packed, ...]] = {}
        self._tallies: dict[str, Tally] = defaultdict(Tally)

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[CoverageStatus]:
        return map(unpack, self.packed.values())

    def apply(self, cases: CasesReconciled) -> set[str]:
        """Takes the newest record of a match in place of the one before; answers the sites that this is about."""
        sites = self.forget(cases.match)
        known = [(each, each.status) for each in cases.cases if each.status is not None]
        for each, status in known:
            self._put(pack(each, status))
            sites.add(status.site)
        if known:
            self.of_match[cases.match] = _as_many(status.patient for _, status in known)
        if any(_without_row(each) for each in cases.cases):
            self.unclaimed[cases.match] = _WIRE.encode(cases)
        return sites

    def forget(self, match: str) -> set[str]:
        """Lets go of a match, as when its record was deleted; answers the sites that this is about."""
        self.unclaimed.pop(match, None)
        return {self._take_out(patient) for patient in _as_tuple(self.of_match.pop(match, ())) if patient in self.packed}

    def restore(self, match: str, packed: Iterable[Packed], unclaimed: bytes | None) -> None:
        """Puts back what a snapshot holds of a match that is not there."""
        several = tuple(packed)
        self.of_match[match] = _as_many(each.patient for each in several)
        if unclaimed is not None:
            self.unclaimed[match] = unclaimed
        for each in several:
            self._put(each)

    def patient(self, patient: str) -> CoverageStatus | None:
        """The status of a patient pseudonym."""
        packed = self.packed.get(patient)
        return unpack(packed) if packed is not None else None

    def person(self, person: str) -> list[CoverageStatus]:
        """The statuses of a person pseudonym: one a site and identifier, ordered by site and patient."""
        return [unpack(packed) for packed in self._sorted(person)]

    def person_json(self, person: str) -> str:
        """The same as a list in JSON."""
        packed = self._of_person.get(person)
        if isinstance(packed, Packed):
            return f"[{packed.json()}]"
        return f"[{','.join(each.json() for each in self._sorted(person))}]"

    def _sorted(self, person: str) -> list[Packed]:
        return sorted(_as_tuple(self._of_person.get(person, ())), key=lambda packed: (packed.alike.site, packed.patient))

    def coverage(self) -> dict[str, SiteCoverage]:
        """The coverage by site code, sites in alphabetical order; those without a case left out."""
        return {code: tally.counted for code, tally in sorted(self._tallies.items()) if tally.counted.cases}

    def tally(self, site: str) -> Tally:
        """What is counted of a site."""
        return self._tallies.get(site, Tally())

    def studies_without_row(self, site: str) -> Iterator[CasesReconciled]:
        """A site's cases with studies that no row has claimed; with the match, which tells a row of the same digits."""
        for payload in self.unclaimed.values():
            known = _WIRE.decode(payload)
            cases = [each for each in known.cases if each.case.site == site and _without_row(each)]
            if cases:
                yield CasesReconciled(match=known.match, cases=cases)

    def _put(self, packed: Packed) -> None:
        if packed.patient in self.packed:  # under another match, where no record of ours has it
            self._take_out(packed.patient)
        self.packed[packed.patient] = packed
        if packed.person is not None:
            self._of_person[packed.person] = _as_many((*_as_tuple(self._of_person.get(packed.person, ())), packed))
        self._tallies[packed.alike.site].take(packed, 1)

    def _take_out(self, patient: str) -> str:
        packed = self.packed.pop(patient)
        self._tallies[packed.alike.site].take(packed, -1)
        if packed.person is not None:
            left = tuple(each for each in _as_tuple(self._of_person.pop(packed.person)) if each is not packed)
            if left:
                self._of_person[packed.person] = _as_many(left)
        return packed.alike.site


def _without_row(known: CaseReconciled) -> bool:
    return bool(known.case.studies) and known.status is not None and known.status.data == "none"


def _as_tuple(many: T | tuple[T, ...]) -> tuple[T, ...]:
    return many if isinstance(many, tuple) else (many,)


def _as_many(each: Iterable[T]) -> T | tuple[T, ...]:
    several = tuple(each)
    return several[0] if len(several) == 1 else several
