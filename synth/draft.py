"""A world while it is being made: who there is, and what goes to which door of a site at which turn.

Each door of each site is used in ``turns``, numbered from 0; what lands in the same turn goes in one delivery. Within a turn the
negative sheet goes first, then the positive one, then the images, those that PACS sends,
and last of all the opt-outs.
"""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from schemas.sites import Site, Sites
from synth.hands import any_hand
from synth.model import Door, Group, Hand, NumberKind, Patient, Person, Row, Sending, Study, Withdrawal
from synth.numbers import hospital_numbers, nhs_numbers
from synth.people import person_with
from synth.studies import Room

Order = Literal["rows first", "images first", "together"]

_ORDERS: tuple[Order, ...] = ("rows first", "rows first", "images first", "together")
_GROUPS: tuple[Group, ...] = ("positive", "negative", "negative")


@dataclass(slots=True)
class Draft:
    """Who there is so far, and what is to be sent at which turn."""

    rng: random.Random
    sites: Sites
    today: dt.date
    turns: int
    people: list[Person] = field(default_factory=list)
    patients: list[Patient] = field(default_factory=list)
    plain: list[Patient] = field(default_factory=list)  # nothing befell them
    rows: dict[tuple[str, Door, int], dict[Patient, Row]] = field(default_factory=lambda: defaultdict(dict))
    misfits: list[Row] = field(default_factory=list)  # to be placed when all other rows are
    sendings: dict[tuple[str, int], list[Sending]] = field(default_factory=lambda: defaultdict(list))
    from_pacs: dict[tuple[str, int], list[Sending]] = field(default_factory=lambda: defaultdict(list))
    withdrawals: dict[tuple[str, int], list[Withdrawal]] = field(default_factory=lambda: defaultdict(list))
    room: Room = field(init=False)
    nhs_numbers: Iterator[str] = field(init=False)
    hospital_numbers: dict[str, Iterator[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.room = Room(self.rng)
        self.nhs_numbers = nhs_numbers(self.rng)
        self.hospital_numbers = {
            code: hospital_numbers(self.rng, site.hospital_number_pattern) for code, site in self.sites.items()
        }

    @property
    def cumulative_site(self) -> str:
        """The site whose main sheet holds all its patients each time."""
        return list(self.sites)[1 % len(self.sites)]

    def person(self, site: Site, age: int | None = None) -> Person:
        """A new person, of an age that the site treats unless one is given."""
        self.people.append(person_with(next(self.nhs_numbers), self.rng, site, self.today, age))
        return self.people[-1]

    def patient(
        self,
        site: Site,
        group: Group | None = None,
        swab_date: dt.date | None = None,
        hand: Hand | None = None,
        person: Person | None = None,
        number_starts: str | tuple[str, ...] = "",
    ) -> Patient:
        """A patient new at the site: a new person unless one is given, everything else as chance will have it."""
        numbers = self.hospital_numbers[site.code]
        patient = Patient(
            person or self.person(site),
            site.code,
            next(number for number in numbers if number.startswith(number_starts)),
            self.rng.choice(_GROUPS) if group is None else group,
            swab_date or self.today - dt.timedelta(days=self.rng.randint(14, 400)),
            hand or any_hand(self.rng),
        )
        self.patients.append(patient)
        return patient

    def another_number(self, patient: Patient) -> str:
        """A hospital number of the site that nobody has."""
        return next(self.hospital_numbers[patient.site])

    def under_another_number(self, patient: Patient) -> Patient:
        """The same patient once more, under another hospital number of the site."""
        self.patients.append(replace(patient, hospital_number=self.another_number(patient)))
        return self.patients[-1]

    def order(self, order: Order | None = None) -> tuple[int, int]:
        """The turns of a patient's row and of the images, in that order or as chance will have it."""
        early, late = self.two_turns()
        match order or self.rng.choice(_ORDERS):
            case "rows first":
                return early, late
            case "images first":
                return late, early
            case _:
                return early, early

    def two_turns(self, earliest: int = 0) -> tuple[int, int]:
        """Two turns from the earliest on, the earlier one first."""
        early = self.rng.randrange(earliest, self.turns - 1)
        return early, self.rng.randrange(early + 1, self.turns)

    def put(self, row: Row, turn: int) -> None:
        """The row stands in its sheet of that turn."""
        self.rows[row.patient.site, row.door, turn][row.patient] = row

    def send(self, study: Study, turn: int, images: slice = slice(None)) -> None:
        """The study, or some of its images, goes out at that turn."""
        site = study.instances[0].patient.site
        self.sendings[site, turn].append(Sending(study, study.instances[images]))

    def send_from_pacs(self, study: Study) -> None:
        """PACS sends the study to the node at the last turn: nobody can know whether more of it is to come."""
        self.from_pacs[study.instances[0].patient.site, self.turns - 1].append(Sending(study, study.instances))

    def opt_out(self, patient: Patient, by: NumberKind, turn: int) -> None:
        """The patient opts out when all else of that turn is given in."""
        self.withdrawals[patient.site, turn].append(Withdrawal(patient, by))

    def pacs_id(self, patient: Patient) -> str:
        """What PatientID is at the patient's site."""
        by_nhs = self.sites[patient.site].pacs_identifier == "nhs"
        return patient.person.nhs_number if by_nhs else patient.hospital_number

    def misfit(self, site: Site, hand: Hand | None = None, number_starts: str | tuple[str, ...] = "") -> Patient:
        """A patient whose row will not fit the site's form: not for a sheet where such rows gather until it is refused."""
        group: Group | None = "negative" if site.code == self.cumulative_site else None
        return self.patient(site, group, hand=hand, number_starts=number_starts)

    def place_misfits(self) -> None:
        """The rows that do not fit their site's form: none in a sheet twice before all have one, then by share of the sheet."""
        there: Counter[tuple[str, Group, int]] = Counter()
        for row in self.misfits:
            sheets = [(row.patient.site, row.door, turn) for turn in range(self.turns)]
            best = min(sheets, key=lambda sheet: (there[sheet] > 0, (there[sheet] + 1) / (len(self.rows[sheet]) + 1)))
            there[best] += 1
            self.put(row, best[2])


def row_of(patient: Patient) -> Row:
    """The row that a nurse without a slip writes: main sheet for positives, status sheet with a 0 for negatives."""
    result: Literal[0] | None = None if patient.group == "positive" else 0
    return Row(patient, patient.group, patient.person.nhs_number, patient.hospital_number, patient.swab_date, result)
