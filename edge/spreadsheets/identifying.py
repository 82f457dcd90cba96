"""What identifies a person though it stands where no identifier belongs: looked for in every cell besides the two of the row.

Found are NHS, CHI and H&C numbers, hospital numbers of the site's form where it has a letter, the row's own hospital number,
postcodes, e-mail addresses and telephone numbers of the UK. Names cannot be found.
"""

import re
import unicodedata

from identity import hospital, numbers
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber

NHS_NUMBER = "an NHS, CHI or H&C number"

_SHORTEST = 5  # of a hospital number worth looking for
_SHORTEST_NUMERIC = 6  # the same in digits alone, which a laboratory value could be by chance

_APART = "[\\s\u200b\u200c\u200d\u2060\ufeff\u00ad\u2010-\u2015\u2212\\-]{0,3}"
_DATE = re.compile(
    r"(?<!\d)(\d{1,2}[-/.\\]\d{1,2}[-/.\\](19|20)\d\d|(19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2})"
    r"(?!\d)([T\s]+\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?",
    re.ASCII,
)
_TEN_DIGITS = re.compile(rf"(?<![0-9])(?=([0-9](?:{_APART}[0-9]){{9}})(?![0-9]))")
_GROUPED = re.compile(r"(?<![0-9])([0-9]{3})[^0-9A-Za-z]{1,3}([0-9]{3})[^0-9A-Za-z]{1,3}([0-9]{4})(?![0-9])")
_EMAIL = re.compile(r"[\w+%'-]\s?@\s?[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\d.])(\+\s?44[\s()0-]{0,5}|0044[\s()0-]{0,5}|\(?0)[1-37-9](?:[\s()-]{0,2}\d){8,9}(?!\d)", re.ASCII)
_POSTCODE = re.compile(r"(?<![A-Z0-9])([A-Z]{1,2})([0-9][A-Z0-9]?)\s?([0-9][ABD-HJLNP-UW-Z]{2})(?![A-Z0-9])", re.IGNORECASE)
_AREAS = frozenset(
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU "  # noqa: SIM905
    "GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE "
    "PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO "
    "ZE".split()
)  # Royal Mail's postcode areas
_NO_INWARD = frozenset(("st", "nd", "rd", "th", "ug", "ng", "pg", "ul", "ag", "fl", "hr", "pt", "gs"))  # "CT1 2nd", "B12 5ug"


def what(text: str) -> str | None:
    """What in this text identifies a person, in words; None where nothing does."""
    if len(text) < _SHORTEST:
        return None
    plain = unicodedata.normalize("NFKC", text)
    undated = _DATE.sub(" | ", plain)
    return next((words for words, found in _SEARCHES if found(undated)), None)


def _nhs_number(text: str) -> bool:
    candidates = [match[1] for match in _TEN_DIGITS.finditer(text)]
    candidates += ["".join(match.groups()) for match in _GROUPED.finditer(text)]
    return any(isinstance(numbers.parse(candidate), NhsNumber) for candidate in candidates)


def _postcode(text: str) -> bool:
    for match in _POSTCODE.finditer(text):
        area, _, inward = match.groups()
        if area.upper() in _AREAS and (inward.isupper() or inward[1:].lower() not in _NO_INWARD):
            return True
    return False


_SEARCHES = (
    (NHS_NUMBER, _nhs_number),
    ("an e-mail address", _EMAIL.search),
    ("a telephone number", _PHONE.search),
    ("a postcode", _postcode),
)


def folded(value: object) -> str | None:
    """A cell as hospital numbers are looked for in it; None where none could be: too short, a date, a fraction."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 1e15 else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value >= 10 ** (_SHORTEST_NUMERIC - 1) else None
    if not isinstance(value, str) or len(value) < _SHORTEST or not any(map(str.isdecimal, value)):
        return None
    return hospital.normalise(value)


def own_number(folded_cell: str, own: HospitalNumber) -> bool:
    """Whether a cell holds the row's own hospital number, with or without its letters, spaces or hyphens."""
    squeezed = re.sub(r"[\s-]", "", folded_cell)
    wanted = [own.text] if len(own.text) >= _SHORTEST else []
    wanted += [own.digits] if len(own.digits) >= _SHORTEST_NUMERIC else []
    return any(_holds(text, number) for number in wanted for text in (folded_cell, squeezed))


def _holds(text: str, number: str) -> bool:
    at = text.find(number)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(number) : at + len(number) + 1]
        cut_short = (number[0].isdecimal() and before.isdecimal() and before != "0") or (
            number[-1].isdecimal() and after.isdecimal()
        )
        if not cut_short:
            return True
        at = text.find(number, at + 1)
    return False


def of_the_sites_form(folded_cell: str, pattern: re.Pattern[str]) -> bool:
    """Whether a cell holds anybody's hospital number of the site's form; forms of digits alone could be any number."""
    return any(
        len(match[0]) >= _SHORTEST and not match[0].isdecimal() and match[0].isalnum() for match in pattern.finditer(folded_cell)
    )


def anywhere(pattern: str) -> re.Pattern[str]:
    """The site's pattern of hospital numbers, to be found inside of text."""
    return re.compile(rf"(?<![A-Z0-9])(?:{pattern})(?![A-Z0-9])", re.IGNORECASE)
