"""Images become reports of studies: one for each study and PatientID, counting every distinct instance that ever came.

What is known of a study lies in the outbox, keyed and sealed, so that counts go on over commands and restarts. A report says all
that is known so far, and the same knowledge is the same event: sending the same images again reports nothing.

What comes in one go (a command) is settled at once. What comes over the node leaves its study open: it is reported on the first
instance, and again when ``settle`` finds that it has been quiet for a while, or open for long. A later instance opens it again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace

from edge.images.headers import Instance
from edge.sending.database import microseconds
from edge.sending.outbox import Message, Transaction
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer, StudyIdentity
from schemas.records import Origin, Sealed, StudyReceived
from schemas.rules import Settling
from schemas.sites import Site
from schemas.topics import RAW_IMAGES

_WIRE = RAW_IMAGES.wire
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNSEALED = Sealed(0, "")

_ROW = "SELECT id FROM study WHERE site = ? AND study = ? AND patient = ?"
_PATIENTS = "SELECT id, patient, key, report, open_since FROM study WHERE site = ? AND study = ?"
_FILE = "SELECT file FROM instance WHERE study = ? AND fingerprint = ?"
_TAKE = "INSERT INTO instance VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET file = coalesce(excluded.file, file)"
_OPEN = "UPDATE study SET open_since = coalesce(open_since, ?), last_at = ? WHERE id = ?"
_DUE = """
    SELECT id, patient, key, report, (SELECT count(*) FROM study AS part WHERE part.site = here.site AND part.study = here.study)
    FROM study AS here WHERE site = ? AND open_since IS NOT NULL AND (last_at <= ? OR open_since <= ?)"""
_COUNTS = "SELECT modality, count(*) FROM instance WHERE study = ? GROUP BY modality ORDER BY modality"
_FINGERPRINT = 16  # bytes
_EVENT = 32  # characters

T = TypeVar("T", dt.date, str)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image that has come, and its file in its study's folder of the store, where it is kept."""

    instance: Instance
    file: str | None = None


_Groups = Mapping[tuple[str, str], Sequence[Arrival]]  # by pseudonyms of study and patient


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one patient's part of a study, and by which row, patient and key."""

    row: int
    patient: str
    key: bytes
    report: StudyReceived


