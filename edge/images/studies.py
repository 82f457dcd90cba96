"""Images become reports of studies: one for each study and PatientID, counting every distinct instance that ever came.

What is known of a study lies in the outbox, keyed and sealed, so that counts go on over commands and restarts. A report says all
that is known so far, and the same knowledge is the same event: sending the same images again reports nothing.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from edge.images.headers import Instance
from edge.sending.outbox import Message, Transaction
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer, StudyIdentity
from schemas.records import Origin, Sealed, StudyReceived
from schemas.sites import Site
from schemas.topics import RAW_IMAGES

_WIRE = RAW_IMAGES.wire
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNSEALED = Sealed(0, "")

_ROW = "SELECT id FROM study WHERE site = ? AND study = ? AND patient = ?"
_PATIENTS = "SELECT id, patient, key, report FROM study WHERE site = ? AND study = ?"
_COUNTS = "SELECT modality, count(*) FROM instance WHERE study = ? GROUP BY modality ORDER BY modality"
_FINGERPRINT = 16  # bytes
_EVENT = 32  # characters

_Groups = Mapping[tuple[str, str], Sequence[Instance]]  # by pseudonyms of study and patient
T = TypeVar("T", dt.date, str)


class StudyBook:
    """Keeps count of one site's studies, at one door."""

    def __init__(self, site: Site, origin: Origin, pseudonymiser: Pseudonymiser, sealer: Sealer) -> None:
        self._site = site
        self._origin = origin
        self._pseudonymiser = pseudonymiser
        self._sealer = sealer

    def take(self, transaction: Transaction, instances: Iterable[Instance], *, settled: bool) -> set[str]:
        """Counts instances, and puts a report of each study of which more is known now into the outbox.

        When a study turns out to hold a second PatientID, its first patient's report is made anew to say so.

        Args:
            transaction: in which all of it happens.
            instances: of any studies and patients, in any order.
            settled: whether the studies have been quiet for a while, as the reports should say.

        Returns:
            The pseudonymous UIDs of the studies that the instances belong to.

        Raises:
            KeyringError: a study known from before was sealed with a key version that the keyring does not have.
            SealError: it was sealed with another keyring.
        """
        groups: dict[tuple[str, str], list[Instance]] = defaultdict(list)
        for instance in instances:
            patient = self._pseudonymiser.patient(self._site, instance.patient_id)
            groups[self._pseudonymiser.uid(instance.study_uid), patient].append(instance)
        for (study, patient), group in groups.items():
            self._count(transaction, study, patient, group)
        studies = {study for study, _ in groups}
        for study in sorted(studies):
            self._report_all(transaction, study, groups, settled=settled)
        return studies

    def _count(self, transaction: Transaction, study: str, patient: str, group: Sequence[Instance]) -> None:
        """Remembers each instance once."""
        place = (self._site.code, study, patient)
        if not transaction.query(_ROW, *place):
            key = self._pseudonymiser.routing(self._site, group[0].patient_id)
            nothing = _WIRE.encode(self._nothing_yet(study, group[0]))
            insert = "INSERT INTO study (site, study, patient, key, report) VALUES (?, ?, ?, ?, ?)"
            transaction.write(insert, *place, key, nothing)
        row = transaction.query(_ROW, *place)[0][0]
        rows = ((row, self._fingerprint(each), each.modality) for each in group)
        transaction.write_each("INSERT OR IGNORE INTO instance VALUES (?, ?, ?)", rows)

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

    def _report_all(self, transaction: Transaction, study: str, groups: _Groups, *, settled: bool) -> None:
        """Reports each patient of a study of whom more is known than was reported."""
        patients = transaction.query(_PATIENTS, self._site.code, study)
        for row, patient, key, report in patients:
            before = _WIRE.decode(report)
            draft = replace(
                _merged(before, groups.get((study, patient), ())),
                event="",
                received_at=_NEVER,
                identity=_UNSEALED,
                instances=dict(transaction.query(_COUNTS, row)),
                patient_ids=len(patients),
                settled=settled,
            )
            event = self._pseudonymiser.receipt(f"{patient}/".encode() + _WIRE.encode(draft))[:_EVENT]
            if event != before.event:
                identity = self._sealer.open(before.identity, self._context(before.event))
                sealed = self._sealer.seal(identity, self._context(event))
                after = _WIRE.encode(replace(draft, event=event, received_at=transaction.instant, identity=sealed))
                transaction.write("UPDATE study SET report = ? WHERE id = ?", after, row)
                transaction.add([Message(event, RAW_IMAGES.name, key, after)])

    def _fingerprint(self, instance: Instance) -> bytes:
        return bytes.fromhex(self._pseudonymiser.receipt(f"instance/{instance.instance_uid}".encode()))[:_FINGERPRINT]

    def _context(self, event: str) -> str:
        return f"{self._site.code}/{event}"


def _merged(before: StudyReceived, news: Sequence[Instance]) -> StudyReceived:
    """What is known of a study with some more of its images; their order makes no difference."""
    return replace(
        before,
        study_date=_least([before.study_date, *(each.study_date for each in news)]),
        body_parts=sorted({*before.body_parts, *(each.body_part for each in news if each.body_part)}),
        manufacturer=_least([before.manufacturer, *(each.manufacturer for each in news)]),
        model=_least([before.model, *(each.model for each in news)]),
    )


def _least(values: Iterable[T | None]) -> T | None:
    return min((value for value in values if value is not None), default=None)
