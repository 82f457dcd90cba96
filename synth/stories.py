"""What happens to most patients: a row and images in some order, or one of the two and nothing on the other side."""

import datetime as dt
from collections.abc import Callable

from schemas.sites import Site
from synth.draft import Draft, Order, row_of
from synth.model import Patient, Study
from synth.people import is_childrens
from synth.studies import Modalities, any_kind, chest, day_inside, day_outside, how_many

Story = Callable[[Draft, Site], None]
"""Adds one person with all that happens to them."""


def film(draft: Draft, patient: Patient, day: dt.date | None, modalities: Modalities = ("DX",)) -> Study:
    """A study of the patient as the site's PACS files it, not sent yet."""
    return draft.room.study(patient, draft.pacs_id(patient), day, modalities)


def good_film(draft: Draft, patient: Patient, patient_id: str | None = None) -> Study:
    """A study that completes the patient's case, not sent yet."""
    day = day_inside(draft.rng, patient, draft.today)
    return draft.room.study(patient, patient_id or draft.pacs_id(patient), day, chest(draft.rng))


def history(draft: Draft, patient: Patient, turn: int) -> None:
    """All studies of a patient: the first completes the case, the rest are of any kind and day, a few sent later."""
    draft.send(good_film(draft, patient), turn)
    for _ in range(how_many(draft.rng) - 1):
        inside = draft.rng.random() > 0.08
        day = day_inside(draft.rng, patient, draft.today) if inside else day_outside(draft.rng, patient)
        later = draft.rng.randrange(turn, draft.turns) if draft.rng.random() < 0.1 else turn
        draft.send(film(draft, patient, day, any_kind(draft.rng)), later)


def arriving(order: Order | None = None) -> Story:
    """Row and images, both as they should be."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        draft.plain.append(patient)
        _both(draft, patient, order)

    return tell


def _both(draft: Draft, patient: Patient, order: Order | None = None) -> None:
    rows, images = draft.order(order)
    draft.put(row_of(patient), rows)
    history(draft, patient, images)


def row_alone(draft: Draft, site: Site) -> None:
    """Nobody asked PACS for the images."""
    draft.put(row_of(draft.patient(site)), draft.order()[0])


def images_alone(draft: Draft, site: Site) -> None:
    """Nobody wrote the row."""
    history(draft, draft.patient(site), draft.order()[1])


def images_outside(draft: Draft, site: Site) -> None:
    """Row and images, but all images are too old to count."""
    patient = draft.patient(site)
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    for _ in range(how_many(draft.rng)):
        draft.send(film(draft, patient, day_outside(draft.rng, patient), chest(draft.rng)), images)


def at_two_sites(draft: Draft, site: Site) -> None:
    """The same person at two sites, under two hospital numbers, each in its site's form."""
    in_two_places(draft, site)


def in_two_places(draft: Draft, site: Site) -> Patient:
    """A person with rows and images here and, where there is one, at another site; the patient here."""
    here = draft.patient(site)
    _both(draft, here)
    others = [other for other in draft.sites.values() if other.code != site.code]
    if others := [other for other in others if not is_childrens(other)] or others:
        _both(draft, draft.patient(draft.rng.choice(others), here.group, here.swab_date, person=here.person))
    return here


def young_child(draft: Draft, site: Site) -> None:
    """A patient below the age of thirteen, which the official schema does not expect."""
    patient = draft.patient(site, person=draft.person(site, age=draft.rng.randint(1, 9)))
    _both(draft, patient)
