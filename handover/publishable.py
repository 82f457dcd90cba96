"""What of a case may be handed over; from the published case, and pure.

Handed over is a case that is complete: its latest usable row, and of its images those of studies inside the window. A row that
has moved to another number, a status row with a positive result, an image outside the window are not.
"""

import msgspec

from agents.status import effective
from agents.window import window
from schemas.coverage import Case, CaseReconciled, RowFacts
from schemas.records import Kind, RowPseudonymised
from schemas.rules import Rules


class Counting(msgspec.Struct, frozen=True, gc=False):
    """The row that counts of one case, by what its record on ``nccid.rows`` can be found."""

    patient: str
    site: str
    kind: Kind
    upload: str
    row: int

    def is_of(self, record: RowPseudonymised) -> bool:
        """Whether the record is this row."""
        return (record.patient, record.kind, record.upload, record.row) == (self.patient, self.kind, self.upload, self.row)


class Publishable(msgspec.Struct, frozen=True, gc=False):
    """A complete case: the row to hand over, and its studies inside the window."""

    row: Counting
    person: str | None
    studies: tuple[tuple[str, int], ...]  # pseudonymous study UID, images reported

    @property
    def patient(self) -> str:
        """The pseudonym."""
        return self.row.patient


def publishable(known: CaseReconciled, rules: Rules) -> Publishable | None:
    """What of a case may be handed over now; None where it may not be."""
    case, status = known.case, known.status
    row = counting(case) if status is not None and status.state == "complete" else None
    if status is None or row is None:
        return None
    return Publishable(row, status.person, _studies(case, rules))


def counting(case: Case) -> Counting | None:
    """The row by which a case is judged, where it is usable: a main row, else a negative status row."""
    left = effective(case)
    if left.main is not None:
        return _counting(case, "positive", left.main)
    if left.status is not None and left.status.result != 1:
        return _counting(case, "negative", left.status)
    return None


def _counting(case: Case, kind: Kind, row: RowFacts) -> Counting:
    return Counting(case.patient, case.site, kind, row.upload, row.row)


def _studies(case: Case, rules: Rules) -> tuple[tuple[str, int], ...]:
    left = effective(case)
    inside = window(left.main, left.status, rules.at(case.site).windows)
    return tuple(
        (uid, sum(study.instances.values())) for uid, study in sorted(case.studies.items()) if inside.holds(study.study_date)
    )
