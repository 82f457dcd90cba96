"""The people of an invented world: who they are, and how old the patients of a site are."""

import datetime as dt
import random
from typing import Literal

from schemas.sites import Site
from synth import names
from synth.model import Person

_ADULTS = (18, 98, 68)  # youngest, oldest, most frequent age
_CHILDREN = (0, 16, 4)


def is_childrens(site: Site) -> bool:
    """Whether the site's patients are children; its name says so."""
    return "child" in site.name.casefold()


def person_with(nhs_number: str, rng: random.Random, site: Site, today: dt.date, age: int | None = None) -> Person:
    """Somebody with that NHS number, of an age in years that the site treats unless one is given."""
    sex: Literal["F", "M"] = "F" if rng.random() < 0.48 else "M"
    given = rng.choice(names.FEMALE if sex == "F" else names.MALE)
    return Person(nhs_number, rng.choice(names.FAMILY), given, sex, _birth_date(rng, site, today, age), _address(rng))


def _birth_date(rng: random.Random, site: Site, today: dt.date, age: int | None) -> dt.date:
    years = rng.triangular(*(_CHILDREN if is_childrens(site) else _ADULTS)) if age is None else age
    return today - dt.timedelta(days=int(years * 365.25) + 500)  # at the swab, so nobody is born after it


def _address(rng: random.Random) -> str:
    # ZZ99 is the NHS's pseudo postcode area: nobody lives there
    house, postcode = rng.randint(1, 180), f"ZZ99 {rng.randint(1, 9)}{rng.choice('ABDEFGHJ')}{rng.choice('LNPQRSTUWXYZ')}"
    return f"{house} {rng.choice(names.STREETS)}, {rng.choice(names.PLACES)}, {postcode}"
