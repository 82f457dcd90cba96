"""Hospital numbers: compared as Radiology writes them, never repaired; seen as a mask where a form has to be talked about.

The rules are the guideline's (the hospital number is written as PACS writes its primary ID) and DICOM PS3.5 (value representation
LO: at most 64 characters, no backslash, no control characters, outer spaces without meaning).
"""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_MAX_LENGTH = 64
_PIECE = re.compile(r"(?P<digits>\\d(?:\{(?P<count>\d+)\})?)|(?P<literal>[A-Za-z0-9-])")


class HospitalNumberProblem(StrEnum):
    """Why text cannot be a hospital number or a PatientID at all."""

    MISSING = "missing"
    TOO_LONG = "too-long"
    INVALID_CHARACTER = "invalid-character"

    @property
    def words(self) -> str:
        """The problem, for the person who typed the number."""
        return _WORDS[self]


_WORDS = {
    HospitalNumberProblem.MISSING: "there is no number",
    HospitalNumberProblem.TOO_LONG: "it is longer than the 64 characters that an image can carry",
    HospitalNumberProblem.INVALID_CHARACTER: "it holds a backslash or a control character",
}


@dataclass(frozen=True, slots=True)
class HospitalNumber:
    """A hospital number, or whatever a PACS wrote into PatientID, in the one form in which it is compared."""

    text: str = field(repr=False)

    @property
    def digits(self) -> str:
        """Digits alone, without leading zeros: equal for ``RR12345678`` and ``12345678``. Never joins by itself."""
        kept = "".join([character for character in self.text if character.isdecimal()])
        return kept.lstrip("0") or self.text

    @property
    def form(self) -> str:
        """The number as a mask: letters A, digits 9, the rest as it is. ``RR12345678`` is ``AA99999999``."""
        return self.text.translate(_ASCII_MASK) if self.text.isascii() else "".join(map(_masked, self.text))


def _masked(character: str) -> str:
    if character.isdecimal():
        return "9"
    return "A" if character.isalpha() else character


_ASCII_MASK = {code: _masked(chr(code)) for code in range(128)}


def normalise(value: object) -> str:
    """The text that is compared: outer spaces and invisible characters off, upper case, compatibility forms folded (NFKC).

    Zeros, prefixes, hyphens and inner spaces stay. An Excel number becomes its digits; leading zeros that Excel dropped are gone.
    """
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", str(value)))
    return unicodedata.normalize("NFKC", text.strip(" \t\r\n\0").upper())  # again: upper case may decompose


def parse(value: object) -> HospitalNumber | HospitalNumberProblem:
    """The number in ``value`` (text, int or float), or why it cannot be one. Never raises; the problem never holds the value."""
    if isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= _MAX_LENGTH:
        return HospitalNumber(value.upper())  # nearly always: what follows would change nothing else
    text = normalise(value)
    if not text:
        return HospitalNumberProblem.MISSING
    if len(text) > _MAX_LENGTH:
        return HospitalNumberProblem.TOO_LONG
    if "\\" in text or any(unicodedata.category(character) == "Cc" for character in text):
        return HospitalNumberProblem.INVALID_CHARACTER
    return HospitalNumber(text)


def fits(number: HospitalNumber, pattern: str) -> bool:
    """Whether the whole number has the site's form; letter case does not matter."""
    return re.fullmatch(pattern, number.text, re.IGNORECASE) is not None


def expected_form(pattern: str) -> str:
    r"""The site's pattern in words a nurse reads: ``RR\\d{8}`` is "RR followed by 8 digits"."""
    pieces = _pieces(pattern)
    if pieces is None:
        return f"a number of the form {pattern}"
    prefix, count = pieces
    return f"{prefix} followed by {count} digits" if prefix else f"{count} digits"


def suggestion(number: HospitalNumber, pattern: str) -> str | None:
    """What to change so that the number fits, in words without the number; None where nothing simple would.

    Only patterns of a literal prefix and a count of digits are understood. Nothing is ever changed by us.
    """
    pieces = _pieces(pattern)
    if pieces is None or fits(number, pattern):
        return None
    prefix, count = pieces
    wanted = prefix.upper()
    bare = re.sub(r"[\s\-/.]", "", number.text)
    if bare != number.text and fits(HospitalNumber(bare), pattern):
        return "leave out the spaces and punctuation"
    digits = bare.removeprefix(wanted)
    if not digits.isdecimal() or len(digits) > count:
        return None
    changes = []
    if prefix and not bare.startswith(wanted):
        changes.append(f"put {prefix} in front")
    if missing := count - len(digits):
        zeros = "a zero" if missing == 1 else f"{missing} zeros"
        where = f"after {prefix}" if prefix else "in front (Excel drops them from a number: format the column as Text)"
        changes.append(f"if zeros were lost, put {zeros} {where}")
    return " and ".join(changes)


def _pieces(pattern: str) -> tuple[str, int] | None:
    r"""Literal prefix and digit count of a pattern such as ``RR\\d{8}``; None for any other."""
    prefix, count, at = "", 0, 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None or (piece["literal"] and count):
            return None
        prefix += piece["literal"] or ""
        count += int(piece["count"] or 1) if piece["digits"] else 0
        at = piece.end()
    return (prefix, count) if count else None
