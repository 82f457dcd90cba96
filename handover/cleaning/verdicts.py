"""What becomes of one value in the typed copy: the value, what was repaired to get there, or why there is none."""

from enum import StrEnum

import msgspec


class Repair(StrEnum):
    """What was done to a value, where its meaning left no doubt."""

    DECIMALS_DROPPED = "decimals-dropped"  # 1.0 -> 1
    WORD_FOR_CODE = "word-for-code"  # Yes -> 1
    TEXT_SET_APART = "text-set-apart"  # "5 Bronchiectasis" -> 5, the text kept beside it
    CVCX = "cvcx-prefix"  # CVCX1 -> 1
    DAMAGED_YES = "damaged-yes"  # 1es, which replacing every y by 1 leaves of Yes
    LABORATORY_WORDS = "laboratory-words"  # RNA DETECTED (SARS-CoV-2) -> 1
    LETTER_FOR_SEX = "letter-for-sex"  # F -> 0, M -> 1
    SUB_CODE = "sub-code"  # A1 -> A
    REMARK_SET_APART = "remark-set-apart"  # 37.4 (on arrival) -> 37.4, the remark kept beside it
    DATE_SET_APART = "date-set-apart"  # 12 - 2020-05-12 -> 12
    PRESSURE_PAIR = "pressure-pair"  # 120/80 -> 120 in one cell, 80 in the other
    DECIMAL_COMMA = "decimal-comma"  # 37,4 -> 37.4
    UNIT_SET_APART = "unit-set-apart"  # 37.4 C -> 37.4
    UNIT_CONVERTED = "unit-converted"  # 500 ng/mL -> 0.5 mg/L
    LITRES_LOOKED_UP = "litres-looked-up"  # FiO2: 2 L -> 29 %
    VENTURI = "venturi"  # FiO2: Venturi 35% or its colour
    FRACTION_TO_PERCENT = "fraction-to-percent"  # FiO2: 0.35 -> 35 %


class Reason(StrEnum):
    """Why there is no value, or why one is doubtful."""

    NOT_A_CODE = "not-a-code"
    SEX_NEITHER_0_NOR_1 = "sex-neither-0-nor-1"  # 2 may be the NHS code for female
    NOT_KNOWN = "not-known"  # the NHS codes for not known and not stated
    NOT_A_NUMBER = "not-a-number"
    LIMIT = "limit"  # <5: a bound, not a value
    RANGE = "range"  # 3-4
    APPROXIMATE = "approximate"  # approx 20
    SEVERAL_NUMBERS = "several-numbers"
    OTHER_UNIT = "other-unit"  # a unit that cannot be converted
    AMBIGUOUS_COMMA = "ambiguous-comma"  # 1,234
    DATE_FOR_NUMBER = "date-for-number"
    FIO2_SCALE = "fio2-scale"  # no scale of FiO2 fits
    NOT_A_DATE = "not-a-date"
    OUTSIDE_RANGE = "outside-expected-range"  # the value is kept
    NOT_WHOLE = "not-a-whole-number"  # the value is kept


KEPT = frozenset((Reason.OUTSIDE_RANGE, Reason.NOT_WHOLE))
"""Reasons that are a doubt only."""


class Cleaned(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value of the typed copy."""

    given: str
    value: str | int | float | None
    unit: str = ""
    meaning: str = ""  # of a code
    text: str = ""  # what stood beside the value
    limit: str = ""  # "<" or ">" and so on, with bound
    bound: float | None = None
    repairs: tuple[Repair, ...] = ()
    doubts: tuple[Reason, ...] = ()

    @property
    def implausible(self) -> bool:
        """Whether a reader should look at what was given."""
        return bool(set(self.doubts) - {Reason.NOT_KNOWN})


def nothing(given: str, reason: Reason, **more: object) -> Cleaned:
    """No value, and why."""
    return msgspec.convert({"given": given, "value": None, "doubts": [reason], **more}, Cleaned)
