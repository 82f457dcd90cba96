"""What the centre's tests are made of: keys, sites, rows, studies and the flow in memory; a test names only what it is about.

Every NHS number is from the never-issued 999 range. Numbers of other schemes are computed where needed (``with_check_digit``).
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace
from nhs_number.validate import calculate_checksum

from identity import hospital, numbers
from identity.hospital import HospitalNumber
from identity.keyring import Keyring
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import Identity, RowIdentity, Sealer, StudyIdentity
from schemas.alerts import Alert, UploadSubmitted
from schemas.coverage import CoverageStatus
from schemas.people import PersonReconciled, PersonWithdrawn
from schemas.records import (
    Kind,
    Origin,
    PatientWithdrawn,
    Raw,
    RowPseudonymised,
    RowSubmitted,
    StudyPseudonymised,
    StudyReceived,
)
from schemas.rules import Rules, default_rules
from schemas.sites import EXAMPLE, Site, read_sites
from schemas.topics import (
    ALERTS,
    COVERAGE_STATUS,
    PEOPLE,
    PERSON_WITHDRAWALS,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    UPLOADS,
    WITHDRAWALS,
    AnyTopic,
)
from schemas.topics import SITES as SITES_TOPIC
from schemas.wire import Wire
from streams.memory import MemoryBroker
from streams.steps import Given
from streams.topology import TOPOLOGY

KEYRING = Keyring({1: b"thirty-two bytes of test secret."})
OTHER_KEYRING = Keyring({1: b"another thirty-two test bytes..."})
SITES = read_sites(EXAMPLE)
RULES = default_rules()

ANN, BOB, CAT, DAN = "9994621785", "9995451018", "9995181630", "9995202697"
RR1, RR2 = "RR99900001", "RR99900002"
NOON = dt.datetime(2020, 5, 7, 12, 0, tzinfo=dt.UTC)
SWAB = dt.date(2020, 5, 1)
FILMED = dt.date(2020, 5, 2)


def site(code: str = "RDGM") -> Site:
    """One of the invented sites: RDGM, EXMR, PENM and LARK go by hospital numbers, NTHV by NHS numbers."""
    return SITES[code]


def given(rules: Rules = RULES, keyring: Keyring | None = KEYRING) -> Given:
    return Given(sites=SITES, rules=rules, keyring=keyring)


def nhs(text: str = ANN) -> NhsNumber:
    number = numbers.parse(text)
    assert isinstance(number, NhsNumber)
    return number


def hospital_number(text: str = RR1) -> HospitalNumber:
    number = hospital.parse(text)
    assert isinstance(number, HospitalNumber)
    return number


def with_check_digit(stem: str) -> str:
    """Nine digits and the tenth that fits them (NHS Data Model and Dictionary, NHS NUMBER)."""
    tenth = calculate_checksum(stem)
    assert tenth is not None, "nine digits are needed"
    assert tenth < 10, "no tenth digit fits this stem; take another"
    return f"{stem}{tenth}"


# --- raw records: identifiers sealed, as the edge sends them -----------------------------------------------------------


def sealed_into(record: Raw, identity: Identity, keyring: Keyring = KEYRING) -> Raw:
    """The record with this identity in its seal."""
    return replace(record, identity=Sealer(keyring).seal(identity, f"{record.site}/{record.event}"))


def raw_row(
    *,
    nhs_number: str | None = ANN,
    hospital_number: str | None = RR1,
    site: str = "RDGM",
    kind: Kind = "positive",
    uploaded_at: dt.datetime = NOON,
    upload: str | None = None,
    row: int = 2,
    swab_date: dt.date | None = SWAB,
    result: Literal[0, 1] | None = None,
    values: dict[str, str] | None = None,
    keyring: Keyring = KEYRING,
) -> RowSubmitted:
    upload = upload or f"{kind}-{uploaded_at:%Y%m%dT%H%M%S}"
    event = f"{upload}-{row}"
    return RowSubmitted(
        event=event,
        site=site,
        kind=kind,
        upload=upload,
        uploaded_at=uploaded_at,
        row=row,
        identity=Sealer(keyring).seal(RowIdentity(nhs_number, hospital_number), f"{site}/{event}"),
        swab_date=swab_date,
        result=0 if kind == "negative" and result is None else result,
        values={} if values is None else values,
    )


def raw_study(
    *,
    patient_id: str | None = RR1,
    site: str = "RDGM",
    study: str = "S1",
    received_at: dt.datetime = NOON,
    study_date: dt.date | None = FILMED,
    instances: dict[str, int] | None = None,
    patient_ids: int = 1,
    settled: bool = True,
    origin: Origin = "node",
    keyring: Keyring = KEYRING,
) -> StudyReceived:
    """The study's UID is made from the short name ``study``; the event follows from all that is said, as the edge does it."""
    instances = {"DX": 1} if instances is None else instances
    said = repr((patient_id, site, study, received_at, study_date, sorted(instances.items()), patient_ids, settled, origin))
    event = hashlib.sha256(said.encode()).hexdigest()[:32]
    return StudyReceived(
        event=event,
        site=site,
        origin=origin,
        study=Pseudonymiser(keyring).uid(study),
        received_at=received_at,
        identity=Sealer(keyring).seal(StudyIdentity(patient_id), f"{site}/{event}"),
        study_date=study_date,
        instances=instances,
        patient_ids=patient_ids,
        body_parts=["CHEST"],
        manufacturer="Invented Imaging",
        model="Mark 1",
        settled=settled,
    )


