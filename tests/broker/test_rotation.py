"""The intake and the linkage key are rotated while events are under way, and an older intake key is retired in the end."""

import csv
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaAdminClient, TopicPartition

from identity import keyring
from identity.keyring import KeyringError
from identity.seal import Sealer
from schemas.topics import PARTITIONS, RAW_IMAGES, RAW_ROWS, RAW_WIRE, ROWS
from tests.broker.setups import Installation, installed, until
from tests.broker.test_backup import World, backed_up, of_group, restored

WORDS = "four words for approving"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


@pytest.fixture
def installation(tmp_path: Path, world: World) -> Iterator[Installation]:
    with installed(tmp_path) as made:
        shutil.copyfile(world.folder / "rules.toml", made.home.rules)
        yield made


def rotate(installation: Installation) -> None:
    done = of_group(installation, "keys", "rotate")
    assert done.returncode == 0, done.stderr


def retire(installation: Installation) -> "subprocess.CompletedProcess[str]":
    return of_group(installation, "keys", "retire")


def restart(installation: Installation) -> None:
    installation.stop(signal.SIGTERM)
    installation.up()


def sealed_on_topics(installation: Installation) -> set[int]:
    """The key versions that something on the raw topics is sealed with."""
    raw = {RAW_ROWS.name, RAW_IMAGES.name}
    return {RAW_WIRE.decode(each.value).identity.key_version for each in installation.messages() if each.topic in raw}


def sealed_in_outbox(installation: Installation) -> set[int]:
    with closing(sqlite3.connect(installation.home.outbox)) as outbox:
        messages = outbox.execute("SELECT value FROM message WHERE topic IN (?, ?)", (RAW_ROWS.name, RAW_IMAGES.name))
        records = [value for (value,) in messages] + [value for (value,) in outbox.execute("SELECT report FROM study")]
    return {RAW_WIRE.decode(value).identity.key_version for value in records}


def rows_of(installation: Installation) -> list[dict[str, Any]]:
    """The pseudonymised rows, as they lie on their topic."""
    return [msgspec.json.decode(each.value) for each in installation.messages() if each.topic == ROWS.name]


def forget_raw_topics(installation: Installation) -> None:
    """As time does: on a cluster what is older than 7 days goes; the embedded broker forgets when it stops."""
    if installation.cluster is None:
        restart(installation)
        return
    admin = KafkaAdminClient(bootstrap_servers=installation.address)
    places = [TopicPartition(topic.name, part) for topic in (RAW_ROWS, RAW_IMAGES) for part in range(PARTITIONS)]
    admin.delete_records(dict.fromkeys(places, -1))
    admin.close()


def test_events_sealed_with_the_old_key_and_with_the_new_one_come_through(installation: Installation, world: World) -> None:
    third = len(world.deliveries) // 3
    world.deliver(installation, slice(third))  # nothing runs: they are under way, sealed with key 1
    rotate(installation)
    world.deliver(installation, slice(third, 2 * third))
    assert sealed_in_outbox(installation) == {1, 2}
    installation.up()
    world.deliver(installation, slice(2 * third, None))
    world.require_outcome(installation)
    assert sealed_on_topics(installation) == {1, 2}
    assert installation.answer("audit")["quarantined"].keys() <= {"withdrawn"}


def test_a_key_is_rotated_while_everything_runs_and_retired_when_nothing_needs_it(
    installation: Installation, world: World
) -> None:
    installation.up()
    half = len(world.deliveries) // 2
    world.deliver(installation, slice(half))
    rotate(installation)
    restart(installation)  # who opens learns of the key before somebody seals with it: `up` begins with the workers
    world.deliver(installation, slice(half, None))
    world.require_outcome(installation)
    old = keyring.load(installation.home.keyring)

    early = retire(installation)
    assert early.returncode == 1
    assert "the topics hold messages sealed with an older key: nccid.raw." in early.stderr
    assert "retired" not in of_group(installation, "keys", "list").stdout
    assert sealed_in_outbox(installation) == {2}

    forget_raw_topics(installation)
    world.require_outcome(installation)
    done = retire(installation)
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[2:] for line in of_group(installation, "keys", "list").stdout.splitlines()] == [["retired"], []]
    require_only_key_2(installation, old)

    restart(installation)  # with the keyring of which a key was retired
    world.deliver(installation, slice(half, None))
    world.require_outcome(installation)
    folder, keys = backed_up(installation)
    installation.stop()
    shutil.rmtree(installation.home.root)
    assert restored(installation, folder, keys).returncode == 0
    installation.up()
    world.require_outcome(installation)


