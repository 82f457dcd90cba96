"""Quarantine as people see it: ids, what is shown and what is not, what can be replayed, what a purge leaves."""

import asyncio
import base64
import datetime as dt
import json

import msgspec
import pytest
from msgspec.structs import replace

from agents.quarantine import Payload, Reason, Rejected, purged, quarantine_key, quarantined
from identity.keyring import KeyringError
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer, SealError
from monitoring.purge import Purged
from monitoring.quarantine import Held, Quarantine, QuarantineError, chosen_by, reason_words, short_ids
from monitoring.quarantine_words import list_json, purge_words, quarantine_table, reasons_table, replay_words, show_words
from monitoring.replay import CannotReplayError, Replayed, original_key, payload
from monitoring.topics import Found
from schemas.records import Quarantined, Sealed, Source
from schemas.topics import QUARANTINE, RAW_IMAGES, RAW_ROWS, RAW_WIRE, ROWS
from tests.factories import ANN, KEYRING, NOON, OTHER_KEYRING, Flow, given, hospital_number, raw_row, raw_study, row, site

LATER = NOON + dt.timedelta(days=1)
ROUTING = Pseudonymiser(KEYRING).routing(site(), hospital_number())
OPENER = Sealer(KEYRING).open_payload


def of(flow: Flow, *, times: int = 1) -> Quarantine:
    quarantine = Quarantine()
    for again in range(times):
        for offset, (key, value) in enumerate(flow.broker.topics[QUARANTINE.name]):
            quarantine.take(Found(QUARANTINE.name, 1, offset + 100 * again, 0, key, value, ()))
    return quarantine


def some() -> Flow:
    """A record of an unknown site, garbage on a raw topic, garbage after it."""
    flow = Flow()
    flow.broker.publish(RAW_ROWS, ROUTING, RAW_WIRE.encode(raw_row(site="NOWH")))
    flow.broker.publish(RAW_IMAGES, ROUTING, b"garbage")
    flow.broker.publish(ROWS, b"M", b"garbage")
    return flow


def by_reason_and_topic(quarantine: Quarantine) -> dict[tuple[str, str], Held]:
    return {(held.record.reason, held.record.source.topic): held for held in quarantine.held()}


# --- the record ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [ROUTING, b"M" + ROUTING, b"P" + ROUTING])
def test_the_message_key_is_kept_where_it_is_a_pseudonym(key: bytes) -> None:
    record = rejected(key, event="e")
    assert record.key is not None
    assert base64.b64decode(record.key) == key


@pytest.mark.parametrize("key", [ANN.encode(), b"RR99900001", b"", b"\xff", b"M" + ROUTING + b"1", b"Bloggs^Joe"])
def test_any_other_key_is_not(key: bytes) -> None:
    assert rejected(key, event="e").key is None


def test_nor_is_that_of_bytes_that_could_not_be_read() -> None:
    assert rejected(ROUTING, event=None).key is None


def rejected(key: bytes, event: str | None) -> Quarantined:
    source = Source(topic=RAW_ROWS.name, partition=0, offset=1)
    return quarantined(Rejected(Reason.UNKNOWN_SITE), "pseudonymise", Payload(source, NOON, b"{}", key, event), None)


def test_a_purge_leaves_what_it_was_and_takes_what_was_kept() -> None:
    for held in of(some()).held():
        left = purged(held.record, LATER)
        assert (left.original, left.sealed, left.key, left.purged_at) == (None, None, None, LATER)
        assert (left.reason, left.source, left.digest) == (held.record.reason, held.record.source, held.record.digest)
        assert QUARANTINE.wire.decode(QUARANTINE.wire.encode(left)) == left


# --- the view --------------------------------------------------------------------------------------------------------


def test_what_came_several_times_is_held_once_and_counted() -> None:
    assert [held.seen for held in of(some(), times=3).held()] == [3, 3, 3]


def test_ids_are_short_different_and_stable() -> None:
    first, second = of(some()).held(), of(some(), times=2).held()
    assert [held.id for held in first] == [held.id for held in second]
    assert {len(held.id) for held in first} == {12}
    assert len({held.id for held in first}) == 3


