"""The two cells of a row that say who the patient is: read, judged, and never repeated in a finding."""

import datetime as dt
from dataclasses import dataclass

from edge.spreadsheets.cells import refused
from edge.spreadsheets.findings import Remark
from edge.spreadsheets.verdicts import is_empty
from edge.spreadsheets.workbook import Value
from identity import hospital, numbers
from identity.hospital import HospitalNumber, HospitalNumberProblem
from identity.numbers import NhsNumber
from schemas.sites import Site

_TEN_DIGITS = "ten digits, with or without spaces"
_NOT_TYPED = "The cell holds a date, a time or TRUE/FALSE instead of a number."
_AS_TEXT = "format the column as Text, then type the number again"


@dataclass(frozen=True, slots=True)
class Nhs:
    """What an NHS/CHI cell came to."""

    number: NhsNumber | None
    remark: Remark | None


@dataclass(frozen=True, slots=True)
class Hospital:
    """What a hospital number cell came to; ``misfit`` is said only where the rest of the sheet fits the site."""

    number: HospitalNumber | None
    remark: Remark | None
    misfit: Remark | None = None


def read_nhs(value: Value, site: Site) -> Nhs:
    """The NHS, CHI or H&C number. Missing it stops the upload only where PACS goes by it; malformed it always does."""
    if refusal := _not_a_number(value):
        return Nhs(None, refusal)
    number = numbers.parse(None if is_empty(value) else value)
    if isinstance(number, NhsNumber):
        return Nhs(number, None)
    if number is not numbers.NumberProblem.MISSING:
        return Nhs(None, Remark(problem=f"Not an NHS/CHI number: {number.words}.", expected=_TEN_DIGITS, stops=True))
    if site.pacs_identifier == "nhs":
        problem = "The NHS/CHI number is missing; the images of this site are found by it."
        return Nhs(None, Remark(problem=problem, expected=_TEN_DIGITS, stops=True))
    problem = "The NHS/CHI number is missing; the row is taken, but cannot be linked beyond this hospital."
    return Nhs(None, Remark(problem=problem, expected=f"{_TEN_DIGITS}, where the patient has one"))


def read_hospital(value: Value, site: Site) -> Hospital:
    """The hospital number, exactly as Radiology writes it. An unusable one stops the upload where PACS goes by it."""
    stops = site.pacs_identifier == "hospital"
    expected = hospital.expected_form(site.hospital_number_pattern)
    if refusal := _not_a_number(value):
        return Hospital(None, Remark(problem=refusal.problem, expected=refusal.expected, stops=stops))
    number = hospital.parse(None if is_empty(value) else value)
    if number is HospitalNumberProblem.MISSING:
        problem = "The hospital number is missing" + ("; the images of this site are found by it." if stops else ".")
        return Hospital(None, Remark(problem=problem, expected=expected, stops=stops))
    if isinstance(number, HospitalNumberProblem):
        return Hospital(None, Remark(problem=f"Not a hospital number: {number.words}.", expected=expected, stops=stops))
    if hospital.fits(number, site.hospital_number_pattern):
        return Hospital(number, None)
    return Hospital(number, None, _misfit(number, site, expected))


def _misfit(number: HospitalNumber, site: Site, expected: str) -> Remark:
    problem = "The hospital number does not have the form that Radiology uses at this site; images may not be found."
    change = hospital.suggestion(number, site.hospital_number_pattern)
    return Remark(problem=problem, expected=f"{expected}: {change}" if change else expected)


def _not_a_number(value: Value) -> Remark | None:
    if isinstance(value, (bool, dt.date, dt.time, dt.timedelta)):
        return Remark(problem=_NOT_TYPED, expected=_AS_TEXT, stops=True)
    return refused(value)
