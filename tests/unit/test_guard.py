"""The guard: nothing raises and nothing vanishes; what fails becomes a quarantine record without a value in it."""

import base64
import datetime as dt
import hashlib

from agents.quarantine import Payload, Reason, Rejected
from identity.seal import Sealer
from schemas.records import Quarantined, Sealed, Source
from schemas.topics import QUARANTINE, ROWS
from schemas.wire import UndecodableError
from streams.guard import guarded
from streams.steps import Emitted, Message, Worked, Working
from tests.factories import ANN, KEYRING, RR1

AT = dt.datetime(2020, 5, 7, 12, 0, tzinfo=dt.UTC)
SOURCE = Source(topic="nccid.raw.rows", partition=3, offset=41)
CLEAR = f"{ANN};{RR1}".encode()


def run(working: Working, content: bytes = CLEAR) -> tuple[Emitted, ...]:
    return guarded("pseudonymise", working, Message(b"key", content), Payload(SOURCE, AT, content))


def only_record(emitted: tuple[Emitted, ...]) -> Quarantined:
    (one,) = emitted
    assert (one.topic, one.key) == (QUARANTINE, b"nccid.raw.rows/3/41")
    return QUARANTINE.wire.decode(one.value)


def raising(error: Exception) -> Working:
    def work(_: Message) -> Worked:
        raise error

    return Working(work)


def test_what_a_step_says_goes_on_as_it_is() -> None:
    said = (Emitted(ROWS, b"M", b"{}"), Emitted(ROWS, b"M", b"[]"))
    assert run(Working(lambda _: Worked("event", said))) == said


def test_a_step_is_given_the_message_as_it_came() -> None:
    seen: list[Message] = []

    def work(message: Message) -> Worked:
        seen.append(message)
        return Worked("event")

    assert run(Working(work)) == ()
    assert seen == [Message(b"key", CLEAR, None)]


def test_bytes_that_are_no_record() -> None:
    record = only_record(run(raising(UndecodableError("Expected `int`, got `str` at $.row"))))
    assert (record.reason, record.detail) == ("undecodable", "Expected `int`, got `str` at $.row")
    assert (record.step, record.source, record.event, record.quarantined_at) == ("pseudonymise", SOURCE, None, AT)
    assert (record.original, record.sealed) == (None, None)
    assert record.digest == hashlib.sha256(CLEAR).hexdigest()


def test_a_bug_is_told_by_its_type_only() -> None:
    """Its text may hold a value."""
    emitted = run(raising(KeyError(ANN)))
    record = only_record(emitted)
    assert (record.reason, record.detail, record.original) == ("step-failed", "KeyError", None)
    assert ANN.encode() not in emitted[0].value


def test_what_nobody_could_read_is_kept_sealed_where_there_is_a_key() -> None:
    sealer = Sealer(KEYRING)
    working = Working(raising(UndecodableError("not JSON")).work, seal=sealer.seal_payload)
    record = only_record(run(working))
    assert isinstance(record.sealed, Sealed)
    nonce_and_text = base64.urlsafe_b64decode(record.sealed.text)
    assert [part for part in (ANN.encode(), RR1.encode()) if part in nonce_and_text] == []
    opened = sealer._ciphers[1].decrypt(nonce_and_text[:12], nonce_and_text[12:], b"nccid.raw.rows/3/41")
    assert opened == CLEAR


def test_what_could_be_read_is_kept_as_it_was() -> None:
    working = Working(lambda _: Worked("event-1", rejected=Rejected(Reason.SEAL_BROKEN)), seal=Sealer(KEYRING).seal_payload)
    record = only_record(run(working, b'{"sealed":"..."}'))
    assert (record.reason, record.detail) == ("seal-broken", Reason.SEAL_BROKEN.words)
    assert (record.event, record.sealed) == ("event-1", None)
    assert base64.b64decode(record.original or "") == b'{"sealed":"..."}'


def test_a_detail_of_its_own_goes_before_the_general_words() -> None:
    record = only_record(run(Working(lambda _: Worked("e", rejected=Rejected(Reason.IDENTIFIER_UNUSABLE, "PatientID: missing")))))
    assert record.detail == "PatientID: missing"


def test_what_a_step_says_beside_a_rejection_is_not_lost() -> None:
    said = Emitted(ROWS, b"M", b"{}")
    emitted = run(Working(lambda _: Worked("e", (said,), Rejected(Reason.WITHDRAWN))))
    assert emitted[0] == said
    assert only_record(emitted[1:]).reason == "withdrawn"


def test_the_same_record_rejected_twice_is_the_same_record() -> None:
    working = raising(ValueError("x"))
    assert run(working) == run(working)


def test_every_reason_has_words() -> None:
    assert [reason for reason in Reason if not reason.words] == []
