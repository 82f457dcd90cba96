"""A key that is retired opens no seal of the raw topics any more; pseudonyms and sealed NHS numbers stay as they are."""

import base64
import datetime as dt
import json
from pathlib import Path

import pytest

from identity import keyring
from identity.keyring import KeyringError, Purpose
from identity.pseudonyms import Pseudonymiser
from identity.seal import LinkageOpener, LinkageSealer, RowIdentity, Sealer
from tests.factories import ANN, BOB, NOON, nhs

LATER = NOON + dt.timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.json"
    keyring.create(path, NOON)
    return path


def test_it_opens_no_seal_any_more_while_the_newest_does(path: Path) -> None:
    old = Sealer(keyring.load(path)).seal(RowIdentity(ANN, None), "c")
    keyring.rotate(path, LATER)
    new = Sealer(keyring.load(path)).seal(RowIdentity(BOB, None), "c")
    assert keyring.retire(path) == [1]
    sealer = Sealer(keyring.load(path))
    assert sealer.open(new, "c") == RowIdentity(BOB, None)
    with pytest.raises(KeyringError, match="no key of version 1"):
        sealer.open(old, "c")


def test_pseudonyms_and_sealed_numbers_stay_as_they_are(path: Path) -> None:
    before = keyring.load(path)
    keyring.rotate(path, LATER)
    keyring.retire(path)
    after = keyring.load(path)
    assert after.pseudonym_version == before.pseudonym_version == 1
    assert Pseudonymiser(after).person(nhs(ANN)) == Pseudonymiser(before).person(nhs(ANN))
    assert LinkageOpener(after).open(LinkageSealer(before).seal(nhs(ANN))) == ANN
    assert LinkageOpener(after).open(LinkageSealer(after).seal(nhs(BOB))) == BOB


def test_the_intake_key_is_not_in_the_file_nor_can_it_be_had_from_it(path: Path) -> None:
    secret = keyring.load(path).secrets[1]
    intake = keyring.load(path).key(Purpose.INTAKE)
    keyring.rotate(path, LATER)
    keyring.retire(path)
    told = json.loads(path.read_text())
    (retired,) = (key for key in told["keys"] if key["version"] == 1)
    assert told["format"] == 2
    assert retired.keys() == {"version", "created_at", "left"}
    assert set(retired["left"]) == set(Purpose) - {Purpose.INTAKE}
    kept = [base64.b64decode(text) for text in retired["left"].values()]
    assert not any(each in one or one in each for each in kept for one in (secret, intake))
    with pytest.raises(KeyringError, match="no key of version 1"):
        keyring.load(path).key(Purpose.INTAKE, 1)


def test_the_newest_is_never_retired_and_twice_is_as_good_as_once(path: Path) -> None:
    content = path.read_bytes()
    assert keyring.retire(path) == []
    assert path.read_bytes() == content
    keyring.rotate(path, LATER)
    keyring.rotate(path, LATER)
    assert (keyring.retire(path), keyring.retire(path)) == ([1, 2], [])
    assert keyring.rotate(path, LATER) == 4
    assert keyring.retire(path) == [3]
    assert [key.is_retired for key in keyring.versions(path)] == [True, True, True, False]


def test_a_keyring_of_retired_keys_alone_is_refused(path: Path) -> None:
    keyring.rotate(path, LATER)
    keyring.retire(path)
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "keys": [key for key in told["keys"] if key["version"] == 1]}))
    with pytest.raises(KeyringError, match="holds no key to seal with"):
        keyring.load(path)


@pytest.mark.parametrize(("text", "why"), [("???", "damaged"), ("AAAA", "shorter than 64 bytes")])
def test_what_is_left_of_a_key_is_looked_at_too(path: Path, text: str, why: str) -> None:
    keyring.rotate(path, LATER)
    keyring.retire(path)
    told = json.loads(path.read_text())
    told["keys"][0]["left"]["linkage"] = text
    path.write_text(json.dumps(told))
    with pytest.raises(KeyringError, match=why):
        keyring.load(path)
