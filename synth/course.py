"""A patient's course of illness in dates: swab, admission, intensive care, outcome; what the sheet's columns must agree on."""

import datetime as dt
import random
from dataclasses import dataclass

from schemas.sites import Site
from synth.model import Patient


@dataclass(frozen=True, slots=True)
class Course:
    """What happened when."""

    hospital: str
    age: float
    sex: str | int
    swab: dt.date
    admission: dt.date
    second_swab: dt.date | None
    second_result: dt.date | None
    itu: dt.date | None
    intubation: dt.date | None
    death: dt.date | None
    last_alive: dt.date
    apache: int | None
    ckd_stage: int | None

    def after_swab(self, days: int) -> dt.date:
        """The day so many days after the swab."""
        return self.swab + dt.timedelta(days=days)


def course_of(rng: random.Random, patient: Patient, site: Site) -> Course:
    """The course of the patient: one in five in intensive care, half of these intubated, one in six dead."""
    swab = patient.swab_date
    itu = _later(swab, rng.randint(1, 6), rng.random() < 0.2)
    intubated = itu is not None and rng.random() < 0.5
    second = _later(swab, rng.randint(2, 6), rng.random() < 0.4)
    death = _later(swab, rng.randint(7, 13), rng.random() < 0.16)
    return Course(
        hospital=site.name if rng.random() < 0.6 else site.name.split()[0],
        age=_age(rng, patient),
        sex=_sex(rng, patient),
        swab=swab,
        admission=swab + dt.timedelta(days=rng.randint(-2, 1)),
        second_swab=second,
        second_result=second and second + dt.timedelta(days=1),
        itu=itu,
        intubation=_later(itu or swab, rng.randint(0, 2), intubated),
        death=death,
        last_alive=death or swab + dt.timedelta(days=rng.randint(7, 13)),
        apache=rng.randint(6, 34) if itu else None,
        ckd_stage=rng.choice((2, 3, 3, 4, 5)) if rng.random() < 0.12 else None,
    )


def _later(day: dt.date, days: int, happens: bool) -> dt.date | None:  # noqa: FBT001 - read at the call
    return day + dt.timedelta(days=days) if happens else None


def _age(rng: random.Random, patient: Patient) -> float:
    years = (patient.swab_date - patient.person.birth_date).days / 365.25
    return round(years, 1) if rng.random() < 0.1 else int(years)


def _sex(rng: random.Random, patient: Patient) -> str | int:
    male = patient.person.sex == "M"
    return ("M" if male else "F") if rng.random() < 0.03 else int(male)
