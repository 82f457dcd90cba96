"""What stands in the other columns of a main sheet: believable values, written as hospitals write them.

A patient has one course of illness: the same values whenever the row is written again. No value stops an upload; some earn a
warning, as real ones do.
"""

import datetime as dt
import random
from collections.abc import Callable, Mapping

from schemas.sites import Site
from synth.course import Course, course_of
from synth.model import Patient

Value = str | int | float | dt.date | None
Maker = Callable[[random.Random, Course], Value]


def values(patient: Patient, site: Site) -> Mapping[str, Value]:
    """The patient's values by column key; empty cells are left out."""
    rng = random.Random(f"{patient.person.nhs_number} {patient.site}")
    course = course_of(rng, patient, site)
    made = {key: make(rng, course) for key, (share, make) in _COLUMNS.items() if rng.random() < share}
    return {key: value for key, value in made.items() if value is not None}


def _code(*codes: Value) -> Maker:
    return lambda rng, _: rng.choice(codes)


def _whole(low: float, high: float, usual: float) -> Maker:
    return lambda rng, _: round(rng.triangular(low, high, usual))


def _decimal(low: float, high: float, usual: float) -> Maker:
    return lambda rng, _: round(rng.triangular(low, high, usual), 1)


def _of(what: Callable[[Course], Value]) -> Maker:
    return lambda _, course: what(course)


def _day(what: Callable[[Course], dt.date | None]) -> Maker:
    """A date cell; now and then day-first text, or a date after text that some system put before it."""

    def make(rng: random.Random, course: Course) -> Value:
        day, chance = what(course), rng.random()
        if day is None or chance > 0.1:
            return day
        return f"{day:%d/%m/%Y}" if chance > 0.01 else f"[Text] - {day:%Y-%m-%d}"

    return make


def _often_plain(plain: Maker, *odd: Value) -> Maker:
    """Now and then as a nurse writes: a remark after the number, a word for a code."""
    return lambda rng, course: plain(rng, course) if rng.random() > 0.04 else rng.choice(odd)


_YES_NO_UNKNOWN = _code(0, 0, 0, 0, 1, 1, 2)
_SEVERITY = _code(1, 1, 2, 2, 3)
_COVID_CODE = _often_plain(_code(0, 1, 1, 1, 2, 3), "CVCX1", "CVCX2")

_COLUMNS: dict[str, tuple[float, Maker]] = {
    "Hospital": (1, _of(lambda course: course.hospital)),
    "Age": (0.99, _of(lambda course: course.age)),
    "Sex": (1, _of(lambda course: course.sex)),
    "Smoking status": (0.9, _code(0, 0, 0, 1, 1, 2, 3)),
    "Pack year history": (0.4, _often_plain(_whole(1, 60, 15), "approx 20", "30+")),
    "PMH hypertension": (0.95, _often_plain(_YES_NO_UNKNOWN, "Yes", "1.0")),
    "PMH CVS disease": (0.9, _code(0, 0, 0, 0, 1, 2, 3, 4)),
    "PMH Lung disease": (0.9, _often_plain(_code(0, 0, 0, 0, 1, 4, 4, 2, 6), "5 Bronchiectasis", "5 Sleep apnoea")),
    "PMH diabetes mellitus type II": (0.95, _YES_NO_UNKNOWN),
    "PMH CKD": (0.95, _of(lambda course: 1 if course.ckd_stage else 0)),
    "If CKD, stage": (0.9, _of(lambda course: course.ckd_stage)),
    "Current ACEi use": (0.9, _YES_NO_UNKNOWN),
    "Current Angiotension receptor blocker use": (0.9, _YES_NO_UNKNOWN),
    "Current NSAID used": (0.9, _often_plain(_YES_NO_UNKNOWN, "1 ibuprofen", "Yes")),
    "Ethnicity": (0.9, _often_plain(_code(*"AAAAAAAABCDEFGHJKLMNPRS"), "White British", 99)),
    "Date of acquisition of 1st RT-PCR": (0.9, _day(lambda course: course.swab)),
    "Date of acquisition of 2nd RT-PCR": (0.9, _day(lambda course: course.second_swab)),
    "Date of result of 1st RT-PCR": (0.9, _day(lambda course: course.after_swab(1))),
    "Date of result of 2nd RT-PCR": (0.9, _day(lambda course: course.second_result)),
    "Date of admission": (0.95, _day(lambda course: course.admission)),
    "Date of ITU admission": (1, _day(lambda course: course.itu)),
    "Date of intubation": (1, _day(lambda course: course.intubation)),
    "Date of 1st CXR": (0.8, _day(lambda course: course.after_swab(0))),
    "Date of 2nd CXR": (0.4, _day(lambda course: course.after_swab(4))),
    "Date last known alive": (0.9, _day(lambda course: course.last_alive)),
    "Date of death": (1, _day(lambda course: course.death)),
    "Duration of symptoms": (0.85, _often_plain(_whole(1, 21, 6), "3-4 days", "unclear")),
    "Respiratory rate on admission": (0.95, _whole(14, 40, 20)),
    "Heart rate on admission": (0.95, _whole(52, 145, 92)),
    "FiO2": (0.7, _often_plain(_code(21, 21, 24, 28, 35, 40, 60, 80), "2L", "Venturi 35%")),
    "PaO2": (0.4, _decimal(6.2, 14.5, 9.4)),
    "Systolic BP": (0.95, _whole(88, 185, 128)),
    "Diastolic BP": (0.95, _whole(45, 105, 74)),
    "Temperature on admission": (0.95, _often_plain(_decimal(35.2, 40.4, 37.8), "37.4 (on arrival)", "38.2 in ambulance")),
    "NEWS2 score on arrival": (0.8, _whole(0, 14, 4)),
    "WCC on admission": (0.9, _decimal(1.8, 22.0, 7.2)),
    "Lymphocyte count on admission": (0.9, _decimal(0.2, 3.9, 1.0)),
    "Platelet count on admission": (0.9, _whole(60, 520, 215)),
    "CRP on admission": (0.9, _often_plain(_decimal(1.0, 380.0, 60.0), "<5", "<1")),
    "D-dimer on admission": (0.5, _decimal(0.2, 9.8, 0.9)),
    "Fibrinogen  if d-dimer not performed": (0.1, _decimal(2.0, 8.5, 4.8)),
    "Ferritin": (0.5, _often_plain(_whole(20, 3800, 520), ">2000")),
    "Urea on admission": (0.9, _decimal(2.1, 32.0, 6.4)),
    "Creatinine on admission": (0.95, _whole(38, 420, 84)),
    "Troponin I": (0.3, _often_plain(_whole(2, 900, 14), "<3")),
    "Troponin T": (0.2, _whole(3, 900, 16)),
    "APACHE score on ITU arrival": (1, _of(lambda course: course.apache)),
    "1st RT-PCR result": (0.98, _often_plain(_code(1, 1, 1, 1, 1, 0), "1.0")),
    "2nd RT-PCR result": (0.9, _of(lambda course: 1 if course.second_swab else None)),
    "Final COVID Status": (0.98, _code(1)),
    "CXR severity": (0.8, _SEVERITY),
    "CXR severity 3": (0.4, _SEVERITY),
    "COVID CODE": (0.8, _COVID_CODE),
    "COVID CODE 2": (0.4, _COVID_CODE),
    "ITU admission": (1, _of(lambda course: int(course.itu is not None))),
    "Intubation": (1, _of(lambda course: int(course.intubation is not None))),
    "Death": (1, _of(lambda course: int(course.death is not None))),
}
