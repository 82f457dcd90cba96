"""Pseudonymise: opens the seal in memory, validates, computes the pseudonyms, and forgets.

reads    nccid.raw.rows (RowSubmitted), nccid.raw.images (StudyReceived), nccid.raw.withdrawals (WithdrawalSubmitted)
writes   nccid.rows (RowPseudonymised), nccid.images (StudyPseudonymised); of a withdrawal nccid.withdrawals (PatientWithdrawn)
         for the hospital number, nccid.person-cases (PersonWithdrawn) for the NHS/CHI number
keeps    nothing
rejects  an unknown site, a seal that does not open, an identifier that cannot be used at the site

The only step that is given a key. Everything after it runs without any.
"""

from dataclasses import dataclass

from agents.quarantine import Reason, Rejected
from identity import hospital, numbers
from identity.hospital import HospitalNumber
from identity.keyring import KeyringError
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser, pacs_form
from identity.seal import Identity, LinkageSealer, RowIdentity, Sealer, SealError, StudyIdentity
from schemas.people import PersonWithdrawn
from schemas.records import (
    PatientWithdrawn,
    Raw,
    RowPseudonymised,
    RowSubmitted,
    StudyPseudonymised,
    StudyReceived,
    WithdrawalSubmitted,
)
from schemas.sites import Site, Sites

Pseudonymous = RowPseudonymised | StudyPseudonymised | PatientWithdrawn | PersonWithdrawn


@dataclass(frozen=True, slots=True)
class Pseudonymise:
    """The step with what it is given: keys and the registry."""

    sites: Sites
    pseudonyms: Pseudonymiser
    sealer: Sealer
    linkage: LinkageSealer

    def __call__(self, record: Raw) -> tuple[Pseudonymous, ...] | Rejected:
        """One raw record as what it becomes without identifiers (a withdrawal may become two records), or why not."""
        site = self.sites.get(record.site)
        if site is None:
            return Rejected(Reason.UNKNOWN_SITE)
        identity = self._opened(record)
        match record, identity:
            case _, Rejected():
                return identity
            case RowSubmitted(), RowIdentity():
                return self._row(record, identity, site)
            case StudyReceived(), StudyIdentity():
                return self._study(record, identity, site)
            case WithdrawalSubmitted(), RowIdentity():
                return self._withdrawal(record, identity, site)
            case _:
                return Rejected(Reason.SEAL_BROKEN, "the seal holds the identity of another kind of record")

    def _opened(self, record: Raw) -> Identity | Rejected:
        try:
            return self.sealer.open(record.identity, f"{record.site}/{record.event}")
        except SealError:
            return Rejected(Reason.SEAL_BROKEN)
        except KeyringError:
            return Rejected(Reason.KEY_MISSING)

    def _row(self, record: RowSubmitted, identity: RowIdentity, site: Site) -> tuple[RowPseudonymised] | Rejected:
        nhs = None if identity.nhs_number is None else numbers.parse(identity.nhs_number)
        if isinstance(nhs, numbers.NumberProblem):
            return Rejected(Reason.IDENTIFIER_UNUSABLE, f"NHS/CHI number: {nhs.words}")
        pacs = _pacs_identifier(nhs, identity.hospital_number, site)
        if isinstance(pacs, Rejected):
            return pacs
        row = RowPseudonymised(
            event=record.event,
            site=record.site,
            kind=record.kind,
            upload=record.upload,
            uploaded_at=record.uploaded_at,
            row=record.row,
            patient=self.pseudonyms.patient(site, pacs),
            person=self.pseudonyms.person(nhs) if nhs else None,
            match=self.pseudonyms.match(site, pacs),
            nhs_sealed=self.linkage.seal(nhs) if nhs else None,
            key_version=self.pseudonyms.key_version,
            form=pacs.form,
            swab_date=record.swab_date,
            result=record.result,
            values=record.values,
        )
        return (row,)

    def _study(self, record: StudyReceived, identity: StudyIdentity, site: Site) -> tuple[StudyPseudonymised] | Rejected:
        pacs = hospital.parse(identity.patient_id)
        if isinstance(pacs, hospital.HospitalNumberProblem):
            return Rejected(Reason.IDENTIFIER_UNUSABLE, f"PatientID: {pacs.words}")
        nhs = _nhs_number_in(pacs, site)
        study = StudyPseudonymised(
            event=record.event,
            site=record.site,
            origin=record.origin,
            study=record.study,
            received_at=record.received_at,
            patient=self.pseudonyms.patient(site, pacs),
            person=self.pseudonyms.person(nhs) if nhs else None,
            match=self.pseudonyms.match(site, pacs),
            key_version=self.pseudonyms.key_version,
            form=pacs_form(site, pacs).form,
            study_date=record.study_date,
            instances=record.instances,
            patient_ids=record.patient_ids,
            body_parts=record.body_parts,
            manufacturer=record.manufacturer,
            model=record.model,
            settled=record.settled,
        )
        return (study,)

    def _withdrawal(self, record: WithdrawalSubmitted, identity: RowIdentity, site: Site) -> tuple[Pseudonymous, ...] | Rejected:
        nhs = numbers.parse(identity.nhs_number)
        pacs = _pacs_identifier(nhs if isinstance(nhs, NhsNumber) else None, identity.hospital_number, site)
        withdrawn: list[Pseudonymous] = []
        if isinstance(nhs, NhsNumber):
            person = self.pseudonyms.person(nhs)
            withdrawn.append(PersonWithdrawn(event=record.event, person=person, withdrawn_at=record.withdrawn_at))
        if isinstance(pacs, HospitalNumber):
            withdrawn.append(
                PatientWithdrawn(
                    event=record.event,
                    site=record.site,
                    patient=self.pseudonyms.patient(site, pacs),
                    match=self.pseudonyms.match(site, pacs),
                    key_version=self.pseudonyms.key_version,
                    withdrawn_at=record.withdrawn_at,
                )
            )
        return tuple(withdrawn) or Rejected(Reason.IDENTIFIER_UNUSABLE, "neither an NHS/CHI number nor a hospital number")


def _pacs_identifier(nhs: NhsNumber | None, hospital_number: str | None, site: Site) -> HospitalNumber | Rejected:
    """What the site's PACS calls the patient of a row."""
    if site.pacs_identifier == "nhs":
        return (
            HospitalNumber(nhs.digits) if nhs else Rejected(Reason.IDENTIFIER_UNUSABLE, "no NHS/CHI number, which PACS goes by")
        )
    number = hospital.parse(hospital_number)
    if isinstance(number, hospital.HospitalNumberProblem):
        return Rejected(Reason.IDENTIFIER_UNUSABLE, f"hospital number: {number.words}")
    return number


def _nhs_number_in(pacs: HospitalNumber, site: Site) -> NhsNumber | None:
    """The NHS/CHI number that a PatientID is, unless it has the form of the site's own hospital numbers."""
    number = numbers.parse(pacs.text)
    own = site.pacs_identifier == "hospital" and hospital.fits(pacs, site.hospital_number_pattern)
    return number if isinstance(number, NhsNumber) and not own else None