def require_only_key_2(installation: Installation, old: keyring.Keyring) -> None:
    """What the first key sealed, had somebody kept a copy, does not open with what is left of the keyring."""
    left = Sealer(keyring.load(installation.home.keyring))
    sealed = Sealer(keyring.Keyring({1: old.secrets[1]})).seal_payload(b"kept by somebody", "c")
    assert Sealer(old).open_payload(sealed, "c") == b"kept by somebody"
    with pytest.raises(KeyringError, match="no key of version 1"):
        left.open_payload(sealed, "c")


def test_numbers_sealed_under_both_linkage_keys_are_opened_and_a_lost_key_is_said(
    tmp_path: Path, installation: Installation, world: World
) -> None:
    installation.up()
    half = len(world.deliveries) // 2
    world.deliver(installation, slice(half))
    until(lambda: rows_of(installation), "rows are there")
    first = installation.home.keyring.read_bytes()
    rotate(installation)
    restart(installation)
    world.deliver(installation, slice(half, None))
    world.require_outcome(installation)
    sealed = {row["patient"]: row["nhs_sealed"] for row in rows_of(installation) if row["nhs_sealed"]}
    if installation.cluster is None:  # it forgot, so all was sealed anew
        assert {text.partition(".")[0] for text in sealed.values()} == {"2"}
    else:
        assert {text.partition(".")[0] for text in sealed.values()} == {"1", "2"}

    opened = linked(tmp_path, installation, sorted(sealed), "both")
    numbers = {line["NHS/CHI Number"] for line in csv.DictReader(opened.splitlines())}
    assert numbers
    assert numbers <= set(world.truth["people"])

    installation.home.keyring.write_bytes(first)  # the newest key is lost
    refused = link_open(tmp_path, installation, sorted(sealed), "lost")
    assert refused.returncode == 2
    assert "the keyring has no key of version 2; restore the keyring that has it" in refused.stderr
    assert not (tmp_path / "lost.sealed").exists()


def linked(folder: Path, installation: Installation, patients: list[str], name: str) -> str:
    """The file that the recipient reads."""
    done = link_open(folder, installation, patients, name)
    assert done.returncode == 0, done.stderr
    out = folder / f"{name}.csv"
    words = ("--passphrase-file", str(folder / "passphrase"))
    command = [*installation.command("link")[:1], "link", "read", str(folder / f"{name}.sealed"), "-o", str(out), *words]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_text(encoding="utf-8")


def link_open(folder: Path, installation: Installation, patients: list[str], name: str) -> "subprocess.CompletedProcess[str]":
    """Asks, has it approved by a second person, and opens."""
    nccid, file = installation.command("link")[0], folder / "passphrase"
    file.write_text(WORDS, encoding="utf-8")
    secret = ("--passphrase-file", str(file))
    if not (key := folder / "approver.key").exists():
        assert of_group(installation, "link", "approver", "Sam Second", "-o", str(key), *secret).returncode == 0
    request = folder / f"{name}.request"
    asked = [nccid, "link", "request", "--by", "Ada Asker", "--reason", "linking with the registry", "-o", str(request)]
    subprocess.run(asked, input="\n".join(patients), text=True, check=True, capture_output=True)
    approve = [nccid, "link", "approve", str(request), "--by", "Sam Second", "--key", str(key), *secret]
    token = subprocess.run(approve, text=True, check=True, capture_output=True).stdout.strip()
    out = ("-o", str(folder / f"{name}.sealed"), *secret)
    return of_group(installation, "link", "open", str(request), "--approved-by", "Sam Second", "--token", token, *out)