class StudyBook:
    """Keeps count of one site's studies, at one door."""

    def __init__(self, site: Site, origin: Origin, pseudonymiser: Pseudonymiser, sealer: Sealer) -> None:
        self._site = site
        self._origin = origin
        self._pseudonymiser = pseudonymiser
        self._sealer = sealer

    def file(self, transaction: Transaction, instance: Instance) -> str | None:
        """The file of an image that came before, in its study's folder; None where it did not, or was only counted."""
        place = (self._pseudonymiser.uid(instance.study_uid), self._pseudonymiser.patient(self._site, instance.patient_id))
        row = transaction.query(_ROW, self._site.code, *place)
        known = transaction.query(_FILE, row[0][0], self._fingerprint(instance)) if row else []
        return known[0][0] if known else None

    def take(self, transaction: Transaction, arrivals: Iterable[Arrival], *, settled: bool) -> set[str]:
        """Counts images, and puts reports of their studies into the outbox where there is something to say.

        When a study turns out to hold a second PatientID, its first patient's report is made anew to say so.

        Args:
            transaction: in which all of it happens.
            arrivals: of any studies and patients, in any order.
            settled: whether all that is coming has come. Each study of which more is known now is reported, and counts as
                settled unless the node is waiting for more of it. Otherwise it is left open, and reported when it was not open.

        Returns:
            The pseudonymous UIDs of the studies that the instances belong to.

        Raises:
            KeyringError: a study known from before was sealed with a key version that the keyring does not have.
            SealError: it was sealed with another keyring.
        """
        groups: dict[tuple[str, str], list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            patient = self._pseudonymiser.patient(self._site, arrival.instance.patient_id)
            groups[self._pseudonymiser.uid(arrival.instance.study_uid), patient].append(arrival)
        fresh = {place for place, group in groups.items() if self._count(transaction, *place, group)}
        studies = {study for study, _ in groups}
        for study in sorted(studies):
            self._tell(transaction, study, groups, fresh, settled=settled)
        return studies

    def settle(self, transaction: Transaction, rules: Settling) -> int:
        """Reports the open studies that have been quiet, or open, for as long as the rules say: they are settled now.

        Returns:
            How many.

        Raises:
            KeyringError, SealError: as ``take``.
        """
        at = microseconds(transaction.instant)
        quiet, cap = (at - wait // dt.timedelta(microseconds=1) for wait in (rules.quiet, rules.cap))
        due = transaction.query(_DUE, self._site.code, quiet, cap)
        for row, patient, key, report, patients in due:
            transaction.write("UPDATE study SET open_since = NULL WHERE id = ?", row)
            known = _Known(row, patient, key, _WIRE.decode(report))
            self._report(transaction, known, known.report, patients, settled=True)
        return len(due)

    def _count(self, transaction: Transaction, study: str, patient: str, group: Sequence[Arrival]) -> bool:
        """Remembers each instance once; answers whether one was new."""
        place = (self._site.code, study, patient)
        if not transaction.query(_ROW, *place):
            key = self._pseudonymiser.routing(self._site, group[0].instance.patient_id)
            nothing = _WIRE.encode(self._nothing_yet(study, group[0].instance))
            insert = "INSERT INTO study (site, study, patient, key, report) VALUES (?, ?, ?, ?, ?)"
            transaction.write(insert, *place, key, nothing)
        row = transaction.query(_ROW, *place)[0][0]
        rows = [(row, self._fingerprint(each.instance), each.instance.modality, each.file) for each in group]
        fresh = any(not transaction.query(_FILE, *instance[:2]) for instance in rows)
        transaction.write_each(_TAKE, rows)
        return fresh

    def _nothing_yet(self, study: str, instance: Instance) -> StudyReceived:
        """What is known before the first report: whose study it is."""
        return StudyReceived(
            event="",
            site=self._site.code,
            origin=self._origin,
            study=study,
            received_at=_NEVER,
            identity=self._sealer.seal(StudyIdentity(instance.patient_id.text), self._context("")),
            study_date=None,
            instances={},
            patient_ids=0,
            body_parts=[],
            manufacturer=None,
            model=None,
            settled=False,
        )

    def _tell(self, transaction: Transaction, study: str, groups: _Groups, fresh: set[tuple[str, str]], *, settled: bool) -> None:
        """Reports each patient of a study of whom there is something to say, and remembers of the others what is new."""
        patients = transaction.query(_PATIENTS, self._site.code, study)
        for row, patient, key, report, open_since in patients:
            known = _Known(row, patient, key, _WIRE.decode(report))
            now = _merged(known.report, groups.get((study, patient), ()))
            waits = not settled and (study, patient) in fresh
            if waits:
                at = microseconds(transaction.instant)
                transaction.write(_OPEN, at, at, row)
            if settled or (waits and open_since is None) or known.report.patient_ids != len(patients):
                quiet = open_since is None and not waits
                self._report(transaction, known, now, len(patients), settled=quiet)
            elif now != known.report:
                transaction.write("UPDATE study SET report = ? WHERE id = ?", _WIRE.encode(now), row)

    def _report(self, transaction: Transaction, known: _Known, now: StudyReceived, patients: int, *, settled: bool) -> None:
        """Puts a report into the outbox, unless the last one said the same."""
        draft = replace(
            now,
            event="",
            received_at=_NEVER,
            identity=_UNSEALED,
            instances=dict(transaction.query(_COUNTS, known.row)),
            patient_ids=patients,
            settled=settled,
        )
        event = self._pseudonymiser.receipt(f"{known.patient}/".encode() + _WIRE.encode(draft))[:_EVENT]
        if event != known.report.event:
            identity = self._sealer.open(known.report.identity, self._context(known.report.event))
            sealed = self._sealer.seal(identity, self._context(event))
            after = _WIRE.encode(replace(draft, event=event, received_at=transaction.instant, identity=sealed))
            transaction.write("UPDATE study SET report = ? WHERE id = ?", after, known.row)
            transaction.add([Message(event, RAW_IMAGES.name, known.key, after)])

    def _fingerprint(self, instance: Instance) -> bytes:
        return bytes.fromhex(self._pseudonymiser.receipt(f"instance/{instance.instance_uid}".encode()))[:_FINGERPRINT]

    def _context(self, event: str) -> str:
        return f"{self._site.code}/{event}"


def _merged(before: StudyReceived, news: Sequence[Arrival]) -> StudyReceived:
    """What is known of a study with some more of its images; their order makes no difference."""
    images = [each.instance for each in news]
    return replace(
        before,
        study_date=_least([before.study_date, *(each.study_date for each in images)]),
        body_parts=sorted({*before.body_parts, *(each.body_part for each in images if each.body_part)}),
        manufacturer=_least([before.manufacturer, *(each.manufacturer for each in images)]),
        model=_least([before.model, *(each.model for each in images)]),
    )


def _least(values: Iterable[T | None]) -> T | None:
    return min((value for value in values if value is not None), default=None)
