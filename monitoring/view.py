"""The status view: the compacted status topic in memory, by pseudonym."""

from collections import defaultdict
from collections.abc import Iterator

from schemas.coverage import CaseReconciled, CasesReconciled, CoverageStatus


class StatusView:
    """The latest status of every case; fed with the records of ``nccid.coverage-status`` in any number of turns."""

    def __init__(self) -> None:
        self._by_match: dict[str, CasesReconciled] = {}
        self._matches_of_person: dict[str, set[str]] = defaultdict(set)
        self._match_of_patient: dict[str, str] = {}

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[CoverageStatus]:
        return (status for match in self._by_match for status in self._statuses(match))

    def apply(self, cases: CasesReconciled) -> None:
        """Takes the newest record of a match in place of the one before."""
        self._forget(cases.match)
        self._by_match[cases.match] = cases
        for status in self._statuses(cases.match):
            self._match_of_patient[status.patient] = cases.match
            if status.person is not None:
                self._matches_of_person[status.person].add(cases.match)

    def patient(self, patient: str) -> CoverageStatus | None:
        """The status of a patient pseudonym."""
        match = self._match_of_patient.get(patient)
        return next((status for status in self._statuses(match) if status.patient == patient), None)

    def person(self, person: str) -> list[CoverageStatus]:
        """The statuses of a person pseudonym: one a site and identifier, ordered by site and patient."""
        found = [status for match in self._matches_of_person.get(person, ()) for status in self._statuses(match)]
        return sorted((status for status in found if status.person == person), key=lambda status: (status.site, status.patient))

    def studies_without_row(self, site: str) -> Iterator[CasesReconciled]:
        """A site's cases with studies that no row has claimed; with the match, which tells a row of the same digits."""
        for known in self._by_match.values():
            cases = [each for each in known.cases if each.case.site == site and _without_row(each)]
            if cases:
                yield CasesReconciled(match=known.match, cases=cases)

    def _statuses(self, match: str | None) -> list[CoverageStatus]:
        cases = self._by_match.get(match) if match is not None else None
        return [known.status for known in cases.cases if known.status is not None] if cases else []

    def _forget(self, match: str) -> None:
        for status in self._statuses(match):
            self._match_of_patient.pop(status.patient, None)
            if status.person is not None:
                self._matches_of_person[status.person].discard(match)


def _without_row(known: CaseReconciled) -> bool:
    return bool(known.case.studies) and known.status is not None and known.status.data == "none"
