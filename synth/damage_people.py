"""What is the matter with people: they opt out, stand under two hospital numbers, or are moved from one number to another.

Each situation has one meaning whatever comes first: whoever opts out is a patient of one site with one number, or is taken out by
NHS number; a row that moves leaves nothing behind, or images alone.
"""

from dataclasses import replace
from typing import Literal

from schemas.sites import Site
from synth.draft import Draft, row_of
from synth.model import NumberKind
from synth.stories import Story, good_film, history, in_two_places

When = Literal["last", "first", "after the row", "after the images"]


def opted_out(by: NumberKind, when: When) -> Story:
    """Row and images, and an opt-out: what comes after it is dropped."""

    def tell(draft: Draft, site: Site) -> None:
        patient = draft.patient(site)
        early, late = draft.two_turns()
        rows = early if when in {"last", "after the row"} else late
        images = early if when in {"last", "after the images"} else late
        draft.put(row_of(patient), rows)
        history(draft, patient, images)
        draft.opt_out(patient, by, late if when == "last" else early)

    return tell


def opted_out_with_images_alone(draft: Draft, site: Site) -> None:
    """No row ever says who it is: the hospital number takes out what stands under it."""
    patient = draft.patient(site)
    early, late = draft.two_turns()
    history(draft, patient, draft.rng.choice((early, late)))
    draft.opt_out(patient, "hospital", early)


def opted_out_without_nhs_number(draft: Draft, site: Site) -> None:
    """The site knows the hospital number alone, and so does the centre."""
    patient = draft.patient(site)
    early, late = draft.two_turns()
    draft.put(replace(row_of(patient), nhs_number=None), early)
    history(draft, patient, early)
    draft.opt_out(patient, "hospital", late)


def opted_out_at_two_sites(draft: Draft, site: Site) -> None:
    """A patient of two sites opts out at one of them, by NHS number, sooner or later."""
    here = in_two_places(draft, site)
    draft.opt_out(here, "nhs", draft.rng.randrange(draft.turns))


def two_numbers_in_one_sheet(draft: Draft, site: Site) -> None:
    """The same NHS number stands in two rows of one sheet, under two hospital numbers; the images lie under one of them."""
    patient = draft.patient(site)
    rows, images = draft.order()
    draft.put(row_of(patient), rows)
    draft.put(row_of(draft.under_another_number(patient)), rows)
    history(draft, patient, images)


def two_numbers_in_two_sheets(draft: Draft, site: Site) -> None:
    """Negative under one hospital number, positive under another: neither row takes the place of the other."""
    patient = draft.patient(site, "positive")
    first, later = draft.two_turns()
    draft.put(replace(row_of(draft.under_another_number(patient)), door="negative", result=0), first)
    draft.put(row_of(patient), later)
    history(draft, patient, draft.order()[1])


def number_corrected(draft: Draft, site: Site) -> None:
    """A hospital number of nobody, corrected in a later sheet: the row moves, and under the wrong number nothing is left."""
    patient = draft.patient(site)
    wrong = replace(row_of(patient), hospital_number=draft.another_number(patient))
    first, later = draft.two_turns(earliest=1)  # the first sheet may come once more (``deliveries.old_file_site``)
    draft.put(wrong, first)
    draft.put(row_of(patient), later)
    draft.send(good_film(draft, patient), draft.rng.randrange(draft.turns))


def number_changed(draft: Draft, site: Site) -> None:
    """The row moves to another hospital number in a later sheet; the images stay under the old one, whose row nobody has now."""
    patient = draft.patient(site)
    first, later = draft.two_turns(earliest=1)
    draft.put(row_of(patient), first)
    draft.put(replace(row_of(patient), hospital_number=draft.another_number(patient)), later)
    draft.send(good_film(draft, patient), draft.rng.randrange(draft.turns))


def number_undone_by_old_file(draft: Draft, site: Site) -> None:
    """A wrong hospital number comes in the second sheet, and the first sheet once more: the row moves there and back."""
    patient = draft.patient(site, "negative")
    draft.put(row_of(patient), 0)
    draft.put(replace(row_of(patient), hospital_number=draft.another_number(patient)), 1)
    draft.send(good_film(draft, patient), draft.rng.randrange(draft.turns))
