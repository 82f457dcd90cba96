"""What has arrived for each case once all deliveries of a world are in: the first half of the truth.

A case is one identifier at one site: the NHS number where PACS goes by it, else the hospital number. A later row of the same
sheet replaces the earlier one; a study is known by its UID however often it comes. Of those who have opted out nothing is left
but that.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import permutations

from nhs_number.validate import is_valid

from synth.model import Group, Row, Sending, Study, World
from synth.numbers import digits
from synth.opted_out import OptedOut, Place, opted_out, place_of


@dataclass(slots=True)
class Arrived:
    """All that has arrived for one identifier at one site."""

    site: str
    identifier: str
    rows: dict[Group, Row] = field(default_factory=dict)  # by sheet
    uploads: dict[Group, int] = field(default_factory=dict)  # by sheet: the delivery in which its row came, counted from 0
    studies: dict[str, Study] = field(default_factory=dict)  # by StudyInstanceUID
    modalities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # of what was sent of each study
    arriving: bool = False  # PACS has sent images of it just now, and may send more
    named: set[str] = field(default_factory=set)  # NHS numbers that any row or image has ever brought
    shared_study: bool = False  # a study came under two PatientIDs
    mismatch: bool = False  # another case has the same digits, and or the same NHS number, and the side that is missing here
    several: bool = False  # another case of the site has a row of the same person
    withdrawn: bool = False

    @property
    def main(self) -> Row | None:
        """The row of the main sheet."""
        return self.rows.get("positive")

    @property
    def status(self) -> Row | None:
        """The row of the status sheet."""
        return self.rows.get("negative")

    @property
    def row(self) -> Row | None:
        """The row by which the case is judged."""
        return self.main or self.status

    @property
    def person(self) -> str | None:
        """The NHS number of the case: from its rows, or from PatientID where there is no row; of whoever opted out, any."""
        if self.withdrawn:
            return min(self.named, default=None)
        if self.row:
            return next((row.nhs_number for row in (self.main, self.status) if row and row.nhs_number), None)
        return self.identifier if is_valid(self.identifier) else None

    @property
    def is_gone(self) -> bool:
        """Nothing is left: all it had were rows that now stand under another number."""
        return not (self.rows or self.studies or self.withdrawn)

    def opt_out(self) -> None:
        """Nothing is kept but that."""
        self.rows, self.studies, self.withdrawn = {}, {}, True


Cases = dict[Place, Arrived]


def arrivals(world: World) -> Cases:
    """Every case of the world by site and identifier."""
    cases: Cases = {}
    for upload, delivery in enumerate(world.deliveries):
        for row in delivery.rows:
            _take_row(_case(cases, place_of(world, row)), row, upload)
        for sending in delivery.sendings:
            _take_study(cases, delivery.site, sending, from_pacs=delivery.door == "pacs")
    _mark_shared_studies(cases)
    _opt_out(cases, opted_out(world))
    hospital_sites = {code for code, site in world.sites.items() if site.pacs_identifier == "hospital"}
    of_people = _by_person([case for case in cases.values() if case.site in hospital_sites])
    for (_, person), together in of_people.items():
        _move_rows(together, person)
        _mark_several(together, person)
    left = {place: case for place, case in cases.items() if not case.is_gone}
    _mark_mismatches(left, hospital_sites)
    return left


def _case(cases: Cases, place: Place) -> Arrived:
    return cases.setdefault(place, Arrived(*place))


def _take_row(case: Arrived, row: Row, upload: int) -> None:
    case.rows[row.door], case.uploads[row.door] = row, upload
    case.named |= {row.nhs_number} if row.nhs_number else set()


def _take_study(cases: Cases, site: str, sending: Sending, *, from_pacs: bool) -> None:
    for instance in sending.instances:
        case = _case(cases, (site, instance.patient_id))
        case.studies[sending.study.uid] = sending.study
        case.modalities[sending.study.uid].add(instance.modality)
        case.arriving = case.arriving or from_pacs
        case.named |= {case.identifier} if is_valid(case.identifier) else set()


def _opt_out(cases: Cases, out: OptedOut) -> None:
    """The identifiers that opted out, heard of otherwise or not, and whatever has named a person who did."""
    for place in out.places:
        _case(cases, place)
    for place, case in cases.items():
        if place in out.places or case.named & out.people:
            case.opt_out()


def _by_person(cases: list[Arrived]) -> dict[tuple[str, str], list[Arrived]]:
    """The cases with rows of the same person at the same site."""
    found: dict[tuple[str, str], list[Arrived]] = defaultdict(list)
    for case in cases:
        for number in {row.nhs_number for row in case.rows.values() if row.nhs_number}:
            found[case.site, number].append(case)
    return found


def _move_rows(together: list[Arrived], person: str) -> None:
    """Of a person's rows in one sheet, under several numbers, only those of the latest upload stay."""
    sheets: tuple[Group, ...] = ("positive", "negative")
    for sheet in sheets:
        with_row = [case for case in together if sheet in case.rows and case.rows[sheet].nhs_number == person]
        latest = max((case.uploads[sheet] for case in with_row), default=0)
        for case in with_row:
            if case.uploads[sheet] < latest:
                del case.rows[sheet]


def _mark_several(together: list[Arrived], person: str) -> None:
    with_row = [case for case in together if any(row.nhs_number == person for row in case.rows.values())]
    for case in with_row:
        case.several |= len(with_row) > 1


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
        if case.site in hospital_sites and not case.withdrawn:
            alike[case.site, f"digits {digits(case.identifier) or case.identifier}"].append(case)
            alike[case.site, f"person {case.person or case.identifier}"].append(case)
    for group in alike.values():
        for one, other in permutations(group, 2):
            if one.row and not one.studies and other.studies and not other.row:
                one.mismatch = other.mismatch = True
