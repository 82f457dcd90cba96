"""How those who write about patients write: mostly as asked, now and then in their own way, which means the same."""

import random
from typing import TypeVar

from synth.model import DateStyle, Hand, NhsStyle, NumberStyle

T = TypeVar("T")

_NHS: dict[NhsStyle, int] = {"plain": 70, "spaces": 16, "numeric": 9, "hyphens": 3, "no-break-spaces": 2}
_NUMBER: dict[NumberStyle, int] = {"plain": 84, "lower": 6, "padded": 4, "numeric": 6}
_DATE: dict[DateStyle, int] = {"cell": 72, "day-first": 17, "iso": 9, "serial": 2}
_PATIENT_ID: dict[NumberStyle, int] = {"plain": 92, "lower": 4, "padded": 4}


def any_hand(rng: random.Random) -> Hand:
    """A hand as chance will have it."""
    return Hand(drawn(rng, _NHS), drawn(rng, _NUMBER), drawn(rng, _DATE), drawn(rng, _PATIENT_ID))


def drawn(rng: random.Random, shares: dict[T, int]) -> T:
    """One of the keys, by its share."""
    return rng.choices(list(shares), list(shares.values()))[0]


def nhs_cell(number: str, style: NhsStyle) -> str | int:
    """What stands in the cell for the NHS number."""
    parts = (number[:3], number[3:6], number[6:])
    match style:
        case "plain":
            return number
        case "spaces":
            return " ".join(parts)
        case "hyphens":
            return "-".join(parts)
        case "no-break-spaces":
            return "\u00a0".join(parts) + "\u200b"
        case _:  # numeric
            return int(number)


def number_text(number: str, style: NumberStyle) -> str | int:
    """What stands in the cell for the hospital number, or in PatientID: the number, such that it is still the same number.

    Spaces only inside an NHS number, and a numeric cell only where no zero gets lost by it.
    """
    match style:
        case "lower":
            return number.lower()
        case "padded":
            return f" {number}  "
        case "spaces" if len(number) == 10:
            return nhs_cell(number, "spaces")
        case "numeric" if number.isdecimal() and not number.startswith("0"):
            return int(number)
        case _:
            return number
