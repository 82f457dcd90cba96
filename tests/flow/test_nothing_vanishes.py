"""The promises that nothing is lost and nothing leaks: in = out + quarantined for any mixture, and no identifier in any byte."""

import base64
import hashlib
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.quarantine import Reason
from schemas.records import Raw, RowSubmitted
from schemas.topics import COVERAGE_STATUS, IMAGES, QUARANTINE, RAW_IMAGES, RAW_ROWS, RAW_WIRE, ROWS, SITE_FACTS, SITES, AnyTopic
from tests.factories import Flow, raw_row, raw_study
from tests.flow.arrivals import records
from tests.flow.spoilt import SPOILT, Spoil, spoilt

Arrival = tuple[AnyTopic, bytes, Reason | None, Raw | None]
"""Where it is put, the bytes, why it cannot be used (None: it can), and the record itself where it can."""


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    if draw(st.booleans()):
        record = draw(records())
        return RAW_ROWS if isinstance(record, RowSubmitted) else RAW_IMAGES, RAW_WIRE.encode(record), None, record
    content, reason = draw(spoilt())
    return RAW_ROWS if draw(st.booleans()) else RAW_IMAGES, content, reason, None


def _arrived(mixture: Sequence[Arrival]) -> Flow:
    flow = Flow()
    for topic, content, _, _ in mixture:
        flow.broker.publish(topic, b"routing", content)
    return flow


def _count(flow: Flow, *topics: AnyTopic) -> int:
    return sum(len(flow.broker.topics[topic.name]) for topic in topics)


@given(st.lists(arrivals(), max_size=14))
def test_what_comes_in_goes_on_or_is_quarantined_with_its_reason(mixture: list[Arrival]) -> None:
    flow = _arrived(mixture)
    reasons = [reason for _, _, reason, _ in mixture if reason is not None]
    assert (_count(flow, ROWS, IMAGES), flow.reasons()) == (len(mixture) - len(reasons), reasons)


@given(st.lists(arrivals(), max_size=14))
def test_what_cannot_be_used_changes_no_answer(mixture: list[Arrival]) -> None:
    usable = [record for _, _, _, record in mixture if record is not None]
    assert _arrived(mixture).statuses() == Flow().arrives(*usable).statuses()


@given(st.lists(arrivals(), min_size=1, max_size=10))
def test_each_quarantine_record_says_where_it_lay_and_what_it_was(mixture: list[Arrival]) -> None:
    flow = _arrived(mixture)
    for key, value in flow.broker.topics[QUARANTINE.name]:
        record = QUARANTINE.wire.decode(value)
        lay = flow.broker.topics[record.source.topic][record.source.offset][1]
        assert key.decode() == f"{record.source.topic}/{record.source.partition}/{record.source.offset}"
        assert record.digest == hashlib.sha256(lay).hexdigest()
        assert (record.original is None) == (record.event is None)
        assert (record.original is None) != (record.sealed is None), "the payload is kept in one way, so that it can be replayed"
        if record.original is not None:
            assert base64.b64decode(record.original) == lay


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.strip("_"))
@pytest.mark.parametrize("record", [raw_row(), raw_study()], ids=["row", "study"])
def test_every_kind_of_fault_is_quarantined_and_nothing_else_happens(spoil: Spoil, record: Raw) -> None:
    flow = Flow()
    flow.broker.publish(RAW_ROWS, b"routing", spoil(record))
    assert flow.reasons() == [SPOILT[spoil]]
    spoken_of = {QUARANTINE.name, RAW_ROWS.name, SITE_FACTS.name, SITES.name}  # the site is told, where it is known
    assert {name for name, log in flow.broker.topics.items() if log} <= spoken_of


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"\xff\xfe", b'{"type":"row-pseudonymised/1"}'])
@pytest.mark.parametrize("topic", [ROWS, IMAGES], ids=lambda topic: topic.name)
def test_after_pseudonymise_too(topic: AnyTopic, content: bytes) -> None:
    flow = Flow()
    flow.broker.publish(topic, b"M", content)
    assert (flow.reasons(), flow.statuses()) == ([Reason.UNDECODABLE], {})


def test_a_record_under_a_key_that_is_not_its_match_is_not_joined_there() -> None:
    flow = Flow().arrives(raw_row())
    ((_, value),) = flow.broker.topics[ROWS.name]
    flow.broker.publish(ROWS, b"MSOMEBODYELSE", value)
    assert flow.reasons() == [Reason.WRONG_KEY]
    assert len(dict(flow.broker.topics[COVERAGE_STATUS.name])) == 1


# --- planted identifiers ---------------------------------------------------------------------------------------------

NHS, HOSPITAL, PATIENT_ID = "9995181630", "RR99977755", "zz-0999-66633"


