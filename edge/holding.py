"""What this machine holds of a site's patients: which message in the outbox is whose, and how all of a patient is deleted."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from edge.sending.outbox import Transaction
from identity import numbers
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer, StudyIdentity
from schemas.records import Raw, RowSubmitted
from schemas.sites import Site
from schemas.topics import RAW_IMAGES, RAW_ROWS, RAW_WIRE


@dataclass(frozen=True, slots=True)
class Held:
    """A message in the outbox, opened far enough to say whose it is."""

    id: int
    patient: str
    pacs: HospitalNumber
    person: str | None
    rank: tuple[dt.datetime, str, int] | None  # of a row


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one site's patients."""

    site: Site
    pseudonymiser: Pseudonymiser
    sealer: Sealer

    def held(self, transaction: Transaction) -> Iterator[Held]:
        """The site's rows and images in the outbox, each with its patient.

        Raises:
            SealError, KeyringError: one cannot be opened, so it cannot be said whose it is.
        """
        select = "SELECT id, value FROM message WHERE topic IN (?, ?)"
        for number, value in transaction.query(select, RAW_ROWS.name, RAW_IMAGES.name):
            record = RAW_WIRE.decode(value)
            if record.site == self.site.code:
                yield self._opened(number, record)

    def _opened(self, number: int, record: Raw) -> Held:
        identity = self.sealer.open(record.identity, f"{record.site}/{record.event}")
        if isinstance(identity, StudyIdentity):
            pacs, person = HospitalNumber(identity.patient_id or ""), None
        else:
            nhs = numbers.parse(identity.nhs_number)
            person = self.pseudonymiser.person(nhs) if isinstance(nhs, NhsNumber) else None
            by_nhs = self.site.pacs_identifier == "nhs"
            pacs = HospitalNumber((identity.nhs_number if by_nhs else identity.hospital_number) or "")
        rank = (record.uploaded_at, record.upload, record.row) if isinstance(record, RowSubmitted) else None
        return Held(number, self.pseudonymiser.patient(self.site, pacs), pacs, person, rank)

    def delete(self, transaction: Transaction, patients: Collection[str], held: Iterable[Held]) -> int:
        """Deletes what this machine has of these patients, and overwrites it.

        Returns:
            How many messages that were.
        """
        transaction.query("PRAGMA secure_delete = ON")
        gone = [each.id for each in held if each.patient in patients]
        of_study = [(self.site.code, patient) for patient in sorted(patients)]
        transaction.write_each("DELETE FROM message WHERE id = ?", [(number,) for number in gone])
        transaction.write_each(
            "DELETE FROM instance WHERE study IN (SELECT id FROM study WHERE site = ? AND patient = ?)", of_study
        )
        transaction.write_each("DELETE FROM study WHERE site = ? AND patient = ?", of_study)
        return len(gone)
