"""What an invented world is made of: people, patients of sites, rows, studies, and the deliveries that carry them.

Each value holds what it *means*: the number as it is compared, the date as a date. How it is *written* (spaces, lower case, a
numeric cell) is the patient's ``Hand``, which only the writers of workbooks and images look at.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from schemas.sites import Sites

Door = Literal["positive", "negative", "images", "pacs", "withdraw"]
"""A sheet, a folder of images, images that PACS sends to the node, opt-outs."""
Group = Literal["positive", "negative"]
NhsStyle = Literal["plain", "spaces", "hyphens", "numeric", "no-break-spaces"]
NumberStyle = Literal["plain", "lower", "padded", "numeric", "spaces"]
DateStyle = Literal["cell", "iso", "day-first", "serial"]
DatedBy = Literal["StudyDate", "AcquisitionDate", "ContentDate"]
NumberKind = Literal["nhs", "hospital"]


@dataclass(frozen=True, slots=True)
class Person:
    """A human being who never was."""

    nhs_number: str
    family_name: str
    given_name: str
    sex: Literal["F", "M"]
    birth_date: dt.date
    address: str


@dataclass(frozen=True, slots=True)
class Hand:
    """How those who write about a patient write: the nurse in the sheet, the radiographer in PatientID."""

    nhs: NhsStyle = "plain"
    number: NumberStyle = "plain"
    date: DateStyle = "cell"
    patient_id: NumberStyle = "plain"


@dataclass(frozen=True, slots=True)
class Patient:
    """A person at one site, with what is true of them there."""

    person: Person
    site: str
    hospital_number: str  # as Radiology writes it
    group: Group
    swab_date: dt.date
    hand: Hand = Hand()


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a sheet says of a patient."""

    patient: Patient
    door: Group  # the sheet it stands in
    nhs_number: str | None
    hospital_number: str
    swab_date: dt.date | None
    result: Literal[0, 1] | None  # of the status sheet; None there is a blank cell, which is read as 0


@dataclass(frozen=True, slots=True)
class Instance:
    """One image."""

    uid: str
    series: str
    number: int
    modality: str
    patient: Patient
    patient_id: str  # as it is compared


@dataclass(frozen=True, slots=True)
class Study:
    """All images of one examination, whether or not they are sent together."""

    uid: str
    accession: str
    date: dt.date | None
    dated_by: DatedBy  # the first of the three date attributes that is filled in
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Sending:
    """The images of a study that go in one delivery."""

    study: Study
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A patient opts out, by one of the two numbers."""

    patient: Patient
    by: NumberKind

    @property
    def number(self) -> str:
        """The number as it is compared."""
        return self.patient.person.nhs_number if self.by == "nhs" else self.patient.hospital_number


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a site gives in at one door at one time."""

    site: str
    at: float  # share of the play time, 0 to 1
    door: Door
    rows: tuple[Row, ...] = ()
    sendings: tuple[Sending, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    repeats: int | None = None  # the delivery whose very file this is, counted from 0


@dataclass(frozen=True, slots=True)
class World:
    """Everything: who there is, and who sends what in which order."""

    seed: int
    today: dt.date  # the day of every upload
    sites: Sites
    people: tuple[Person, ...]
    patients: tuple[Patient, ...]
    deliveries: tuple[Delivery, ...]
    strangers: tuple[str, ...]  # valid NHS numbers of nobody here
    impatient: tuple[str, ...] = ()  # sites whose deadlines pass at once (``synth.deadlines``); elsewhere none ever does