def _spellings(identifier: str) -> Iterator[bytes]:
    """Everything by which somebody could read an identifier, or look it up."""
    digits = "".join(filter(str.isdigit, identifier))
    for text in {identifier, identifier.lower(), identifier.upper(), digits, digits.lstrip("0"), digits[::-1]}:
        yield text.encode()
        yield text.encode().hex().encode()
        yield text.encode("utf-16-le")
        for pad in range(3):
            yield base64.b64encode(b"\0" * pad + text.encode())[4:-4]  # the middle, however it is aligned
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            yield hashlib.new(algorithm, text.encode()).hexdigest().encode()
            yield base64.b64encode(hashlib.new(algorithm, text.encode()).digest()).rstrip(b"=")
            yield base64.b32encode(hashlib.new(algorithm, text.encode()).digest()).rstrip(b"=")
    if len(identifier) == 10:
        yield f"{identifier[:3]} {identifier[3:6]} {identifier[6:]}".encode()
        yield f"{identifier[:3]}-{identifier[3:6]}-{identifier[6:]}".encode()


PLANTED = {spelling for identifier in (NHS, HOSPITAL, PATIENT_ID) for spelling in _spellings(identifier)}


def _written(flow: Flow, *, but: set[bytes]) -> bytes:
    """Every byte that the flow has written or keeps, what quarantine has encoded as it was too, without what was put in."""
    logs = [part for log in flow.broker.topics.values() for pair in log for part in pair if part not in but]
    kept = [part for table in flow.broker.kept.values() for pair in table.items() for part in pair]
    records = [QUARANTINE.wire.decode(value) for _, value in flow.broker.topics[QUARANTINE.name]]
    originals = [base64.b64decode(record.original) for record in records if record.original]
    return b"\n".join([*logs, *kept, *originals])


def _found(written: bytes) -> list[bytes]:
    return sorted(spelling for spelling in PLANTED if spelling in written)


def test_the_search_finds_what_is_planted() -> None:
    text = f"x{NHS[:3]} {NHS[3:6]} {NHS[6:]}y {base64.b64encode(HOSPITAL.encode()).decode()} {PATIENT_ID.upper()}"
    assert len(_found(text.encode())) >= 3


def test_planted_identifiers_are_in_no_byte_of_any_topic_key_or_kept_state() -> None:
    flow = Flow().arrives(
        raw_row(nhs_number=NHS, hospital_number=HOSPITAL),
        raw_row(nhs_number="999 518-1630", hospital_number=HOSPITAL.lower(), kind="negative"),
        raw_row(nhs_number=NHS, hospital_number="X999123", site="NTHV"),
        raw_study(patient_id=HOSPITAL),
        raw_study(patient_id=HOSPITAL.lower(), study="S2"),
        raw_study(patient_id=PATIENT_ID, study="S3"),
        raw_study(patient_id=NHS, study="S4"),
        raw_study(patient_id=NHS, study="S5", site="NTHV"),
        raw_study(patient_id=PATIENT_ID, study="S6", site="NTHV"),
    )
    assert flow.reasons() == []
    assert _found(_written(flow, but=set())) == []


@pytest.mark.parametrize("topic", [RAW_ROWS, RAW_IMAGES, ROWS, IMAGES], ids=lambda topic: topic.name)
def test_what_somebody_wrote_in_clear_is_not_repeated(topic: AnyTopic) -> None:
    """Somebody's faulty program puts identifiers on a topic: quarantine, keys and state must not spread them."""
    spaced = f"{NHS[:3]} {NHS[3:6]} {NHS[6:]}"
    clear = [
        f"{NHS};{HOSPITAL}".encode(),
        f'{{"type":"{NHS}"}}'.encode(),
        f'{{"type":"row-submitted/1","{NHS}":1}}'.encode(),
        f'{{"type":"row-submitted/1","x - at {NHS}":1}}'.encode(),
        f'{{"type":"row-pseudonymised/1","x - at `$.{HOSPITAL}":1}}'.encode(),
        f'{{"type":"study-received/1","event":{NHS}}}'.encode(),
        f'{{"type":"study-received/1","event":"e","site":"{spaced}","origin":"{PATIENT_ID}"}}'.encode(),
        f'{{"type":"row-pseudonymised/1","event":"e","site":"RDGM","kind":"{HOSPITAL} - at {NHS}"}}'.encode(),
        f'{{"type":"row-pseudonymised/1","event":"e","site":"RDGM","kind":"positive","upload":"u","uploaded_at":"{spaced}"}}'.encode(),
    ]
    flow = Flow()
    for content in clear:
        flow.broker.publish(topic, b"routing", content)
    assert flow.reasons() == [Reason.UNDECODABLE] * len(clear)
    assert _found(_written(flow, but=set(clear))) == []


def test_a_record_in_quarantine_for_its_identity_holds_it_sealed_only() -> None:
    identity_of_nobody = raw_row(nhs_number=f"{NHS[:9]}1", hospital_number=HOSPITAL)
    flow = Flow().arrives(identity_of_nobody)
    assert flow.reasons() == [Reason.IDENTIFIER_UNUSABLE]
    written = _written(flow, but=set())
    assert _found(written) == []
    assert f"{NHS[:9]}1".encode() not in written
