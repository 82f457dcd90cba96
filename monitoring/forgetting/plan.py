"""Who has opted out, which records are theirs, and what has to be said before these go. Pure.

Once the records of a patient are gone, nothing but the topics of opt-outs can tell who that was. So everything that the published
case knows of the opt-out is said there first: a rebuild from the topics then comes to the same case, and drops what comes later.
Each record that goes leaves the same trace as one that arrives too late: in quarantine, without content, so that the audit still
accounts for its event.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.quarantine import Payload, Reason, Rejected, quarantined
from monitoring.topics import Found
from schemas.coverage import Case, CasesReconciled
from schemas.records import PatientWithdrawn, Quarantined, RowPseudonymised, Source, StudyPseudonymised
from schemas.topics import COVERAGE_STATUS, IMAGES, RECONCILABLE_WIRE, ROWS, WITHDRAWALS
from schemas.wire import UndecodableError

STEP = "forget"
SHELVES = (ROWS, IMAGES)
"""The topics that hold patients for ever. Others are compacted to the newest state, or forget by themselves within days."""


@dataclass(frozen=True, slots=True)
class OptedOut:
    """A withdrawn case, as the status topic has it."""

    match: str
    case: Case
    withdrawn_at: dt.datetime

    def testimonies(self) -> Iterator[PatientWithdrawn]:
        """All that the opt-out topic has to know of the case: one record for each person whom it has named."""
        persons: list[str | None] = [*self.case.persons] or [None]
        for person in persons:
            yield PatientWithdrawn(
                event=f"withdrawn-{self.case.patient}" + (f"-{person}" if person else ""),
                site=self.case.site,
                patient=self.case.patient,
                person=person,
                match=self.match,
                key_version=self.case.key_version,
                withdrawn_at=self.withdrawn_at,
            )


def opted_out(published: Iterable[CasesReconciled]) -> dict[str, OptedOut]:
    """The withdrawn cases by patient, of what is published last under each match."""
    return {
        known.case.patient: OptedOut(cases.match, known.case, known.case.withdrawn_at)
        for cases in published
        for known in cases.cases
        if known.case.withdrawn_at is not None
    }


def unsaid(gone: Iterable[OptedOut], said: Iterable[PatientWithdrawn]) -> list[PatientWithdrawn]:
    """What has to be said on the topic of opt-outs that is not said there yet."""
    known = {(each.patient, each.person) for each in said}
    return [each for one in gone for each in one.testimonies() if (each.patient, each.person) not in known]


def record_of(found: Found) -> RowPseudonymised | StudyPseudonymised | None:
    """The row or study that lies here; None where something else does, which reconcile quarantines."""
    try:
        record = RECONCILABLE_WIRE.decode(found.value or b"")
    except UndecodableError:
        return None
    return record if isinstance(record, RowPseudonymised | StudyPseudonymised) else None


def trace(found: Found, event: str) -> Quarantined:
    """What is left of a record that goes: that it was there, and why it is not any more."""
    source = Source(topic=found.topic, partition=found.partition, offset=found.offset)
    at = dt.datetime.fromtimestamp(found.timestamp / 1000, dt.UTC)
    payload = Payload(source, at, found.value or b"", event=event)
    return quarantined(Rejected(Reason.WITHDRAWN), STEP, payload, sealed=None)


def published_cases(found: Iterable[Found]) -> dict[str, CasesReconciled]:
    """The newest cases by match, of messages in the order of their offsets; what is no record hides nothing."""
    newest: dict[str, CasesReconciled] = {}
    for each in found:
        if each.value is not None and each.topic == COVERAGE_STATUS.name:
            try:
                cases = COVERAGE_STATUS.wire.decode(each.value)
            except UndecodableError:
                continue
            newest[cases.match] = cases
    return newest


def said_on(found: Iterable[Found]) -> list[PatientWithdrawn]:
    """The opt-outs among the messages."""
    said = []
    for each in found:
        if each.value is not None and each.topic == WITHDRAWALS.name:
            try:
                said.append(WITHDRAWALS.wire.decode(each.value))
            except UndecodableError:
                continue
    return said
