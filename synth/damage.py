"""Everything that befalls people in an invented world, in one table: how often, at which sites, and what."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.sites import Site
from synth import damage_images as images
from synth import damage_numbers as numbers
from synth import damage_people as people
from synth import damage_rows as rows
from synth import stories
from synth.model import Hand
from synth.people import is_childrens
from synth.stories import Story

Where = Callable[[Site], bool]


def _anywhere(site: Site) -> bool:
    return bool(site.code)


def _hospital(site: Site) -> bool:
    return site.pacs_identifier == "hospital"


def _nhs(site: Site) -> bool:
    return not _hospital(site)


def _letters(site: Site) -> bool:
    return _hospital(site) and not _digits(site)


def _digits(site: Site) -> bool:
    return _hospital(site) and site.hospital_number_pattern.startswith(r"\d")


class Damage(NamedTuple):
    """What befalls this many of a thousand people, at sites of this sort; in a world of a hundred or more, at least one."""

    per_mille: float
    where: Where
    story: Story


DAMAGE = (
    # one side only, or nothing that counts
    Damage(70, _anywhere, stories.row_alone),
    Damage(60, _anywhere, stories.images_alone),
    Damage(30, _anywhere, stories.images_outside),
    # the order of arrival, which chance gives to all others
    Damage(5, _anywhere, stories.arriving("rows first")),
    Damage(5, _anywhere, stories.arriving("images first")),
    Damage(5, _anywhere, stories.arriving("together")),
    # who and where
    Damage(15, _anywhere, stories.at_two_sites),
    Damage(5, is_childrens, stories.young_child),
    # the window's edges
    Damage(2, _anywhere, images.days_from_swab(-28)),
    Damage(2, _anywhere, images.days_from_swab(28)),
    Damage(2, _anywhere, images.days_from_swab(-29)),
    Damage(2, _anywhere, images.days_from_swab(29)),
    Damage(2, _anywhere, images.three_years_before(and_days=0)),
    Damage(2, _anywhere, images.three_years_before(and_days=1)),
    Damage(1, _anywhere, images.leap_day(and_days=0)),
    Damage(1, _anywhere, images.leap_day(and_days=1)),
    # dates of images
    Damage(3, _anywhere, images.undated(row=True)),
    Damage(1, _anywhere, images.undated(row=False)),
    Damage(8, _anywhere, images.dated_by("AcquisitionDate")),
    Damage(4, _anywhere, images.dated_by("ContentDate")),
    # kinds of images
    Damage(1, _anywhere, images.only("MR")),
    Damage(2, _anywhere, images.only("US")),
    Damage(4, _anywhere, images.only("CT", "CR")),
    Damage(3, _anywhere, images.only("CR", "DX")),
    Damage(4, _anywhere, images.beside_film("US")),
    Damage(2, _anywhere, images.beside_film("MR")),
    # images sent twice, piecemeal, mixed up
    Damage(12, _anywhere, images.sent_twice),
    Damage(8, _anywhere, images.still_arriving),
    Damage(15, _anywhere, images.sent_piecemeal),
    Damage(3, _anywhere, images.modality_added),
    # both sheets, or the wrong one
    Damage(12, _anywhere, rows.in_both_sheets),
    Damage(5, _anywhere, rows.positive_in_status_sheet(images=True)),
    Damage(3, _anywhere, rows.positive_in_status_sheet(images=False)),
    Damage(6, _anywhere, rows.positive_in_status_sheet(images=True, main_row_later=True)),
    # what a row lacks
    Damage(25, _hospital, rows.without_nhs_number),
    Damage(4, _anywhere, rows.without_swab_date("positive", 300)),
    Damage(2, _anywhere, rows.without_swab_date("positive", 2000)),
    Damage(3, _anywhere, rows.without_swab_date("negative", 5, "images first")),
    Damage(3, _anywhere, rows.without_swab_date("negative", 200)),
    Damage(5, _anywhere, rows.without_result),
    # what a later sheet changes
    Damage(10, _anywhere, rows.sent_again),
    Damage(5, _hospital, rows.number_supplied_later),
    Damage(3, _anywhere, rows.result_corrected(0, 1)),
    Damage(2, _anywhere, rows.result_corrected(1, 0)),
    Damage(8, _anywhere, rows.date_corrected(into_window=True)),
    Damage(4, _anywhere, rows.date_corrected(into_window=False)),
    Damage(4, _anywhere, rows.year_corrected),
    # two ways of writing one number
    Damage(5, _letters, numbers.misspelt_in_sheet(way=0)),
    Damage(3, _letters, numbers.misspelt_in_sheet()),
    Damage(2, _letters, numbers.misspelt_in_sheet(images=False)),
    Damage(4, _letters, numbers.misspelt_in_images(way=0)),
    Damage(4, _hospital, numbers.misspelt_in_images()),
    Damage(4, _digits, numbers.zeros_lost),
    Damage(6, _hospital, numbers.nhs_number_as_patient_id),
    # two hospital numbers of one person
    Damage(3, _hospital, people.two_numbers_in_one_sheet),
    Damage(2, _hospital, people.two_numbers_in_two_sheets),
    Damage(3, _hospital, people.number_corrected),
    Damage(3, _hospital, people.number_changed),
    # opting out
    Damage(2, _anywhere, people.opted_out("nhs", "last")),
    Damage(1, _anywhere, people.opted_out("nhs", "first")),
    Damage(1, _anywhere, people.opted_out("nhs", "after the images")),
    Damage(2, _hospital, people.opted_out("hospital", "last")),
    Damage(1, _hospital, people.opted_out("hospital", "first")),
    Damage(1, _hospital, people.opted_out("hospital", "after the row")),
    Damage(1, _hospital, people.opted_out_with_images_alone),
    Damage(1, _hospital, people.opted_out_without_nhs_number),
    Damage(2, _anywhere, people.opted_out_at_two_sites),
    # odd writing that means the same
    Damage(2, _anywhere, numbers.written_by(Hand(nhs="spaces"))),
    Damage(2, _anywhere, numbers.written_by(Hand(nhs="hyphens"))),
    Damage(2, _anywhere, numbers.written_by(Hand(nhs="numeric"))),
    Damage(2, _anywhere, numbers.written_by(Hand(nhs="no-break-spaces"))),
    Damage(2, _letters, numbers.written_by(Hand(number="lower"))),
    Damage(2, _letters, numbers.written_by(Hand(patient_id="lower"))),
    Damage(2, _digits, numbers.written_by(Hand(number="numeric"))),
    Damage(2, _hospital, numbers.written_by(Hand(number="padded", patient_id="padded"))),
    Damage(2, _nhs, numbers.written_by(Hand(patient_id="spaces"))),
)

OLD_FILE_STORIES = (
    Damage(5, _anywhere, rows.undone_by_old_file),
    Damage(2, _hospital, people.number_undone_by_old_file),
)
"""Only at the site that uploads an old file once more."""

OVERDUE = (
    Damage(3, _anywhere, stories.row_alone),
    Damage(3, _anywhere, stories.images_alone),
    Damage(1, _anywhere, rows.positive_in_status_sheet(images=True)),
)
"""Only at impatient sites, where what is missing is soon overdue."""

LAST = Damage(3, _anywhere, images.of_two_patients)
"""Told when everybody else is there."""
