"""The form a kept value must have, by its value representation and multiplicity (DICOM PS3.5 section 6.2, PS3.6).

Narrower than the standard where a number of a patient would fit: whole numbers have at most nine digits, text has no six digits
in a row and none of the characters that part a name or an address. Padding with NUL is taken, as many devices write it.
"""

import re
from collections.abc import Callable
from functools import cache

Fits = Callable[[bytes], object]
"""Whether a value has the form: anything true."""

_DATE = r"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d|60)?)?"
_TEXT = r"(?![^\\]*\d{6})(?!(?:[^\\\d]*\d){9})[ !-?A-\[\]_a-~]{0,64}"

_TEXTS = {
    "AS": r"\d{3}[DWMY]",
    "CS": r"(?![^\\]*\d{6})[A-Za-z0-9 _]{0,16}",
    "DA": _DATE,
    "DS": r" *[-+]?(?:\d{1,7}(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})? *",
    "DT": rf"{_DATE}(?:{_TIME}(?:\.\d{{1,6}})?)?(?:[-+]\d{{4}})?",
    "IS": r" *[-+]?\d{1,9} *",
    "LO": _TEXT,
    "LT": _TEXT,
    "SH": _TEXT,
    "TM": rf"(?:{_TIME}(?:\.\d{{1,6}})?|(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{{1,6}})?)?)",
    "UC": _TEXT,
    "UI": r"[0-9.]{0,64}",
}
SIZES = {
    "AT": 4,
    "FD": 8,
    "FL": 4,
    "OD": 8,
    "OF": 4,
    "OV": 8,
    "OW": 2,
    "SL": 4,
    "SS": 2,
    "UL": 4,
    "US": 2,
    "UV": 8,
    "US or SS": 2,
    "US or OW": 2,
}
_WHOLE = frozenset(("OD", "OF", "OV", "OW", "US or OW"))  # of any length


@cache
def form(vr: str, vm: str, given: str = "") -> Fits:
    """The form of values of a VR and VM, or of the values that the table gives as a regular expression."""
    if vr in _TEXTS:
        return _text(given or _TEXTS[vr], *_multiplicity(vm))
    return _numbers(SIZES[vr], *((1, None, 1) if vr in _WHOLE else _multiplicity(vm)))


@cache
def piece(vr: str, given: str = "") -> Fits:
    """The form of one of several values."""
    return form(vr, "1", given)


def is_text(vr: str) -> bool:
    """Whether values of this VR are text, parted by backslashes."""
    return vr in _TEXTS


def _multiplicity(vm: str) -> tuple[int, int | None, int]:
    """Least and greatest number of values, and the step between: ``2-2n`` is two, no greatest, two."""
    least, _, most = vm.partition("-")
    step = int(most.removesuffix("n") or 1) if most.endswith("n") else 1
    return int(least), (int(most or least) if not most.endswith("n") else None), step


def _text(one: str, least: int, most: int | None, _step: int) -> Fits:
    further = rf"(?:\\(?:{one}))"
    some = f"{{{least - 1},{'' if most is None else most - 1}}}"
    return re.compile(rf"(?:{one}){further}{some}[ \0]?".encode()).fullmatch


def _numbers(size: int, least: int, most: int | None, step: int) -> Fits:
    if least == most:
        exact = size * least
        return lambda value: len(value) == exact
    return lambda value: (
        not len(value) % (size * step) and least <= len(value) // size and (most is None or len(value) // size <= most)
    )
