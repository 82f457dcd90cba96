"""FiO2: per cent, fractions, litres a minute and Venturi valves stand in one column; read by the official look-up.

What could be two of these is left out: 1 is a litre or pure oxygen, 16 to 20 is less than room air.
"""

import re

from handover.cleaning.units import Units
from handover.cleaning.verdicts import Cleaned, Reason, Repair, nothing

KEY = "FiO2"
ROOM_AIR = 21

_BARE = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_LITRES = re.compile(
    r"(\d{1,2})\s*(?:l|lpm|l/min|litres?|liters?)(?:\s*/\s*min)?(?:\s*(?:o2|oxygen|nc|nasal cannulae?))?",
    re.ASCII | re.IGNORECASE,
)
_VENTURI = re.compile(r"(?:venturi\s*)?(?P<percent>\d{2,3})\s*%?\s*(?P<after>venturi)?", re.ASCII | re.IGNORECASE)
_COLOUR = re.compile(r"(?:venturi\s*)?([a-z]+)(?:\s*venturi)?", re.ASCII | re.IGNORECASE)


def clean_fio2(given: str, text: str, units: Units) -> Cleaned | None:
    """FiO2 in per cent; None where the cell is to be read as any other number."""
    if _BARE.fullmatch(text):
        return _bare(given, float(text), units)
    if litres := _LITRES.fullmatch(text):
        return _looked_up(given, int(litres[1]), units)
    if (venturi := _VENTURI.fullmatch(text)) and "venturi" in text.casefold():
        return Cleaned(given, int(venturi["percent"]), unit="%", repairs=(Repair.VENTURI,))
    if (colour := _COLOUR.fullmatch(text)) and colour[1].casefold() in units.venturi:
        return Cleaned(given, _whole(units.venturi[colour[1].casefold()]), unit="%", repairs=(Repair.VENTURI,))
    return None


def _bare(given: str, number: float, units: Units) -> Cleaned:
    if number >= ROOM_AIR:
        return Cleaned(given, _whole(number), unit="%")
    if ROOM_AIR / 100 <= number < 1:
        return Cleaned(given, _whole(round(number * 100, 10)), unit="%", repairs=(Repair.FRACTION_TO_PERCENT,))
    if number > 1 and number in units.litres:
        return _looked_up(given, int(number), units)
    return nothing(given, Reason.FIO2_SCALE)


def _looked_up(given: str, litres: int, units: Units) -> Cleaned:
    if litres not in units.litres:
        return nothing(given, Reason.FIO2_SCALE)
    return Cleaned(given, _whole(units.litres[litres]), unit="%", repairs=(Repair.LITRES_LOOKED_UP,))


def _whole(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number
