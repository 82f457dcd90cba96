"""The oracle: what is known, worked out anew from everything that ever arrived, each line a sentence of the design.

Slow and obvious on purpose: plain lists, numbers in clear, nothing folded and nothing kept. It imports nothing of the program.
Where it and the program differ, one of them does not do what the design says.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NHS_SITES = {"NTHV"}
NHS_NUMBERS = {"9994621785", "9995451018", "9995181630", "9995202697"}
WEEK = dt.timedelta(days=7)
GRACE = {"PENM": (dt.timedelta(days=2), dt.timedelta(days=3))}
"""Site -> grace for images and for the spreadsheet, where they are not a week each."""
KINDS = {"CR": "xray", "DX": "xray", "CT": "ct", "MR": "mr"}


@dataclass(frozen=True)
class Row:
    """A row of an uploaded sheet."""

    site: str
    kind: str
    nhs: str | None
    number: str
    at: dt.datetime
    upload: str
    line: int
    swab: dt.date | None
    result: int | None

    @property
    def rank(self) -> tuple[dt.datetime, str, int]:
        """The last writer wins, by upload time, then upload id, then row."""
        return (self.at, self.upload, self.line)


@dataclass(frozen=True)
class Study:
    """A report of a study."""

    site: str
    number: str
    study: str
    at: dt.datetime
    dated: dt.date | None
    images: tuple[tuple[str, int], ...]
    patient_ids: int
    settled: bool


@dataclass(frozen=True)
class OptOut:
    """A person, or the patient of a site, who opted out; both are given where the site knew both."""

    at: dt.datetime
    nhs: str | None
    site: str | None = None
    number: str | None = None


Event = Row | Study | OptOut
Place = tuple[str, str]
"""A patient at a site: the site, and the number by which its PACS knows the patient."""


@dataclass(frozen=True)
class Known:
    """What is known of one patient at one site."""

    state: str
    group: str
    flags: frozenset[str]
    data: str
    images: dict[str, tuple[int, int]]  # kind -> studies inside and outside the window
    people: frozenset[str | None]  # whose case it may be said to be: one, save for a withdrawn case that has named several
    deadline: dt.datetime | None
    since: dt.datetime


def place(site: str, number: str) -> Place:
    """Letter case is ignored; an NHS number is its ten digits where PACS goes by it."""
    digits = number.replace(" ", "")
    return (site, digits if site in NHS_SITES and digits in NHS_NUMBERS else number.upper())


def row_place(row: Row) -> Place:
    """At sites whose PACS uses NHS numbers it is made from the NHS number."""
    return place(row.site, row.nhs or "" if row.site in NHS_SITES else row.number)


class Coverage:
    """Everything that is known when all of this has arrived and the clock says ``now``."""

    def __init__(self, arrived: Sequence[Event], now: dt.datetime) -> None:
        self.now = now
        self.rows = [event for event in arrived if isinstance(event, Row)]
        self.studies = [event for event in arrived if isinstance(event, Study)]
        self.opted_out = [event for event in arrived if isinstance(event, OptOut)]

    def known(self) -> dict[Place, Known]:
        """Every case that there is; one that is left with nothing is gone."""
        found = {where: self.case(where) for where in self.places()}
        return {where: known for where, known in found.items() if known is not None}

    def places(self) -> set[Place]:
        """Wherever anything has arrived."""
        by_patient = {place(each.site, each.number) for each in self.opted_out if each.site and each.number}
        return {row_place(row) for row in self.rows} | {place(each.site, each.number) for each in self.studies} | by_patient

    # --- who it is ---------------------------------------------------------------------------------------------------

    def named(self, where: Place) -> set[str]:
        """Everybody whom a row, a PatientID or an opt-out of the case has ever named."""
        from_rows: set[str | None] = {row.nhs for row in self.rows if row_place(row) == where}
        told: set[str | None] = {
            each.nhs for each in self.opted_out if each.site and each.number and place(each.site, each.number) == where
        }
        return {person for person in from_rows | told | {self.person_of_images(where)} if person}

    def person_of_images(self, where: Place) -> str | None:
        """The PatientID, where it is an NHS number and images have come under it."""
        digits = where[1].replace(" ", "")
        has_images = any(place(study.site, study.number) == where for study in self.studies)
        return digits if has_images and digits in NHS_NUMBERS else None

    def person(self, where: Place) -> str | None:
        """By the main row, else by the status row; of a case without a row by the PatientID."""
        rows = [self.standing(where, "positive"), self.standing(where, "negative")]
        people = [row.nhs for row in rows if row is not None and row.nhs is not None]
        return people[0] if people else (self.person_of_images(where) if not self.withdrawn(where) else None)

    # --- who opted out -----------------------------------------------------------------------------------------------

    def withdrawals(self, where: Place) -> list[OptOut]:
        """Of the patient, or of anybody whom the case has ever named."""
        of_patient = [each for each in self.opted_out if each.site and each.number and place(each.site, each.number) == where]
        of_person = [each for each in self.opted_out if not each.number and each.nhs in self.named(where)]
        return of_patient + of_person

    def withdrawn(self, where: Place) -> bool:
        """Nothing else is kept then."""
        return bool(self.withdrawals(where))

    # --- rows --------------------------------------------------------------------------------------------------------

    def rows_of(self, where: Place, kind: str) -> list[Row]:
        """All rows of the case that ever were in this sheet."""
        return [row for row in self.rows if row_place(row) == where and row.kind == kind and not self.withdrawn(where)]

    def latest(self, where: Place, kind: str) -> Row | None:
        """The latest row of the case in this sheet."""
        return max(self.rows_of(where, kind), key=lambda row: row.rank, default=None)

    def standing(self, where: Place, kind: str) -> Row | None:
        """The latest row, unless a later upload of the site carries the same NHS number under another number."""
        row = self.latest(where, kind)
        if row is None or row.nhs is None:
            return row
        others = [self.latest(each, kind) for each in self.places() if each[0] == where[0] and each != where]
        later = [each for each in others if each and each.nhs == row.nhs and each.rank > row.rank and each.upload != row.upload]
        return None if later else row

    def has_row(self, where: Place, person: str | None = None) -> bool:
        """A row stands there; of this person, if one is given."""
        rows = [self.standing(where, "positive"), self.standing(where, "negative")]
        return any(row is not None and (person is None or row.nhs == person) for row in rows)

    # --- studies -----------------------------------------------------------------------------------------------------

    def studies_of(self, where: Place) -> list[list[Study]]:
        """The reports of each study of the case, the latest one last."""
        reports = [study for study in self.studies if place(study.site, study.number) == where and not self.withdrawn(where)]
        names = sorted({study.study for study in reports})
        return [sorted((each for each in reports if each.study == name), key=lambda study: study.at) for name in names]

    def inside(self, study: list[Study], main: Row | None, status: Row | None) -> bool:
        """Positive: from three calendar years before the swab; negative: 28 days either side; both ends are inside."""
        dated = study[-1].dated
        row = main or status
        if dated is None:
            return False
        if row is None:
            return True
        swab = row.swab or row.at.date()
        if row.kind == "positive" or row.result == 1:
            leap = (swab.month, swab.day) == (2, 29) and (swab.year - 3) % 4 != 0
            return dated >= swab.replace(year=swab.year - 3, day=28 if leap else swab.day)
        return abs(dated - swab) <= dt.timedelta(days=28)

    # --- the case ----------------------------------------------------------------------------------------------------

    def case(self, where: Place) -> Known | None:
        """What is known of one patient at one site."""
        if self.withdrawn(where):
            return self.withdrawn_case(where)
        main, status = self.standing(where, "positive"), self.standing(where, "negative")
        studies = self.studies_of(where)
        if not (main or status or studies):
            return None
        state, since, deadline = self.state(where, main, status, studies)
        return Known(
            state=state,
            group="positive" if main or (status and status.result == 1) else "negative" if status else "unknown",
            flags=frozenset(self.flags(where, main, status, studies)),
            data="both" if main and status else "main" if main else "status" if status else "none",
            images={kind: self.counts(kind, main, status, studies) for kind in ("xray", "ct", "mr", "other")},
            people=frozenset({self.person(where)}),
            deadline=deadline,
            since=since,
        )

    def withdrawn_case(self, where: Place) -> Known:
        """Nothing but that the patient opted out, and who it is."""
        named = self.named(where)
        who: set[str | None] = {each.nhs for each in self.opted_out if not each.number and each.nhs in named}
        who = who or {*named} or {None}
        nothing = dict.fromkeys(("xray", "ct", "mr", "other"), (0, 0))
        since = min(each.at for each in self.withdrawals(where))
        return Known("withdrawn", "unknown", frozenset(), "none", nothing, frozenset(who), None, since)

    def state(
        self, where: Place, main: Row | None, status: Row | None, studies: list[list[Study]]
    ) -> tuple[str, dt.datetime, dt.datetime | None]:
        """The state, since when, and until when the missing half may come."""
        for_images, for_spreadsheet = GRACE.get(where[0], (WEEK, WEEK))
        usable = [row for row in (main, status) if row is not None and (row.kind == "positive" or row.result == 0)]
        came = [min(each.at for each in self.rows_of(where, row.kind)) for row in usable]
        if not usable:
            announced = [min(each.at for each in self.rows_of(where, "negative"))] if status else []
            first = min([study.at for reports in studies for study in reports] + announced)
            return self.waiting("spreadsheet", first, first + for_spreadsheet)
        chest = [each for each in studies if self.inside(each, main, status) and kinds(each) & {"xray", "ct"}]
        if chest:
            return "complete", max(min(came), min(reports[0].at for reports in chest)), None
        return self.waiting("images", min(came), min(came) + for_images)

    def waiting(self, half: str, since: dt.datetime, deadline: dt.datetime) -> tuple[str, dt.datetime, dt.datetime]:
        """Before and after the deadline."""
        return (f"{half}-missing", deadline, deadline) if self.now >= deadline else (f"awaiting-{half}", since, deadline)

    def counts(self, kind: str, main: Row | None, status: Row | None, studies: list[list[Study]]) -> tuple[int, int]:
        """Images are counted in studies; a study of several modalities counts once under each."""
        where = [self.inside(study, main, status) for study in studies if kind in kinds(study)]
        return (where.count(True), where.count(False))

    def flags(  # noqa: C901  # one question after the other
        self, where: Place, main: Row | None, status: Row | None, studies: list[list[Study]]
    ) -> Iterable[str]:
        """Each beside the state."""
        rows = [row for row in (main, status) if row is not None]
        if main and status:
            yield "in-both-spreadsheets"
        if status and status.result == 1:
            yield "positive-in-status-sheet"
        if any(not self.inside(study, main, status) for study in studies):
            yield "images-outside-window"
        if any("other" in kinds(study) for study in studies):
            yield "unexpected-modality"
        if rows and all(row.nhs is None for row in rows):
            yield "no-nhs-number"
        if any(not study[-1].settled for study in studies):
            yield "images-still-arriving"
        if any(report.patient_ids > 1 for study in studies for report in study):
            yield "several-patient-ids-in-study"
        if any(study[-1].dated is None for study in studies):
            yield "study-undated"
        if self.has_several_numbers(where):
            yield "several-hospital-numbers"
        if self.is_mismatched(where):
            yield "probable-id-mismatch"

    def has_several_numbers(self, where: Place) -> bool:
        """The site has rows of the person under another number too."""
        person = self.person(where)
        if person is None or not self.has_row(where, person):
            return False
        return any(each != where and each[0] == where[0] and self.has_row(each, person) for each in self.places())

    def is_mismatched(self, where: Place) -> bool:
        """Complementary sides: the same digits written differently, or an NHS number as PatientID beside the person's row."""
        if where[0] in NHS_SITES:
            return False
        others = [each for each in self.places() if each[0] == where[0] and each != where]
        alike = [each for each in others if digits(each) == digits(where)]
        if any(self.has_row(one) and self.images_alone(other) for one, other in pairs(where, alike) if self.rows_alone(one)):
            return True
        person = self.person(where)
        same = [each for each in others if person is not None and self.person(each) == person]
        return any(self.rows_alone(one) and self.images_alone(other) for one, other in pairs(where, same))

    def rows_alone(self, where: Place) -> bool:
        """A row without images."""
        return self.has_row(where) and not self.studies_of(where)

    def images_alone(self, where: Place) -> bool:
        """Images without a row."""
        return bool(self.studies_of(where)) and not self.has_row(where)

    # --- people ------------------------------------------------------------------------------------------------------

    def flags_of(self, person: str) -> set[str]:
        """What is to be said of a person over all cases."""
        if any(not each.number and each.nhs == person for each in self.opted_out):
            return set()
        theirs = [each for each in self.places() if self.has_row(each, person) or (self.person(each) == person)]
        with_rows = [each for each in theirs if self.has_row(each, person)]
        standing = [self.standing(each, kind) for each in with_rows for kind in ("positive", "negative")]
        rows = [row for row in standing if row is not None and row.nhs == person]
        held = {
            "several-sites": len({site for site, _ in theirs}) > 1,
            "several-hospital-numbers": any([site for site, _ in with_rows].count(each) > 1 for each, _ in with_rows),
            "contradicting-results": len({1 if row.kind == "positive" else row.result for row in rows}) > 1,
        }
        return {flag for flag, holds in held.items() if holds}


def kinds(study: list[Study]) -> set[str]:
    """The kinds of image that a study has had."""
    return {KINDS.get(modality, "other") for report in study for modality, _ in report.images}


def digits(where: Place) -> str:
    """What is the same in every way of writing a number."""
    return "".join(filter(str.isdigit, where[1])).lstrip("0")


def pairs(where: Place, others: Iterable[Place]) -> list[tuple[Place, Place]]:
    """Either way round."""
    return [pair for other in others for pair in ((where, other), (other, where))]