def test_ids_grow_where_they_would_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.quarantine.ID_LENGTH", 1)
    keys = [f"nccid.rows/0/{number}" for number in range(40)]
    ids = short_ids(keys)
    assert len(set(ids.values())) == 40


def test_what_is_purged_is_held_no_more_also_when_it_comes_again() -> None:
    quarantine = of(some())
    victim = quarantine.held()[0]
    gone = QUARANTINE.wire.encode(purged(victim.record, LATER))
    quarantine.take(Found(QUARANTINE.name, 1, 50, 0, victim.key.encode(), gone, ()))
    quarantine.take(Found(QUARANTINE.name, 1, 51, 0, victim.key.encode(), QUARANTINE.wire.encode(victim.record), ()))
    assert victim.id not in {held.id for held in quarantine.held()}
    assert len(quarantine.held()) == 2


def test_what_lies_at_the_same_place_of_another_topic_of_that_name_was_not_purged() -> None:
    quarantine = of(some())
    victim = quarantine.held()[0]
    gone = QUARANTINE.wire.encode(purged(victim.record, LATER))
    other = QUARANTINE.wire.encode(replace(victim.record, digest="another"))
    quarantine.take(Found(QUARANTINE.name, 1, 50, 0, victim.key.encode(), gone, ()))
    quarantine.take(Found(QUARANTINE.name, 1, 51, 0, victim.key.encode(), other, ()))
    assert victim.id in {held.id for held in quarantine.held()}


def test_what_is_no_quarantine_record_is_counted() -> None:
    quarantine = of(some())
    quarantine.take(Found(QUARANTINE.name, 0, 0, 0, b"k", b"garbage", ()))
    quarantine.take(Found(QUARANTINE.name, 0, 1, 0, b"k", None, ()))
    assert (quarantine.foreign, len(quarantine.held())) == (2, 3)


def test_only_what_lies_before_the_first_that_has_to_stay_may_be_erased() -> None:
    quarantine = Quarantine()
    assert quarantine.erasable() == {}
    flow = some()
    log = flow.broker.topics[QUARANTINE.name]
    for offset, (key, value) in enumerate(log):
        quarantine.take(Found(QUARANTINE.name, 0, 10 + offset, 0, key, value, ()))
    assert quarantine.erasable() == {}

    def purge(which: int, offset: int) -> None:
        key, value = log[which]
        gone = QUARANTINE.wire.encode(purged(QUARANTINE.wire.decode(value), LATER))
        quarantine.take(Found(QUARANTINE.name, 0, offset, 0, key, gone, ()))

    purge(1, 13)
    assert quarantine.erasable() == {}
    purge(0, 14)
    assert quarantine.erasable() == {0: 12}
    purge(2, 15)
    assert quarantine.erasable() == {0: 13}  # what says that they were purged stays


# --- choosing --------------------------------------------------------------------------------------------------------


def test_chosen_by_the_beginning_of_an_id() -> None:
    held = of(some()).held()
    assert chosen_by(held, [held[1].id[:11], held[1].id.upper()]) == [held[1]]


@pytest.mark.parametrize(("start", "words"), [("zz", "no record"), ("", "no record")])
def test_an_id_that_fits_none_is_an_error(start: str, words: str) -> None:
    with pytest.raises(QuarantineError, match=words):
        chosen_by(of(some()).held(), [start])


def test_an_id_that_fits_several_is_an_error() -> None:
    flow = Flow()
    for _ in range(40):
        flow.broker.publish(ROWS, b"M", b"garbage")
    held = of(flow).held()
    common = next(each.id[0] for each in held if sum(other.id[0] == each.id[0] for other in held) > 1)
    with pytest.raises(QuarantineError, match="records in quarantine have"):
        chosen_by(held, [common])


def test_chosen_by_reason_by_day_or_all() -> None:
    held = of(some()).held()
    assert [each.record.reason for each in chosen_by(held, reason="unknown-site")] == ["unknown-site"]
    assert chosen_by(held, everything=True) == held
    assert chosen_by(held, before=dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)) == [
        each for each in held if each.record.quarantined_at < dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    ]
    assert chosen_by(held) == []


