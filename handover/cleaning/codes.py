"""Codes: what hospitals write for them, read as the code where only one can be meant."""

import re

from handover.cleaning.verdicts import Cleaned, Reason, Repair, nothing
from schemas.templates import Column

_WHOLE = re.compile(r"(\d{1,2})\.0*", re.ASCII)
_CODE_AND_TEXT = re.compile(r"([A-Za-z]|\d{1,2})[\s:;=,.)(/-]+(\S.*?)\)?", re.DOTALL | re.ASCII)
_CVCX = re.compile(r"CVCX\s*(\d)", re.IGNORECASE | re.ASCII)
_SUB_CODE = re.compile(r"([A-Z])[A-Z0-9]", re.ASCII)
_PUNCTUATION = re.compile(r"[^a-z0-9]+")

_SEX = {"F": "0", "M": "1", "FEMALE": "0", "MALE": "1"}
_NOT_KNOWN = {"Ethnicity": frozenset(("Z", "99"))}  # NHS Data Dictionary, ethnic category
_DETECTED = "rnadetectedsarscov2"  # what laboratories write for positive (NCCID schema v2.1)
_DAMAGED_YES = "1es"


def clean_code(given: str, column: Column) -> Cleaned:
    """A code of the column's list, as a number where it is one.

    Sources: NCCID schema v2.1 (``5 Text``, ``CVCX#``, F and M, RNA DETECTED); the project's domain notes, section 6.
    """
    text = " ".join(given.split())
    for read in _READERS:
        found = read(text, column)
        if isinstance(found, Reason):
            return nothing(given, found)
        if found is not None:
            code, repair, beside = found
            repairs = (repair,) if repair else ()
            return Cleaned(given, _typed(code), meaning=column.codes[code], text=beside, repairs=repairs)
    return nothing(given, Reason.NOT_A_CODE)


Found = tuple[str, Repair | None, str] | Reason | None
"""The code, what was repaired, and the text beside it; or why there is none; or None: ask the next one."""


def _as_it_is(text: str, column: Column) -> Found:
    code = _code(text, column)
    return (code, None, "") if code else None


def _sex(text: str, column: Column) -> Found:
    if column.key != "Sex":
        return None
    code = _SEX.get(text.upper())
    return (code, Repair.LETTER_FOR_SEX, "") if code else _sex_code(text)


def _sex_code(text: str) -> Found:
    """A 2 may be a female in the NHS code, or unknown: it is never read as either."""
    return Reason.SEX_NEITHER_0_NOR_1 if text.split(".", maxsplit=1)[0] in {"2", "3"} else None


def _not_known(text: str, column: Column) -> Found:
    return Reason.NOT_KNOWN if text.upper() in _NOT_KNOWN.get(column.key, ()) else None


def _decimal(text: str, column: Column) -> Found:
    found = _WHOLE.fullmatch(text)
    return (found[1], Repair.DECIMALS_DROPPED, "") if found and found[1] in column.codes else None


def _word(text: str, column: Column) -> Found:
    plain = _plain(text)
    meant = [code for code, meaning in column.codes.items() if plain and _plain(meaning) == plain]
    return (meant[0], Repair.WORD_FOR_CODE, "") if len(meant) == 1 else None


def _damaged(text: str, column: Column) -> Found:
    return ("1", Repair.DAMAGED_YES, "") if text == _DAMAGED_YES and column.codes.get("1") == "Yes" else None


def _laboratory(text: str, column: Column) -> Found:
    detected = _plain(text) == _DETECTED and column.codes.get("1") == "Positive"
    return ("1", Repair.LABORATORY_WORDS, "") if detected else None


def _cvcx(text: str, column: Column) -> Found:
    found = _CVCX.fullmatch(text)
    fits = found and column.key.startswith("COVID CODE") and found[1] in column.codes
    return (found[1], Repair.CVCX, "") if found and fits else None


def _sub_code(text: str, column: Column) -> Found:
    found = _SUB_CODE.fullmatch(text) if column.key == "Ethnicity" else None
    return (found[1], Repair.SUB_CODE, text) if found and found[1] in column.codes else None


def _with_text(text: str, column: Column) -> Found:
    """``5 Bronchiectasis``; not ``1/2``, nor anything else with a second code."""
    found = _CODE_AND_TEXT.fullmatch(text)
    code = _code(found[1], column) if found else None
    if not found or not code:
        return None
    if re.fullmatch(r"[\d\W]+", found[2]):
        return Reason.SEVERAL_NUMBERS
    return code, Repair.TEXT_SET_APART, found[2]


_READERS = (_as_it_is, _sex, _not_known, _decimal, _word, _damaged, _laboratory, _cvcx, _sub_code, _with_text)


def _code(text: str, column: Column) -> str | None:
    return next((code for code in column.codes if code.casefold() == text.casefold()), None)


def _typed(code: str) -> str | int:
    return int(code) if code.isdecimal() else code


def _plain(text: str) -> str:
    return _PUNCTUATION.sub("", text.casefold())
