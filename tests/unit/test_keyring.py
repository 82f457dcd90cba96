"""The keyring: refuses to start rather than to make a key in silence, and never says what is in it."""

import base64
import datetime as dt
import itertools
import json
import stat
import traceback
from pathlib import Path
from typing import Any

import pytest
from rich.pretty import pretty_repr

from identity.keyring import SECRET_BYTES, Keyring, KeyringError, Purpose, create, load, rotate, versions
from tests.factories import NOON

SECRET = bytes(range(100, 100 + SECRET_BYTES))
OTHER = bytes(range(50, 50 + SECRET_BYTES))
LATER = NOON + dt.timedelta(days=1)


def entry(version: int = 1, secret: bytes | str = SECRET, **more: object) -> dict[str, Any]:
    text = secret if isinstance(secret, str) else base64.b64encode(secret).decode()
    return {"version": version, "created_at": "2020-05-07T12:00:00Z", "secret": text} | more


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


def write(path: Path, *keys: dict[str, Any], file_format: object = 1, mode: int = 0o600, **more: object) -> Path:
    path.write_text(json.dumps({"format": file_format, "keys": list(keys)} | more))
    path.chmod(mode)
    return path


# --- a new one ---------------------------------------------------------------------------------------------------------


def test_a_new_keyring_is_private_and_holds_one_secret_of_full_length(path: Path) -> None:
    create(path, NOON)
    ring = load(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {version: len(secret) for version, secret in ring.secrets.items()} == {1: SECRET_BYTES}
    assert [(key.version, key.created_at) for key in versions(path)] == [(1, NOON)]


def test_no_two_keyrings_are_alike(tmp_path: Path) -> None:
    create(tmp_path / "a", NOON)
    create(tmp_path / "b", NOON)
    assert load(tmp_path / "a").secrets != load(tmp_path / "b").secrets


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    path.write_text("anything")
    with pytest.raises(KeyringError, match="exists already"):
        create(path, NOON)
    assert path.read_text() == "anything"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="cannot be written: No such file"):
        create(tmp_path / "nowhere" / "keyring.json", NOON)


# --- what is refused ---------------------------------------------------------------------------------------------------


def test_a_missing_one_is_not_made(path: Path) -> None:
    with pytest.raises(KeyringError, match=r"cannot be read: No such file.*nccid init"):
        load(path)
    assert not path.exists()


def test_a_folder_is_no_keyring(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602, 0o610, 0o601, 0o666, 0o777, 0o644])
def test_one_that_others_can_get_at(path: Path, mode: int) -> None:
    write(path, entry(), mode=mode)
    with pytest.raises(KeyringError, match=f"mode {mode:04o}.*chmod 600"):
        load(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_one_that_only_the_owner_can_read(path: Path, mode: int) -> None:
    assert load(write(path, entry(), mode=mode)).secrets == {1: SECRET}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"format": 1}',
        b'{"format": 1, "keys": [{}]}',
        b'{"format": "1", "keys": []}',
    ],
)
def test_one_that_is_no_keyring(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match="is damaged; restore"):
        load(path)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([], "holds no key"),
        ([entry(1, "not base64!")], "key 1 is damaged"),
        ([entry(1, "é")], "key 1 is damaged"),
        ([entry(secret=SECRET[:-1])], "key 1 is shorter than 32 bytes"),
        ([entry(1, "")], "key 1 is shorter"),
        ([entry(), entry(2, SECRET[:16])], "key 2 is shorter"),
        ([entry(), entry(secret=OTHER)], "key 1 is there twice"),
        ([entry(), entry()], "key 1 is there twice"),
        ([entry(colour="blue")], "is damaged"),
        ([{"version": 1}], "is damaged"),
        ([entry("1")], "is damaged"),  # type: ignore[arg-type]  # that is the damage
    ],
)
def test_secrets_that_cannot_be_used(path: Path, keys: list[dict[str, Any]], words: str) -> None:
    write(path, *keys)
    for use in (load, versions, lambda where: rotate(where, LATER)):
        before = path.read_bytes()
        with pytest.raises(KeyringError, match=words):
            use(path)
        assert path.read_bytes() == before


def test_a_later_format(path: Path) -> None:
    with pytest.raises(KeyringError, match="has format 3, this program knows 2"):
        load(write(path, entry(), file_format=3))


def test_a_field_that_nobody_knows(path: Path) -> None:
    with pytest.raises(KeyringError, match="is damaged"):
        load(write(path, entry(), comment="hello"))


