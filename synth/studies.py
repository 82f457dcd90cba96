"""The images of an invented patient: when they were taken, of what kind, how many."""

import datetime as dt
import random
from itertools import count

from synth.hands import drawn
from synth.model import DatedBy, Instance, Patient, Study

Modalities = tuple[str, ...]

# Shares as in the final training set: 55,764 studies of 19,700 patients, 45,635 X-ray, 10,101 CT, 28 MR.
_HOW_MANY = {1: 24, 2: 24, 3: 19, 4: 13, 5: 8, 6: 5, 7: 3, 8: 2, 10: 2}
_ANY: dict[Modalities, int] = {("CR",): 370, ("DX",): 440, ("CT",): 175, ("CT", "CR"): 6, ("CR", "DX"): 4, ("MR",): 2, ("US",): 3}
_CHEST: dict[Modalities, int] = {("CR",): 37, ("DX",): 44, ("CT",): 19}
_IMAGES = {"CR": (1, 1, 1, 2), "DX": (1, 1, 2), "CT": (3,), "MR": (2,), "US": (2,)}


def how_many(rng: random.Random) -> int:
    """How many studies an ordinary patient has; with those who have just one for a reason, 2.8 on average."""
    return drawn(rng, _HOW_MANY)


def any_kind(rng: random.Random) -> Modalities:
    """The modalities of a study."""
    return drawn(rng, _ANY)


def chest(rng: random.Random) -> Modalities:
    """The modality of a study that completes a case."""
    return drawn(rng, _CHEST)


def day_inside(rng: random.Random, patient: Patient, today: dt.date) -> dt.date:
    """A day that counts for the patient: mostly around the swab, for positives now and then in the years before."""
    if patient.group == "positive" and rng.random() < 0.2:
        return patient.swab_date - dt.timedelta(days=rng.randint(30, 1050))
    return min(today, patient.swab_date + dt.timedelta(days=int(rng.triangular(-14, 28, 1))))


def day_outside(rng: random.Random, patient: Patient) -> dt.date:
    """A day too long ago to count for the patient."""
    days = (1110, 2400) if patient.group == "positive" else (40, 1000)
    return patient.swab_date - dt.timedelta(days=rng.randint(*days))


class Room:
    """An X-ray department: makes studies, and no identifier twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._accessions = count(100_001)

    def study(
        self,
        patient: Patient,
        patient_id: str,
        day: dt.date | None,
        modalities: Modalities = ("DX",),
        dated_by: DatedBy = "StudyDate",
    ) -> Study:
        """A study of the patient under that PatientID, with one series a modality."""
        instances: list[Instance] = []
        for modality in modalities:
            series = self._uid()
            numbers = range(1, self._rng.choice(_IMAGES[modality]) + 1)
            instances += (Instance(self._uid(), series, number, modality, patient, patient_id) for number in numbers)
        accession = f"{patient.site[0]}{day.year if day else 'U'}{next(self._accessions)}"
        return Study(self._uid(), accession, day, dated_by, tuple(instances))

    def another_image(self, study: Study, patient: Patient, patient_id: str) -> Instance:
        """One more image for the last series of the study, of whatever patient."""
        last = study.instances[-1]
        return Instance(self._uid(), last.series, last.number + 1, last.modality, patient, patient_id)

    def _uid(self) -> str:
        return f"2.25.{self._rng.getrandbits(120) | 1 << 120}"  # a UUID as number: DICOM PS3.5, annex B.2
