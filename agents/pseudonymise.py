"""Pseudonymise: opens the seal in memory, validates, computes the pseudonyms, and forgets.

reads    nccid.raw.rows (RowSubmitted), nccid.raw.images (StudyReceived)
writes   nccid.rows (RowPseudonymised), nccid.images (StudyPseudonymised)
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
from schemas.records import Pseudonymised, Raw, RowPseudonymised, RowSubmitted, StudyPseudonymised, StudyReceived
from schemas.sites import Site, Sites


@dataclass(frozen=True, slots=True)
class Pseudonymise:
    """The step with what it is given: keys and the registry."""

    sites: Sites
    pseudonyms: Pseudonymiser
    sealer: Sealer
    linkage: LinkageSealer

    def __call__(self, record: Raw) -> Pseudonymised | Rejected:
        """One raw record as its pseudonymised one, or why not."""
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
            case _:
                return Rejected(Reason.SEAL_BROKEN, "the seal holds the identity of another kind of record")

    def _opened(self, record: Raw) -> Identity | Rejected:
        try:
            return self.sealer.open(record.identity, f"{record.site}/{record.event}")
        except SealError:
            return Rejected(Reason.SEAL_BROKEN)
        except KeyringError:
            return Rejected(Reason.KEY_MISSING)

    def _row(self, record: RowSubmitted, identity: RowIdentity, site: Site) -> RowPseudonymised | Rejected:
        nhs = None if identity.nhs_number is None else numbers.parse(identity.nhs_number)
        if isinstance(nhs, numbers.NumberProblem):
            return Rejected(Reason.IDENTIFIER_UNUSABLE, f"NHS/CHI number: {nhs.words}")
        pacs = _pacs_identifier(nhs, identity.hospital_number, site)
        if isinstance(pacs, Rejected):
            return pacs
        return RowPseudonymised(
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

    def _study(self, record: StudyReceived, identity: StudyIdentity, site: Site) -> StudyPseudonymised | Rejected:
        pacs = hospital.parse(identity.patient_id)
        if isinstance(pacs, hospital.HospitalNumberProblem):
            return Rejected(Reason.IDENTIFIER_UNUSABLE, f"PatientID: {pacs.words}")
        nhs = _nhs_number_in(pacs, site)
        return StudyPseudonymised(
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