# --- rotated -----------------------------------------------------------------------------------------------------------


def test_rotation_adds_a_secret_and_keeps_the_others(path: Path) -> None:
    create(path, NOON)
    first = load(path)
    assert rotate(path, LATER) == 2
    second = load(path)
    assert second.secrets[1] == first.secrets[1]
    assert second.secrets[2] != first.secrets[1]
    assert (second.pseudonym_version, second.sealing_version) == (1, 2)
    assert [(key.version, key.created_at) for key in versions(path)] == [(1, NOON), (2, LATER)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_rotation_that_was_cut_off_does_not_stop_the_next(path: Path) -> None:
    create(path, NOON)
    left_over = path.with_name("keyring.json.new")
    left_over.write_text("half a keyri")
    assert rotate(path, LATER) == 2
    assert not left_over.exists()
    assert sorted(load(path).secrets) == [1, 2]


def test_versions_need_not_be_in_order_or_without_gaps(path: Path) -> None:
    write(path, entry(7), entry(3, OTHER))
    ring = load(path)
    assert (ring.pseudonym_version, ring.sealing_version, rotate(path, LATER)) == (3, 7, 8)
    assert [key.version for key in versions(path)] == [3, 7, 8]


def test_a_rotation_that_cannot_be_written(path: Path) -> None:
    create(path, NOON)
    path.with_name("keyring.json.new").mkdir()  # a folder lies where the new file would be made
    before = path.read_bytes()
    with pytest.raises(KeyringError, match="cannot be written"):
        rotate(path, LATER)
    assert path.read_bytes() == before


# --- keys --------------------------------------------------------------------------------------------------------------


def test_every_purpose_and_version_has_a_key_of_its_own() -> None:
    ring = Keyring({1: SECRET, 2: OTHER})
    keys = [ring.key(purpose, version) for purpose, version in itertools.product(Purpose, (1, 2))]
    assert len(set(keys)) == len(keys) == 2 * len(Purpose)
    assert {len(key) for key in keys} == {32}


def test_keys_are_the_same_again() -> None:
    one, two = Keyring({1: SECRET}), Keyring({1: SECRET})
    assert one.key(Purpose.PATIENT) == one.key(Purpose.PATIENT, 1) == two.key(Purpose.PATIENT)


def test_a_longer_key_is_longer() -> None:
    assert len(Keyring({1: SECRET}).key(Purpose.LINKAGE, length=64)) == 64


def test_without_a_version_it_is_the_key_of_the_pseudonyms() -> None:
    ring = Keyring({2: OTHER, 1: SECRET})
    assert ring.key(Purpose.PATIENT) == ring.key(Purpose.PATIENT, 1)


def test_a_version_that_is_not_there() -> None:
    with pytest.raises(KeyringError, match="no key of version 3; restore"):
        Keyring({1: SECRET}).key(Purpose.INTAKE, 3)


# --- nothing prints ----------------------------------------------------------------------------------------------------


def _hidden(*secrets: bytes) -> list[str]:
    forms = [[base64.b64encode(secret).decode(), secret.hex(), repr(secret), secret.decode("latin-1")] for secret in secrets]
    return [part for form in itertools.chain(*forms) for part in (form, form[4:20])]


def test_a_keyring_and_its_versions_do_not_print(path: Path) -> None:
    ring = load(write(path, entry(), entry(2, OTHER)))
    derived = ring.key(Purpose.PATIENT)
    shown = f"{ring} {ring!r} {pretty_repr(ring)} {versions(path)} {pretty_repr(versions(path))}"
    assert [part for part in _hidden(SECRET, OTHER, derived) if part in shown] == []
    assert "version=2" in shown


@pytest.mark.parametrize(
    "keys",
    [
        [entry(), entry()],
        [entry(), entry(2, SECRET[:16])],
        [entry(), {**entry(), "secret": 7}],
        [entry(), entry(2, f"{'A' * 20}!")],
    ],
    ids=["twice", "short", "no text", "no base64"],
)
def test_no_error_holds_a_secret(path: Path, keys: list[dict[str, Any]]) -> None:
    write(path, *keys)
    with pytest.raises(KeyringError) as caught:
        load(path)
    shown = f"{caught.value!r} {''.join(traceback.format_exception(caught.value))}"
    assert [part for part in [*_hidden(SECRET, SECRET[:16]), "A" * 20] if part in shown] == []
