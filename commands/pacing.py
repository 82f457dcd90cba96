"""The parts whose pace ``nccid bench pace`` watches: fold, wire, pseudonymise, status, each on a patient like any other."""

import datetime as dt
from collections.abc import Callable

from agents.status import status
from identity.keyring import SECRET_BYTES, Keyring
from identity.seal import RowIdentity, Sealer, StudyIdentity
from schemas.records import RowSubmitted, StudyReceived
from schemas.rules import default_rules
from schemas.sites import EXAMPLE, read_sites
from schemas.templates import template
from schemas.topics import COVERAGE_STATUS, PSEUDONYMISED_WIRE, RAW_WIRE
from streams.steps import Given, Message, Working
from streams.working import pseudonymise_working, reconcile_working

_SITE, _NUMBER, _NHS = "RDGM", "RR99900001", "9994621785"
_NOON = dt.datetime(2020, 5, 7, 12, tzinfo=dt.UTC)


def parts() -> dict[str, Callable[[], object]]:
    """Each part as something to call."""
    given = Given(sites=read_sites(EXAMPLE), rules=default_rules(), keyring=Keyring({1: bytes(SECRET_BYTES)}))
    pseudonymise, reconcile = pseudonymise_working(given), reconcile_working(given)
    raw = [Message(b"", RAW_WIRE.encode(each)) for each in (_row(given), _study(given, 1), _study(given, 2))]
    records = [pseudonymise.work(each).emitted[0].value for each in raw]
    folded = _folded(reconcile, records)
    states = [each.kept for each in folded if each.kept is not None]
    case = COVERAGE_STATUS.wire.decode(states[-1]).cases[0].case
    rules = given.rules.at(_SITE)
    return {
        "fold": lambda: [reconcile.work(each) for each in folded],
        "wire": lambda: [_over_the_wire(records), _kept_over_the_wire(states)],
        "pseudonymise": lambda: [pseudonymise.work(each) for each in raw],
        "status": lambda: status(case, rules, mismatched=False),
    }


def _over_the_wire(records: list[bytes]) -> list[bytes]:
    return [PSEUDONYMISED_WIRE.encode(PSEUDONYMISED_WIRE.decode(each)) for each in records]


def _kept_over_the_wire(states: list[bytes]) -> list[bytes]:
    wire = COVERAGE_STATUS.wire
    return [wire.encode(wire.decode(each)) for each in states]


def _folded(reconcile: Working, records: list[bytes]) -> list[Message]:
    """The records in their order, each beside what is kept when it comes."""
    match = PSEUDONYMISED_WIRE.decode(records[0]).match.encode()
    kept: bytes | None = None
    messages = []
    for record in records:
        messages.append(Message(match, record, kept))
        kept = reconcile.work(messages[-1]).emitted[0].value
    return [*messages, Message(match, records[-1], kept)]


def _row(given: Given) -> RowSubmitted:
    """A row of the main sheet with every column filled."""
    return RowSubmitted(
        event="upload-2",
        site=_SITE,
        kind="positive",
        upload="upload",
        uploaded_at=_NOON,
        row=2,
        identity=_sealer(given).seal(RowIdentity(_NHS, _NUMBER), f"{_SITE}/upload-2"),
        swab_date=_NOON.date(),
        result=None,
        values={column.key: "2020-05-07" for column in template("positive").columns},
    )


def _study(given: Given, number: int) -> StudyReceived:
    event = f"study-{number}"
    return StudyReceived(
        event=event,
        site=_SITE,
        origin="node",
        study=f"2.25.{number}",
        received_at=_NOON,
        identity=_sealer(given).seal(StudyIdentity(_NUMBER), f"{_SITE}/{event}"),
        study_date=_NOON.date(),
        instances={"DX": 2},
        patient_ids=1,
        body_parts=["CHEST"],
        manufacturer="Invented Imaging",
        model="Mark 1",
        settled=number > 1,
    )


def _sealer(given: Given) -> Sealer:
    if given.keyring is None:
        raise ValueError("sealing needs a keyring")
    return Sealer(given.keyring)