def patient_withdrawn(
    *, hospital_number: str = RR1, nhs_number: str | None = None, site: str = "RDGM", withdrawn_at: dt.datetime = NOON
) -> PatientWithdrawn:
    """What the edge says of a patient by the site's own number: pseudonyms only; ``nhs_number`` where it had a row with one."""
    pseudonyms, number = Pseudonymiser(KEYRING), HospitalNumber(hospital_number.upper())
    patient = pseudonyms.patient(SITES[site], number)
    return PatientWithdrawn(
        event=f"withdrawn-{patient}",
        site=site,
        patient=patient,
        person=pseudonyms.person(nhs(nhs_number)) if nhs_number else None,
        match=pseudonyms.match(SITES[site], number),
        key_version=1,
        withdrawn_at=withdrawn_at,
    )


def person_withdrawn(*, nhs_number: str = ANN, withdrawn_at: dt.datetime = NOON) -> PersonWithdrawn:
    """What the edge says of a person by the NHS/CHI number: a pseudonym only."""
    number = numbers.parse(nhs_number)
    assert isinstance(number, numbers.NhsNumber)
    person = Pseudonymiser(KEYRING).person(number)
    return PersonWithdrawn(event=f"withdrawn-{person}", person=person, withdrawn_at=withdrawn_at)


def upload_submitted(*, site: str = "RDGM", uploaded_at: dt.datetime = NOON, kind: Kind = "positive") -> UploadSubmitted:
    """What the edge says of a spreadsheet as a whole."""
    upload = f"{kind}-{uploaded_at:%Y%m%dT%H%M%S}"
    return UploadSubmitted(event=upload, site=site, kind=kind, upload=upload, uploaded_at=uploaded_at, rows=1)


# --- pseudonymised records: what runs after pseudonymise ---------------------------------------------------------------


def row(
    *, patient: str = "CovidANN", person: str | None = "PANN", kind: Kind = "positive", uploaded_at: dt.datetime = NOON
) -> RowPseudonymised:
    return RowPseudonymised(
        event=f"row-{uploaded_at:%H%M%S}",
        site="RDGM",
        kind=kind,
        upload=f"upload-{uploaded_at:%H%M%S}",
        uploaded_at=uploaded_at,
        row=2,
        patient=patient,
        person=person,
        match="MANN",
        nhs_sealed=None,
        key_version=1,
        form="AA99999999",
        swab_date=SWAB,
        result=0 if kind == "negative" else None,
        values={},
    )


