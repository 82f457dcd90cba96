"""Pseudonymous records, invented and as many as are wanted: of each patient a row of sixty values and a study.

The same number gives the same record. Sites are such whose PACS goes by NHS numbers, so row and study both name the person: each
record leads to one status and one case of a person, in whatever order it is folded.
"""

import base64
import datetime as dt
import hashlib
import random
from functools import cache

from schemas.records import RowPseudonymised, StudyPseudonymised
from schemas.templates import Column, template

SITES = 25
_COURSES = 997  # so many different rows of values; making each anew would take longer than folding it
_PER_UPLOAD = 200


def row(number: int, came: dt.datetime) -> RowPseudonymised:
    """The row of a patient of the main sheet, every cell of it filled."""
    return RowPseudonymised(
        event=f"{number // _PER_UPLOAD:032x}-{number % _PER_UPLOAD + 2}",
        site=_site(number),
        kind="positive",
        upload=f"{number // _PER_UPLOAD:032x}",
        uploaded_at=came,
        row=number % _PER_UPLOAD + 2,
        patient=_patient(number),
        person=_pseudonym(b"person", number, "P"),
        match=match(number),
        nhs_sealed=base64.b64encode(_digest(b"sealed", number) * 2).decode(),
        key_version=1,
        form="9999999999",
        swab_date=came.date() - dt.timedelta(days=number % 14),
        result=None,
        values=course(number),
    )


def study(number: int, came: dt.datetime, which: int = 0) -> StudyPseudonymised:
    """A study of the same patient that counts: a chest X-ray, or a CT; ``which`` tells one from the next."""
    modality = ("DX", "CT", "CR")[(number + which) % 3]
    return StudyPseudonymised(
        event=f"{number:031x}{which:x}",
        site=_site(number),
        origin="node",
        study=f"2.25.{int.from_bytes(_digest(b'study', 16 * number + which), 'big')}",
        received_at=came,
        patient=_patient(number),
        person=_pseudonym(b"person", number, "P"),
        match=match(number),
        key_version=1,
        form="9999999999",
        study_date=came.date() - dt.timedelta(days=number % 7),
        instances={modality: 1 + number % 3 if modality != "CT" else 100 + number % 400},
        patient_ids=1,
        body_parts=["CHEST"],
        manufacturer="Invented Medical",
        model=f"Model {number % 9}",
        settled=True,
    )


def match(number: int) -> str:
    """The message key of both."""
    return _pseudonym(b"match", number, "M")


def _site(number: int) -> str:
    return f"SITE{number % SITES:02d}"


def _patient(number: int) -> str:
    return _pseudonym(b"patient", number, "Covid")


def _pseudonym(purpose: bytes, number: int, prefix: str) -> str:
    return prefix + base64.b32encode(_digest(purpose, number)).decode().rstrip("=")


def _digest(purpose: bytes, number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16, key=purpose).digest()


def course(number: int) -> dict[str, str]:
    """Sixty values, less the two identifiers: every cell of a row."""
    return _values(number % _COURSES)


@cache
def _values(course: int) -> dict[str, str]:
    chance = random.Random(course)
    columns = (column for column in template("positive").columns if column.type not in {"nhs_or_chi", "hospital_number"})
    return {column.key: _value(column, chance) for column in columns}


def _value(column: Column, chance: random.Random) -> str:
    match column.type:
        case "code":
            return chance.choice(sorted(column.codes))
        case "date":
            return str(dt.date(2020, 3, 1) + dt.timedelta(days=chance.randrange(400)))
        case "integer":
            return str(chance.randrange(12, 90))
        case "number":
            return f"{chance.uniform(12, 90):.1f}"
        case _:
            return "Invented Infirmary"