def test_a_reason_that_there_is_not_is_an_error() -> None:
    with pytest.raises(QuarantineError, match="there are undecodable, unknown-site"):
        chosen_by([], reason="bad-luck")


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_what_is_sealed_is_described_and_never_shown() -> None:
    record = raw_row(site="NOWH")
    for held in of(some()).held():
        shown = show_words(held) + json.dumps(held.in_full())
        assert record.identity.text not in shown
        if held.record.sealed is not None:
            assert held.record.sealed.text not in shown
    unknown = by_reason_and_topic(of(some()))["unknown-site", RAW_ROWS.name]
    original = unknown.in_full()["original"]
    assert isinstance(original, dict)
    assert original["identity"] == {"key_version": 1, "characters": len(record.identity.text)}
    assert original["event"] == record.event


def test_the_linkage_ciphertext_is_described_too() -> None:
    source = Source(topic=ROWS.name, partition=0, offset=1)
    content = ROWS.wire.encode(replace(row(), nhs_sealed="1.QUJD", values={"a": "b"}))
    record = quarantined(Rejected(Reason.WRONG_KEY), "reconcile", Payload(source, NOON, content, b"", "e"), None)
    original = Held("1", "k", record, 1, 0).in_full()["original"]
    assert isinstance(original, dict)
    assert (original["nhs_sealed"], original["values"]) == ({"key_version": 1, "characters": 4}, {"a": "b"})


def test_everything_of_one_record_is_said() -> None:
    shown = show_words(by_reason_and_topic(of(some()))["unknown-site", RAW_ROWS.name])
    for part in ("unknown-site", "pseudonymise", RAW_ROWS.name, "add it to sites.toml, then replay", "NOWH"):
        assert part in shown
    assert "not kept" in show_words(by_reason_and_topic(of(some()))["undecodable", ROWS.name])


def test_the_list_as_json_and_as_tables() -> None:
    held = of(some()).held()
    listed = json.loads(list_json(held))
    assert listed["reasons"] == {"undecodable": 2, "unknown-site": 1}
    assert [set(each) for each in listed["records"]] == [
        {"id", "reason", "step", "source", "event", "quarantined_at", "seen", "replayable"}
    ] * 3
    assert [each["replayable"] for each in listed["records"]].count(True) == 2
    assert (quarantine_table(held).row_count, reasons_table(held).row_count) == (3, 2)


def test_a_reason_of_another_version_is_said_to_be_unknown() -> None:
    assert reason_words("bad-luck") == "a reason that this version does not know"


# --- what can be replayed --------------------------------------------------------------------------------------------


def test_what_was_kept_is_replayed_as_it_was() -> None:
    held = by_reason_and_topic(of(some()))["unknown-site", RAW_ROWS.name]
    decoded = RAW_WIRE.decode(payload(held, None))
    assert decoded.event == raw_row(site="NOWH").event
    assert held.record.key is not None
    assert base64.b64decode(held.record.key) == ROUTING


def test_of_what_only_the_digest_was_kept_this_is_said() -> None:
    with pytest.raises(CannotReplayError, match="only their digest was kept"):
        payload(by_reason_and_topic(of(some()))["undecodable", ROWS.name], OPENER)


def sealed_by(content: bytes) -> Held:
    flow = Flow(given())
    flow.broker.publish(RAW_IMAGES, ROUTING, content)
    ((key, value),) = flow.broker.topics[QUARANTINE.name]
    record = QUARANTINE.wire.decode(value)
    sealer = Sealer(KEYRING)
    return Held(
        "1", key.decode(), replace(record, original=None, key=None, sealed=sealer.seal_payload(content, key.decode())), 1, 0
    )


def test_what_was_sealed_needs_the_keyring() -> None:
    with pytest.raises(CannotReplayError, match="replay it where the keyring is"):
        payload(sealed_by(b"garbage"), None)


def test_what_was_sealed_and_is_no_record_is_not_written_again() -> None:
    """Nothing is known of what is in it."""
    with pytest.raises(CannotReplayError, match="is no record of its topic still"):
        payload(sealed_by(f"{ANN};Bloggs".encode()), OPENER)


def test_what_was_sealed_and_can_be_read_by_now_is_replayed() -> None:
    content = RAW_WIRE.encode(raw_study())
    held = sealed_by(content.replace(b"RDGM", b"NOWH"))
    assert payload(held, OPENER) == content.replace(b"RDGM", b"NOWH")


