"""What is known of a person over all sites and numbers, and what that means for each of the person's cases."""

import datetime as dt
from typing import Literal

from schemas.records import Record, Time

PersonFlag = Literal["several-sites", "several-hospital-numbers", "contradicting-results"]


class PersonRow(Record, frozen=True, kw_only=True):
    """The row of one sheet of a case, as far as the person goes."""

    uploaded_at: Time
    upload: str
    row: int
    mine: bool  # the row names this person (a corrected row may name another one)
    result: Literal[0, 1] | None

    @property
    def rank(self) -> tuple[dt.datetime, str, int]:
        """Which row is the later one: the greater rank."""
        return (self.uploaded_at, self.upload, self.row)


class PersonCase(Record, frozen=True, kw_only=True):
    """One case of a person."""

    patient: str
    site: str
    match: str
    key_version: int
    main: PersonRow | None
    status: PersonRow | None
    has_studies: bool
    named_by_images: bool  # the PatientID of its images is the person's own number
    form: str  # of the PACS identifier, as a mask
    withdrawn: bool  # opted out: of no consequence for the other cases


class PersonCaseSeen(Record, frozen=True, kw_only=True, tag="person-case-seen/1"):
    """A case has, or once had, a row or a study that names this person."""

    person: str
    case: PersonCase


class PersonWithdrawn(Record, frozen=True, kw_only=True, tag="person-withdrawn/1"):
    """This person has opted out, at all sites."""

    event: str
    person: str
    withdrawn_at: Time


class PersonReconciled(Record, frozen=True, kw_only=True, tag="person-reconciled/1"):
    """All cases of a person."""

    person: str
    cases: list[PersonCase]
    flags: list[PersonFlag]
    withdrawn_at: Time | None


class Review(Record, frozen=True, kw_only=True):
    """What the person's other cases mean for one case."""

    main_moved: PersonRow | None = None  # this row, and older ones, now stand under another number of the site
    status_moved: PersonRow | None = None
    several: bool = False  # the site has rows of the person under another number too
    counterpart: str | None = None  # the other half lies under another number of the site, of this form
    withdrawn_at: Time | None = None


class CaseReviewed(Record, frozen=True, kw_only=True, tag="case-reviewed/1"):
    """A person's review of one of the cases."""

    match: str
    patient: str
    site: str
    key_version: int
    person: str
    review: Review


PersonEvent = PersonCaseSeen | PersonWithdrawn


def empty_person(person: str) -> PersonReconciled:
    """What is known before anything has arrived."""
    return PersonReconciled(person=person, cases=[], flags=[], withdrawn_at=None)