def study(*, patient: str = "CovidANN", study: str = "2.25.1", received_at: dt.datetime = NOON) -> StudyPseudonymised:
    return StudyPseudonymised(
        event=f"study-{study}-{received_at:%H%M%S}",
        site="RDGM",
        origin="node",
        study=study,
        received_at=received_at,
        patient=patient,
        person=None,
        match="MANN",
        key_version=1,
        form="AA99999999",
        study_date=FILMED,
        instances={"DX": 1},
        patient_ids=1,
        body_parts=["CHEST"],
        manufacturer=None,
        model=None,
        settled=True,
    )


# --- the whole path, in memory -----------------------------------------------------------------------------------------


Sent = Raw | PatientWithdrawn | PersonWithdrawn | UploadSubmitted
"""What the edge sends."""


def sent(record: Sent) -> tuple[AnyTopic, bytes]:
    """Where the edge puts a record, and under which key."""
    match record:
        case RowSubmitted():
            return RAW_ROWS, b"routing"
        case StudyReceived():
            return RAW_IMAGES, b"routing"
        case PatientWithdrawn():
            return WITHDRAWALS, record.match.encode()
        case PersonWithdrawn():
            return PERSON_WITHDRAWALS, record.person.encode()
        case UploadSubmitted():
            return UPLOADS, record.site.encode()


class Flow:
    """The topology in memory, fed with raw records as the edge feeds it."""

    def __init__(self, given: Given | None = None) -> None:
        self.broker = MemoryBroker(TOPOLOGY, _GIVEN if given is None else given)

    def arrives(self, *records: Sent) -> "Flow":
        for record in records:
            topic, key = sent(record)
            self.broker.publish(topic, key, Wire.encode(record))
        return self

    def ticks(self, at: dt.datetime) -> "Flow":
        """The clock says ``at``."""
        self.broker.tick(at)
        return self

    def statuses(self) -> dict[str, CoverageStatus]:
        """The latest status of every patient, read from the compacted topic as everybody else reads it."""
        latest = dict(self.broker.topics[COVERAGE_STATUS.name])
        cases = [known for value in latest.values() if value for known in COVERAGE_STATUS.wire.decode(value).cases]
        return {known.status.patient: known.status for known in cases if known.status is not None}

    def people(self) -> dict[str, PersonReconciled]:
        """The latest of every person, read as ``statuses``."""
        known = map(PEOPLE.wire.decode, dict(self.broker.topics[PEOPLE.name]).values())
        return {person.person: person for person in known}

    def alerts(self) -> list[Alert]:
        """Every alert that there ever was, as it is now, by id."""
        raised = map(ALERTS.wire.decode, dict(self.broker.topics[ALERTS.name]).values())
        return sorted((alert for subject in raised for alert in subject.alerts), key=lambda alert: alert.id)

    def site_alerts(self) -> list[Alert]:
        """The same of sites as a whole."""
        known = map(SITES_TOPIC.wire.decode, dict(self.broker.topics[SITES_TOPIC.name]).values())
        return sorted((alert for site in known for alert in site.alerts), key=lambda alert: alert.id)

    def restarted(self) -> "Flow":
        """Another process, which has only what the steps keep on their topics."""
        after = Flow(self.broker.given)
        for step in TOPOLOGY.steps:
            if step.keeps is not None:
                published = self.broker.topics[step.keeps.name]
                after.broker.topics[step.keeps.name] = list(published)
                after.broker.kept[step.name] = dict(published)
        return after

    def reasons(self) -> list[str]:
        """Why records were quarantined, in their order."""
        return [QUARANTINE.wire.decode(value).reason for _, value in self.broker.topics[QUARANTINE.name]]


_GIVEN = given()


def statuses_after(records: Iterable[Sent]) -> dict[str, CoverageStatus]:
    """The latest status of every patient when these records have arrived in this order."""
    return Flow().arrives(*records).statuses()
