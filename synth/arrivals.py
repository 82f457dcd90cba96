"""What has arrived for each case once all deliveries of a world are in: the first half of the truth.

A case is one identifier at one site: the NHS number where PACS goes by it, else the hospital number. A later row of the same
sheet replaces the earlier one; a study is known by its UID however often it comes.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import permutations

from nhs_number.validate import is_valid

from synth.model import Row, Sending, Study, World
from synth.numbers import digits


@dataclass(slots=True)
class Arrived:
    """All that has arrived for one identifier at one site."""

    site: str
    identifier: str
    main: Row | None = None
    status: Row | None = None
    studies: dict[str, Study] = field(default_factory=dict)  # by StudyInstanceUID
    modalities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # of what was sent of each study
    shared_study: bool = False  # a study came under two PatientIDs
    mismatch: bool = False  # another case has the same digits, and or the same NHS number, and the side that is missing here

    @property
    def row(self) -> Row | None:
        """The row by which the case is judged."""
        return self.main or self.status

    @property
    def person(self) -> str | None:
        """The NHS number of the case: from its rows, or from PatientID where there is no row."""
        if self.row:
            return next((row.nhs_number for row in (self.main, self.status) if row and row.nhs_number), None)
        return self.identifier if is_valid(self.identifier) else None


Cases = dict[tuple[str, str], Arrived]


def arrivals(world: World) -> Cases:
    """Every case of the world by site and identifier."""
    cases: Cases = {}
    for delivery in world.deliveries:
        for row in delivery.rows:
            _take_row(cases, world, row)
        for sending in delivery.sendings:
            _take_study(cases, delivery.site, sending)
    _mark_shared_studies(cases)
    _mark_mismatches(cases, {code for code, site in world.sites.items() if site.pacs_identifier == "hospital"})
    return cases


def _case(cases: Cases, site: str, identifier: str) -> Arrived:
    return cases.setdefault((site, identifier), Arrived(site, identifier))


def _take_row(cases: Cases, world: World, row: Row) -> None:
    site = row.patient.site
    identifier = row.nhs_number if world.sites[site].pacs_identifier == "nhs" else row.hospital_number
    case = _case(cases, site, identifier or "")
    if row.door == "positive":
        case.main = row
    else:
        case.status = row


def _take_study(cases: Cases, site: str, sending: Sending) -> None:
    for instance in sending.instances:
        case = _case(cases, site, instance.patient_id)
        case.studies[sending.study.uid] = sending.study
        case.modalities[sending.study.uid].add(instance.modality)


def _mark_shared_studies(cases: Cases) -> None:
    carriers: dict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for case in cases.values():
        for uid in case.studies:
            carriers[case.site, uid].append(case)
    for together in carriers.values():
        for case in together:
            case.shared_study |= len(together) > 1


def _mark_mismatches(cases: Cases, hospital_sites: set[str]) -> None:
    """The number of one patient written in two ways, or the images of one under the NHS number."""
    alike: dict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for case in cases.values():
        if case.site in hospital_sites:
            alike[case.site, f"digits {digits(case.identifier) or case.identifier}"].append(case)
            alike[case.site, f"person {case.person or case.identifier}"].append(case)
    for group in alike.values():
        for one, other in permutations(group, 2):
            if one.row and not one.studies and other.studies and not other.row:
                one.mismatch = other.mismatch = True
