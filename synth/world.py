"""Makes an invented world from a seed: who there is, what befalls them, and which site sends what when."""

import datetime as dt
import random

from schemas.sites import Site, Sites
from synth.damage import DAMAGE, LAST, OLD_FILE_STORIES, OVERDUE, Damage
from synth.deadlines import impatient_sites
from synth.deliveries import deliveries, old_file_site
from synth.draft import Draft
from synth.model import World
from synth.stories import Story, arriving

_ALL_DAMAGE_FROM = 100  # people: in a world of so many, everything in the table happens at least once
_FEW, _MANY = 4, 5  # turns of each door
_MANY_FROM = 1000  # people


def make_world(seed: int, patients: int, sites: Sites, today: dt.date) -> World:
    """The world of that seed: always the same for the same arguments.

    Args:
        seed: any number; says which of all worlds.
        patients: how many people; some of them are patients of two sites.
        sites: the registry; hospital numbers follow its patterns.
        today: the day of every upload; swabs lie in the 400 days before it.

    Raises:
        ValueError: fewer than one patient, or a site's pattern for which numbers cannot be invented.
    """
    if patients < 1:
        raise ValueError(f"a world needs at least one patient, not {patients}")
    draft = Draft(random.Random(f"nccid {seed}"), sites, today, _MANY if patients >= _MANY_FROM else _FEW)
    for site, story in _plot(draft, patients):
        story(draft, site)
    draft.place_misfits()
    strangers = tuple(next(draft.nhs_numbers) for _ in range(3 + patients // 100))
    everybody = tuple(draft.people), tuple(draft.patients)
    return World(seed, today, sites, *everybody, deliveries(draft), strangers, impatient_sites(sites))


def _plot(draft: Draft, people: int) -> list[tuple[Site, Story]]:
    """One story a person: the damage by its share, the rest ordinary, in an order of chance."""
    everywhere = list(draft.sites.values())
    damaged = [told for damage in DAMAGE for told in _told(draft, damage, people, everywhere)]
    at_places = ((OLD_FILE_STORIES, [old_file_site(draft)]), (OVERDUE, impatient_sites(draft.sites)))
    for table, codes in at_places:
        places = [draft.sites[code] for code in codes]
        damaged += [told for damage in table for told in _told(draft, damage, people, places)]
    last = _told(draft, LAST, people, everywhere)
    damaged = damaged[: people - len(last)]
    ordinary = [(_site(draft, everywhere), arriving()) for _ in range(people - len(damaged) - len(last))]
    plot = damaged + ordinary
    draft.rng.shuffle(plot)
    return plot + last


def _told(draft: Draft, damage: Damage, people: int, sites: list[Site]) -> list[tuple[Site, Story]]:
    fitting = [site for site in sites if damage.where(site)]
    times = max(round(damage.per_mille * people / 1000), int(people >= _ALL_DAMAGE_FROM))
    return [(_site(draft, fitting), damage.story) for _ in range(times)] if fitting else []


def _site(draft: Draft, sites: list[Site]) -> Site:
    """One of the sites: the first of the registry is the largest, the last about half of it."""
    order = list(draft.sites)
    weights = [2 * len(order) - order.index(site.code) for site in sites]
    return draft.rng.choices(sites, weights)[0]
