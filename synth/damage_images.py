"""What goes wrong with images: at the edge of the window, undated, of odd kinds, sent twice or piecemeal, of two patients."""

import datetime as dt
from dataclasses import replace

from schemas.sites import Site
from synth.draft import Draft, row_of
from synth.model import DatedBy, Patient, Study
from synth.stories import Story, film, good_film
from synth.studies import Modalities, day_inside


def days_from_swab(days: int) -> Story:
    """A negative patient's only film, so many days from the swab."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site, "negative", draft.today - dt.timedelta(days=draft.rng.randint(40, 300)))
        _row_and(draft, patient, film(draft, patient, patient.swab_date + dt.timedelta(days=days)))

    return tell


def three_years_before(*, and_days: int) -> Story:
    """A positive patient's only film, three calendar years and so many days before the swab."""

    def tell(draft: Draft, site: Site) -> None:
        swab = (draft.today - dt.timedelta(days=draft.rng.randint(50, 300))).replace(day=17)
        patient = draft.patient(site, "positive", swab)
        _row_and(draft, patient, film(draft, patient, swab.replace(year=swab.year - 3) - dt.timedelta(days=and_days)))

    return tell


def leap_day(*, and_days: int) -> Story:
    """Swab on 29 February, and a film on 28 February three years before, or so many days earlier."""

    def tell(draft: Draft, site: Site) -> None:
        swab = _last_leap_day(draft.today)
        patient = draft.patient(site, "positive", swab)
        _row_and(draft, patient, film(draft, patient, dt.date(swab.year - 3, 2, 28) - dt.timedelta(days=and_days)))

    return tell


def undated(*, row: bool) -> Story:
    """A film without any date."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        rows, images = draft.order()
        if row:
            draft.put(row_of(patient), rows)
        draft.send(film(draft, patient, None), images)

    return tell


def dated_by(attribute: DatedBy) -> Story:
    """StudyDate is empty, and a lesser date stands in for it."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        day = day_inside(draft.rng, patient, draft.today)
        study = draft.room.study(patient, draft.pacs_id(patient), day, ("DX",), attribute)
        _row_and(draft, patient, study)

    return tell


def only(*modalities: str) -> Story:
    """One study of these modalities and nothing else."""
    return _studies(modalities)


def beside_film(*modalities: str) -> Story:
    """A chest film, and a study of these modalities beside it."""
    return _studies(("DX",), modalities)


def _studies(*kinds: Modalities) -> Story:
    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        days = (day_inside(draft.rng, patient, draft.today) for _ in kinds)
        _row_and(draft, patient, *(film(draft, patient, day, kind) for day, kind in zip(days, kinds, strict=True)))

    return tell


def still_arriving(draft: Draft, site: Site) -> None:
    """A row, and a film that comes from PACS itself, at the very end."""
    patient = draft.patient(site)
    draft.put(row_of(patient), draft.order()[0])
    draft.send_from_pacs(good_film(draft, patient))


def sent_twice(draft: Draft, site: Site) -> None:
    """PACS sends the same study again."""
    study, first, later = _row_and_study(draft, site)
    draft.send(study, first)
    draft.send(study, later)


def sent_piecemeal(draft: Draft, site: Site) -> None:
    """The first image of a CT comes in one delivery, the others in a later one."""
    study, first, later = _row_and_study(draft, site, "CT")
    draft.send(study, first, slice(1))
    draft.send(study, later, slice(1, None))


def modality_added(draft: Draft, site: Site) -> None:
    """A study comes as CT, and later again with a film in it."""
    study, first, later = _row_and_study(draft, site, "CT", "CR")
    draft.send(study, first, slice(3))
    draft.send(study, later)


def of_two_patients(draft: Draft, site: Site) -> None:
    """One image of another patient has got into a study; at a site where there is somebody to whom nothing else happened."""
    plain = [other for other in draft.plain if other.site == site.code] or draft.plain
    other = draft.rng.choice(plain) if plain else None
    patient = draft.patient(draft.sites[other.site] if other else site)
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    study = good_film(draft, patient)
    other = other or patient
    stray = draft.room.another_image(study, other, draft.pacs_id(other))
    draft.send(replace(study, instances=(*study.instances, stray)), images)


def _row_and_study(draft: Draft, site: Site, *modalities: str) -> tuple[Study, int, int]:
    patient = draft.patient(site)
    draft.put(row_of(patient), draft.order()[0])
    study = film(draft, patient, day_inside(draft.rng, patient, draft.today), modalities or ("DX",))
    return study, *draft.two_turns()


def _row_and(draft: Draft, patient: Patient, *studies: Study) -> None:
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    for study in studies:
        draft.send(study, images)


def _last_leap_day(today: dt.date) -> dt.date:
    years = range(today.year, today.year - 9, -1)
    days = [dt.date(year, 2, 29) for year in years if year % 4 == 0 and (year % 100 or year % 400 == 0)]
    return next(day for day in days if day < today)
