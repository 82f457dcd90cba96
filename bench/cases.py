"""Cases as they are published, invented and many: each with a row and one or two studies, spread over twenty-five sites."""

import base64
import datetime as dt
import hashlib

from schemas.coverage import Case, CaseReconciled, CasesReconciled, Counts, CoverageStatus, Images, RowFacts, StudyFacts

_BEGIN = dt.datetime(2020, 4, 1, 9, tzinfo=dt.UTC)
_SITES = 25


def person_of(number: int) -> str:
    """The pseudonym of a person: shaped like a real one, made from the number alone."""
    return "P" + _base32(b"person", number)


def case_record(number: int) -> CasesReconciled:
    """The record of one case; three of four have images, so are complete."""
    came = _BEGIN + dt.timedelta(minutes=number % 1_000_000, microseconds=number * 7_919 % 1_000_000)
    site, patient, person = f"SITE{number % _SITES:02d}", "Covid" + _base32(b"patient", number), person_of(number)
    complete = number % 4 > 0
    row = RowFacts(
        first_uploaded_at=came, uploaded_at=came, upload=f"{number // 50:032x}", row=number % 50 + 2, person=person,
        form="AA99999999", swab_date=came.date(), result=None,
    )  # fmt: skip
    studies = (
        {f"2.25.{number}{part:03d}": _study(came, f"{number:030x}{part}") for part in range(number % 2 + 1)} if complete else {}
    )
    status = CoverageStatus(
        patient=patient, person=person, site=site, group="positive", state="complete" if complete else "awaiting-images",
        flags=[] if number % 10 else ["no-nhs-number"], data="main", images=Images(xray=Counts(in_window=len(studies))),
        since=came, deadline=None if complete else came + dt.timedelta(days=7), updated_at=came, key_version=1,
    )  # fmt: skip
    case = Case(patient=patient, site=site, key_version=1, main=row, studies=studies, persons=[person])
    return CasesReconciled(match="M" + _base32(b"match", number), cases=[CaseReconciled(case=case, status=status)])


def _study(came: dt.datetime, event: str) -> StudyFacts:
    return StudyFacts(
        first_received_at=came, received_at=came, event=event, person=None, form="AA99999999", study_date=came.date(),
        instances={"DX": 1}, patient_ids=1, settled=True,
    )  # fmt: skip


def _base32(purpose: bytes, number: int) -> str:
    digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16, key=purpose).digest()
    return base64.b32encode(digest).decode().rstrip("=")
