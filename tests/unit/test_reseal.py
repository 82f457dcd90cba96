"""Sealing anew: what an older key sealed is sealed with the newest, says the same, and no byte of the old is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.reseal import reseal
from edge.sending.outbox import Message, Outbox
from identity.keyring import Keyring, KeyringError
from identity.seal import RowIdentity, Sealer, StudyIdentity
from monitoring.sealed import _versions
from schemas.records import Quarantined, Raw, Sealed, Source
from schemas.topics import QUARANTINE, RAW_IMAGES, RAW_ROWS, RAW_WIRE, UPLOADS
from schemas.wire import Wire
from tests.factories import ANN, KEYRING, NOON, RR1, raw_row, raw_study, upload_submitted

ROTATED = Keyring({**KEYRING.secrets, 2: b"a newer secret of thirty-two bytes"})
NEWEST = Sealer(Keyring({2: ROTATED.secrets[2]}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.sqlite3"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    """A row, a study with its report, and an upload, which is not sealed; sealed with key 1."""
    study = RAW_WIRE.encode(raw_study())
    with Outbox(path) as opened:
        with opened.transaction(NOON) as transaction:
            transaction.add(
                [
                    Message("row", RAW_ROWS.name, b"k", RAW_WIRE.encode(raw_row())),
                    Message("study", RAW_IMAGES.name, b"k", study),
                    Message("upload", UPLOADS.name, b"RDGM", Wire.encode(upload_submitted())),
                ]
            )
            insert = "INSERT INTO study (site, study, patient, key, report) VALUES (?, ?, ?, ?, ?)"
            transaction.write(insert, "RDGM", "2.25.1", "Covid", b"k", study)
        yield opened


def records(outbox: Outbox) -> list[Raw]:
    messages = outbox.query("SELECT value FROM message WHERE topic <> ? ORDER BY id", UPLOADS.name)
    return [RAW_WIRE.decode(value) for (value,) in messages + outbox.query("SELECT report FROM study")]


def test_all_of_it_opens_with_the_newest_key_alone_and_says_the_same(outbox: Outbox) -> None:
    before = records(outbox)
    assert reseal(outbox, Sealer(ROTATED), 2, NOON) == 3
    after = records(outbox)
    assert {record.identity.key_version for record in after} == {2}
    opened = [NEWEST.open(record.identity, f"{record.site}/{record.event}") for record in after]
    assert opened == [RowIdentity(ANN, RR1), StudyIdentity(RR1), StudyIdentity(RR1)]
    nothing = Sealed(0, "")
    assert [replace(each, identity=nothing) for each in after] == [replace(each, identity=nothing) for each in before]


def test_a_second_time_there_is_nothing_to_do_and_nothing_is_sent_again(outbox: Outbox) -> None:
    outbox.mark_sent("cluster", 3)
    reseal(outbox, Sealer(ROTATED), 2, NOON)
    first = records(outbox)
    assert reseal(outbox, Sealer(ROTATED), 2, NOON) == 0
    assert records(outbox) == first
    assert outbox.unsent("cluster", 10) == []


def test_no_byte_of_the_old_seal_is_left_on_disk(outbox: Outbox, path: Path) -> None:
    old = [record.identity.text.encode() for record in records(outbox)]
    reseal(outbox, Sealer(ROTATED), 2, NOON)
    on_disk = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert [text for text in old if text in on_disk] == []


def test_with_a_key_missing_nothing_is_changed(outbox: Outbox) -> None:
    before = records(outbox)
    with pytest.raises(KeyringError, match="no key of version 1"):
        reseal(outbox, NEWEST, 2, NOON)
    assert records(outbox) == before


def held(*, original: str | None = None, sealed: Sealed | None = None) -> bytes:
    record = Quarantined(
        reason="seal-broken",
        detail="",
        step="pseudonymise",
        source=Source(topic=RAW_ROWS.name, partition=0, offset=0),
        event=None,
        quarantined_at=NOON,
        original=original,
        sealed=sealed,
        digest="",
    )
    return QUARANTINE.wire.encode(record)


@pytest.mark.parametrize(
    ("topic", "value", "versions"),
    [
        (RAW_ROWS.name, RAW_WIRE.encode(raw_row()), [1]),
        (RAW_IMAGES.name, RAW_WIRE.encode(raw_study()), [1]),
        (RAW_ROWS.name, b"garbage", []),
        (RAW_ROWS.name, None, []),
        (QUARANTINE.name, held(sealed=Sealed(3, "")), [3]),
        (QUARANTINE.name, held(original=RAW_WIRE.encode(raw_row()).decode()), [1]),
        (QUARANTINE.name, held(), []),
        (QUARANTINE.name, b"garbage", []),
    ],
)
def test_which_keys_a_message_on_a_topic_still_needs(topic: str, value: bytes | None, versions: list[int]) -> None:
    assert list(_versions(topic, value)) == versions
