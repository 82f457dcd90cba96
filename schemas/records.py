"""The records of the flow, in the order in which they come into being: facts, frozen, strict, and without an identifier.

Every record is a tagged, versioned msgspec Struct: ``{"type": "row-submitted/1", ...}``. A missing or an unknown field is an
error when it is decoded (``schemas.wire``), so a producer and a consumer that disagree find out on the first record.

Times are aware datetimes in UTC. Dates are calendar dates. Pseudonyms are text; what they are made from stands in
``identity.pseudonyms``.
"""

import datetime as dt
from typing import Annotated, Literal

import msgspec

Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]
"""A moment. One without its zone is an error: it could not be compared with the others."""

Kind = Literal["positive", "negative"]
"""Which spreadsheet: the main sheet (PCR-positive patients) or the status sheet (PCR-negative patients)."""

PacsIdentifier = Literal["hospital", "nhs"]
"""What a site's PACS uses as primary patient ID, and so what DICOM PatientID carries there."""

Origin = Literal["spreadsheet", "send-images", "node", "folder"]
"""The door through which something came in."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all records have in common: they cannot be changed, and nothing unknown is let in."""


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Identifiers as one AES-GCM ciphertext under the intake key; only ``identity.seal`` makes or opens one.

    ``text`` is URL-safe base64 of nonce and ciphertext. It is kept out of ``repr``: long, and of no use to a reader.
    """

    key_version: int
    text: str

    def __repr__(self) -> str:
        return f"Sealed(key_version={self.key_version}, {len(self.text)} characters)"


# --- what the edge says: raw topics, identifiers sealed ---------------------------------------------------------------


class RowSubmitted(Record, frozen=True, kw_only=True, tag="row-submitted/1"):
    """A nurse uploaded a spreadsheet, all of it was valid, and this is one of its rows."""

    event: str  # stable id of this fact: the same upload and row, the same event
    site: str
    kind: Kind
    upload: str
    uploaded_at: Time
    row: int  # the sheet's own row number, as the nurse sees it
    identity: Sealed  # of identity.seal.RowIdentity
    swab_date: dt.date | None
    result: Literal[0, 1] | None  # of the RT-PCR; None on the main sheet
    values: dict[str, str]  # the other columns as given, by template key; empty cells are left out


class StudyReceived(Record, frozen=True, kw_only=True, tag="study-received/1"):
    """Instances of one study under one PatientID have arrived at the site's door; later reports count all so far."""

    event: str
    site: str
    origin: Origin
    study: str  # pseudonymous StudyInstanceUID
    received_at: Time  # when this report was made
    identity: Sealed  # of identity.seal.StudyIdentity
    study_date: dt.date | None  # StudyDate, else AcquisitionDate, else ContentDate
    instances: dict[str, int]  # Modality -> distinct instances received so far
    patient_ids: int  # distinct PatientIDs met in this study so far
    body_parts: list[str]
    manufacturer: str | None
    model: str | None
    settled: bool  # nothing new has come for a while


# --- what pseudonymise says: no identifier from here on --------------------------------------------------------------


class RowPseudonymised(Record, frozen=True, kw_only=True, tag="row-pseudonymised/1"):
    """A row whose identifiers have become pseudonyms."""

    event: str
    site: str
    kind: Kind
    upload: str
    uploaded_at: Time
    row: int
    patient: str
    person: str | None
    match: str
    nhs_sealed: str | None
    key_version: int
    form: str  # the PACS identifier as a mask, such as AA99999999
    swab_date: dt.date | None
    result: Literal[0, 1] | None
    values: dict[str, str]


class StudyPseudonymised(Record, frozen=True, kw_only=True, tag="study-pseudonymised/1"):
    """A report of a study whose PatientID has become a pseudonym."""

    event: str
    site: str
    origin: Origin
    study: str
    received_at: Time
    patient: str
    person: str | None
    match: str
    key_version: int
    form: str
    study_date: dt.date | None
    instances: dict[str, int]
    patient_ids: int
    body_parts: list[str]
    manufacturer: str | None
    model: str | None
    settled: bool


# --- what a site says of patients who opt out: pseudonyms, made at the site, so that the number itself is kept nowhere -----


class PatientWithdrawn(Record, frozen=True, kw_only=True, tag="patient-withdrawn/1"):
    """The patient of this pseudonym has opted out."""

    event: str
    site: str
    patient: str
    person: str | None  # where the site knows it
    match: str
    key_version: int
    withdrawn_at: Time


# --- what the clock says ---------------------------------------------------------------------------------------------


class Ticked(Record, frozen=True, kw_only=True, tag="ticked/1"):
    """The clock has passed the deadline of at least one case in this partition."""

    at: Time


# --- what cannot be used ----------------------------------------------------------------------------------------------


class Source(Record, frozen=True, kw_only=True):
    """Where a record lay: enough to find it again on the broker."""

    topic: str
    partition: int
    offset: int


class Quarantined(Record, frozen=True, kw_only=True, tag="quarantined/1"):
    """A record that could not be used: why, where it came from, and what of it may be kept."""

    reason: str  # a code of agents.quarantine.Reason
    detail: str  # for a person; never a value of the record
    step: str
    source: Source
    event: str | None  # where the record could be read far enough to know
    quarantined_at: Time  # the broker's timestamp of the record, not a clock: a replay says the same
    original: str | None  # the payload as it came, where all identifiers in it are sealed or pseudonymous
    sealed: Sealed | None  # the payload sealed, where nothing can be said of what is in it and a key is at hand
    digest: str  # SHA-256 of the payload
    key: str | None = None  # the record's message key in base64, where it is one of our pseudonyms: nothing else is repeated
    purged_at: Time | None = None  # somebody has purged it: this is what is left, in place of what was kept before


Raw = RowSubmitted | StudyReceived
Pseudonymised = RowPseudonymised | StudyPseudonymised
