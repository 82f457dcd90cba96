"""The status view: the compacted status topic in memory, by pseudonym, with the coverage of each site counted as it changes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from monitoring.coverage import SiteCoverage
from monitoring.packed import opened, pack, unpack
from monitoring.tally import Tally
from schemas.coverage import CaseReconciled, CasesReconciled, CoverageStatus
from schemas.topics import COVERAGE_STATUS

_WIRE = COVERAGE_STATUS.wire

Many = str | tuple[str, ...]
"""One pseudonym, as nearly always, or several: a tuple for each case would cost a tenth more memory."""


class StatusView:
    """The latest status of every case; fed with the records of ``nccid.coverage-status`` in any number of turns.

    It holds each status packed (``monitoring.packed``) under its patient, and which patients belong to a match and to a person.
    Whole cases are kept only of those whose studies no row has claimed.
    """

    def __init__(self) -> None:
        self.packed: dict[str, bytes] = {}
        self.of_match: dict[str, Many] = {}
        self.unclaimed: dict[str, bytes] = {}
        self._of_person: dict[str, Many] = {}
        self._tallies: dict[str, Tally] = defaultdict(Tally)

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[CoverageStatus]:
        return (unpack(patient, packed) for patient, packed in self.packed.items())

    def apply(self, cases: CasesReconciled) -> set[str]:
        """Takes the newest record of a match in place of the one before; answers the sites that this is about."""
        sites = self.forget(cases.match)
        known = [(each, each.status) for each in cases.cases if each.status is not None]
        for each, status in known:
            self._put(status.patient, pack(each, status))
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

    def restore(self, match: str, patients: Many, packed: Iterable[bytes], unclaimed: bytes | None) -> None:
        """Puts back what a snapshot holds of a match that is not there."""
        self.of_match[match] = patients
        if unclaimed is not None:
            self.unclaimed[match] = unclaimed
        for patient, each in zip(_as_tuple(patients), packed, strict=True):
            self._put(patient, each)

    def patient(self, patient: str) -> CoverageStatus | None:
        """The status of a patient pseudonym."""
        packed = self.packed.get(patient)
        return unpack(patient, packed) if packed is not None else None

    def person(self, person: str) -> list[CoverageStatus]:
        """The statuses of a person pseudonym: one a site and identifier, ordered by site and patient."""
        patients = self._of_person.get(person, ())
        if isinstance(patients, str):
            return [unpack(patients, self.packed[patients])]
        found = [unpack(patient, self.packed[patient]) for patient in patients]
        return sorted(found, key=lambda status: (status.site, status.patient))

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

    def _put(self, patient: str, packed: bytes) -> None:
        if patient in self.packed:  # under another match, where no record of ours has it
            self._take_out(patient)
        case = opened(packed)
        self.packed[patient] = packed
        if case.person is not None:
            self._of_person[case.person] = _with(self._of_person.get(case.person, ()), patient)
        self._tallies[case.site].take(case, 1)

    def _take_out(self, patient: str) -> str:
        case = opened(self.packed.pop(patient))
        self._tallies[case.site].take(case, -1)
        if case.person is not None:
            left = tuple(each for each in _as_tuple(self._of_person.pop(case.person)) if each != patient)
            if left:
                self._of_person[case.person] = _as_many(left)
        return case.site


def _without_row(known: CaseReconciled) -> bool:
    return bool(known.case.studies) and known.status is not None and known.status.data == "none"


def _as_tuple(many: Many) -> tuple[str, ...]:
    return (many,) if isinstance(many, str) else many


def _as_many(patients: Iterable[str]) -> Many:
    several = tuple(patients)
    return several[0] if len(several) == 1 else several


def _with(many: Many, patient: str) -> Many:
    return _as_many((*_as_tuple(many), patient))