@pytest.mark.parametrize("sealer", [Sealer(OTHER_KEYRING)])
def test_what_another_keyring_sealed_is_not_opened(sealer: Sealer) -> None:
    with pytest.raises(CannotReplayError, match="does not open"):
        payload(sealed_by(b"garbage"), sealer.open_payload)


def test_what_was_dropped_after_an_opt_out_stays_dropped() -> None:
    held = by_reason_and_topic(of(some()))["unknown-site", RAW_ROWS.name]
    withdrawn = msgspec.structs.replace(held.record, reason=Reason.WITHDRAWN)
    dropped = Held("1", held.key, withdrawn, 1, 0)
    with pytest.raises(CannotReplayError, match="opted out"):
        payload(dropped, None)
    assert not Replayed(dropped, "x").needed


def test_a_sealed_payload_opens_only_with_its_place_and_its_keyring() -> None:
    source = Source(topic=RAW_ROWS.name, partition=0, offset=1)
    context = quarantine_key(source).decode()
    sealed = Sealer(KEYRING).seal_payload(b"bytes", context)
    assert OPENER(sealed, context) == b"bytes"
    for sealer, seal, where in (
        (Sealer(KEYRING), sealed, "elsewhere"),
        (Sealer(OTHER_KEYRING), sealed, context),
        (Sealer(KEYRING), Sealed(1, "%%%"), context),
        (Sealer(KEYRING), Sealed(1, ""), context),
    ):
        with pytest.raises(SealError):
            sealer.open_payload(seal, where)
    with pytest.raises(KeyringError):
        Sealer(KEYRING).open_payload(Sealed(9, sealed.text), context)


class Retained:
    """A source topic that still has one record, or none."""

    def __init__(self, value: bytes | None) -> None:
        self._value = value

    async def at(self, topic: str, partition: int, offset: int) -> Found | None:
        return None if self._value is None else Found(topic, partition, offset, 0, b"as it lay", self._value, ())


def key_of(held: Held, retained: bytes | None) -> bytes:
    return asyncio.run(original_key(held, Retained(retained)))


def test_a_key_that_was_not_kept_is_read_where_the_record_lies() -> None:
    content = RAW_WIRE.encode(raw_study()).replace(b"RDGM", b"NOWH")
    assert key_of(sealed_by(content), content) == b"as it lay"


@pytest.mark.parametrize("retained", [None, b"another record"])
def test_on_a_raw_topic_a_record_may_go_without_its_key(retained: bytes | None) -> None:
    assert key_of(sealed_by(b"garbage"), retained) == b""


@pytest.mark.parametrize("kept", [None, "%"])
def test_elsewhere_the_key_is_needed(kept: str | None) -> None:
    held = by_reason_and_topic(of(some()))["undecodable", ROWS.name]
    with pytest.raises(CannotReplayError, match="its message key was not kept"):
        key_of(Held("1", "k", replace(held.record, key=kept), 1, 0), None)


def test_a_key_that_was_kept_is_used() -> None:
    assert key_of(by_reason_and_topic(of(some()))["unknown-site", RAW_ROWS.name], None) == ROUTING


def test_what_became_of_a_replay_is_said() -> None:
    held = of(some()).held()
    dropped = Held("1", "k", replace(held[0].record, reason=Reason.WITHDRAWN), 1, 0)
    words = replay_words([Replayed(held[0], None), Replayed(held[1], "because"), Replayed(dropped, "opted out")])
    assert f"{held[1].id} was not replayed: because" in words
    assert "1 of 3 replayed" in words
    assert "1 of patients who have opted out" in words
    assert Replayed(held[1], "because").as_json() == {"id": held[1].id, "replayed": False, "why_not": "because"}
    assert "purge those" not in replay_words([])


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Purged(0), "nothing was purged"),
        (Purged(3, refused=True), "cannot erase records on request"),
        (Purged(3, {0: 5}), "has erased what lay before"),
    ],
)
def test_how_far_a_purge_went_is_said(done: Purged, words: str) -> None:
    assert words in purge_words(done)
    assert done.as_json() == {"purged": done.purged, "erased": bool(done.erased)}
