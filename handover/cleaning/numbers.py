"""Numbers: the one that a cell holds, in the template's unit; none where two could be meant.

Sources: NCCID schema v2.1, nccid-cleaning and NCCIDxClean, as gathered in the project's domain notes, section 6.
"""

import re

from msgspec.structs import replace

from handover.cleaning import oxygen
from handover.cleaning.units import Units, folded
from handover.cleaning.verdicts import Cleaned, Reason, Repair, nothing
from schemas.templates import Column

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?"
_BARE = re.compile(_NUMBER, re.ASCII)
_ISO = r"\d{4}-\d{2}-\d{2}"
_DATED = re.compile(rf"\[?(?P<rest>[^\[\]]+?)\]?\s*-\s*{_ISO}", re.ASCII)
_DATE = re.compile(rf"{_ISO}(?:[T ].*)?|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}", re.ASCII)
_PAIR = re.compile(r"(\d{2,3})\s*/\s*(\d{2,3})", re.ASCII)
_LIMIT = re.compile(rf"(<=|>=|<|>|≤|≥)\s*({_NUMBER})\s*(?P<unit>.*)", re.ASCII)
_PLUS = re.compile(rf"({_NUMBER})\s*\+", re.ASCII)
_RANGE = re.compile(rf"{_NUMBER}\s*(?:-|–|to)\s*{_NUMBER}\b.*", re.ASCII)  # noqa: RUF001  # an en dash, as typed
_ABOUT = re.compile(rf"(?:approx\.?|approximately|about|around|circa|c\.|ca\.?|~)\s*{_NUMBER}\b.*", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"([+-]?\d+),(\d+)", re.ASCII)
_REMARKED = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<remark>\(.*\)|\[.*\]|[^\d\s.,/].*)", re.ASCII | re.DOTALL)

_BLOOD_PRESSURES = {"Systolic BP": 0, "Diastolic BP": 1}


def clean_number(given: str, column: Column, site: str, units: Units) -> Cleaned:
    """The number of a cell.

    Args:
        given: the cell's text.
        column: of type ``integer`` or ``number``.
        site: its code, for the unit that it writes the column in.
        units: the tables.
    """
    text = " ".join(given.split())
    if column.key == oxygen.KEY and (found := oxygen.clean_fio2(given, text, units)) is not None:
        return _bounded(found, column)
    return _bounded(_in_unit(_read(given, text, column, units), column, site, units), column)


def _read(given: str, text: str, column: Column, units: Units) -> Cleaned:
    """The number with what stood beside it, in the unit that it was written in."""
    if _BARE.fullmatch(text):
        return Cleaned(given, _typed(text))
    if _DATE.fullmatch(text):
        return nothing(given, Reason.DATE_FOR_NUMBER)
    if (dated := _DATED.fullmatch(text)) and not _RANGE.fullmatch(dated["rest"]):
        inner = _read(given, dated["rest"].strip(), column, units)
        return replace(inner, repairs=(Repair.DATE_SET_APART, *inner.repairs)) if inner.value is not None else inner
    if (pair := _PAIR.fullmatch(text)) and column.key in _BLOOD_PRESSURES:
        return _pressure(given, pair, _BLOOD_PRESSURES[column.key])
    return _odd(given, text, column, units)


def _pressure(given: str, pair: re.Match[str], place: int) -> Cleaned:
    systolic, diastolic = int(pair[1]), int(pair[2])
    if diastolic >= systolic:
        return nothing(given, Reason.SEVERAL_NUMBERS)
    return Cleaned(given, (systolic, diastolic)[place], repairs=(Repair.PRESSURE_PAIR,))


def _odd(given: str, text: str, column: Column, units: Units) -> Cleaned:  # noqa: PLR0911  # one for each form that is met
    if limit := _LIMIT.fullmatch(text):
        return _limited(given, limit[1].replace("≤", "<=").replace("≥", ">="), float(limit[2]), limit["unit"], column, units)
    if plus := _PLUS.fullmatch(text):
        return nothing(given, Reason.LIMIT, limit=">=", bound=float(plus[1]))
    if _RANGE.fullmatch(text):
        return nothing(given, Reason.RANGE)
    if _ABOUT.fullmatch(text):
        return nothing(given, Reason.APPROXIMATE)
    if comma := _COMMA.fullmatch(text):
        if len(comma[2]) == 3:  # 1,234: thousands, or a decimal?
            return nothing(given, Reason.AMBIGUOUS_COMMA)
        return Cleaned(given, float(f"{comma[1]}.{comma[2]}"), repairs=(Repair.DECIMAL_COMMA,))
    if remarked := _REMARKED.fullmatch(text):
        return _with_remark(given, remarked["number"], remarked["remark"].strip(), column, units)
    return nothing(given, Reason.SEVERAL_NUMBERS if len(_BARE.findall(text)) > 1 else Reason.NOT_A_NUMBER)


def _limited(given: str, sign: str, bound: float, unit: str, column: Column, units: Units) -> Cleaned:
    bare = not unit or unit[0] in "(["  # a remark is not a unit
    factor = 1.0 if bare else units.factor(column.key, unit)
    if factor is None:
        return nothing(given, Reason.OTHER_UNIT)
    return nothing(given, Reason.LIMIT, limit=sign, bound=bound * factor)


def _with_remark(given: str, number: str, remark: str, column: Column, units: Units) -> Cleaned:
    """``37.4 (36 hours post admission)``: the number stands first, a bracket is a remark; bare text must hold no second one."""
    inner = remark[1:-1].strip() if remark[0] in "([" else remark
    if folded(inner) == folded(column.unit) or units.factor(column.key, inner) is not None:
        return Cleaned(given, _typed(number), unit=inner, repairs=(Repair.UNIT_SET_APART,))
    first = inner.split(maxsplit=1)[0].strip(".,;") if inner else ""
    if folded(inner) in units.names or (remark[0] not in "([" and folded(first) in units.names):
        return nothing(given, Reason.OTHER_UNIT)
    if remark[0] not in "([" and any(map(str.isdecimal, remark)):
        return nothing(given, Reason.SEVERAL_NUMBERS)
    return Cleaned(given, _typed(number), text=inner, repairs=(Repair.REMARK_SET_APART,))


def _in_unit(cleaned: Cleaned, column: Column, site: str, units: Units) -> Cleaned:
    """The number in the template's unit: by the unit beside it, else by the site's own."""
    if cleaned.value is None or isinstance(cleaned.value, str):
        return cleaned
    written = cleaned.unit or units.at(site, column.key)
    if not written or folded(written) == folded(column.unit):
        return replace(cleaned, unit=column.unit)
    factor = units.factor(column.key, written)
    if factor is None:
        return nothing(cleaned.given, Reason.OTHER_UNIT)
    if factor == 1:
        return replace(cleaned, unit=column.unit)
    value = _typed(f"{cleaned.value * factor:.12g}")
    return replace(cleaned, value=value, unit=column.unit, repairs=(*cleaned.repairs, Repair.UNIT_CONVERTED))


def _bounded(cleaned: Cleaned, column: Column) -> Cleaned:
    """Outside the expected range is a doubt, and the value stays."""
    value = cleaned.value
    if value is None or isinstance(value, str):
        return cleaned
    below = column.minimum is not None and value < column.minimum
    above = column.maximum is not None and value > column.maximum
    fraction = column.type == "integer" and float(value) % 1 != 0
    doubts = [Reason.OUTSIDE_RANGE] * (below or above) + [Reason.NOT_WHOLE] * fraction
    return replace(cleaned, doubts=(*cleaned.doubts, *doubts)) if doubts else cleaned


def _typed(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
