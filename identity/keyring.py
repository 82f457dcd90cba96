"""The keyring: one file of secrets, from which every purpose has a key of its own.

A keyring that is missing, damaged, too short or readable by others is a refusal to start; a key is never made in silence.
Secrets have versions. Pseudonyms are made with the oldest (the join must not fall apart when a key is rotated), sealing with the
newest; what was sealed with an older one can still be opened, since each ciphertext names its version. When no seal of the raw
topics needs an older one any more, it is retired: of its secret only the keys for other purposes stay, and it cannot be had back.
"""

import base64
import binascii
import datetime as dt
import os
import secrets
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.problems import UnusableInputError

SECRET_BYTES = 32
_PLAIN, _RETIRED = 1, 2
"""Formats of the file: every key a secret; some of them what retirement left."""

_LEFT_BYTES = 64  # the longest key that anybody asks for; HKDF's shorter ones are the beginnings of its longer ones


class KeyringError(UnusableInputError):
    """The keyring cannot be used. Says why and what to do; never holds a secret."""


class Purpose(StrEnum):
    """What a key is for; each is derived by HKDF (RFC 5869) with its own ``info``."""

    PATIENT = "patient"  # the pseudonym, DICOM PatientID
    PERSON = "person"  # NHS/CHI/H&C number, the same over all sites
    MATCH = "match"  # identifier digits, the key of messages after pseudonymise
    ROUTING = "routing"  # identifier digits, the key of messages before pseudonymise
    UID = "uid"  # DICOM UIDs
    DATES = "dates"  # by how many days the dates of a patient's images are moved
    RECEIPT = "receipt"  # the edge's memory of what it has seen
    INTAKE = "intake"  # sealing on the raw topics
    LINKAGE = "linkage"  # AES-SIV of the NHS/CHI number for the controller


class KeyVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One secret as it lies in the file."""

    version: int
    created_at: dt.datetime
    secret: str = ""  # empty: it is retired
    left: dict[Purpose, str] = {}

    @property
    def is_retired(self) -> bool:
        """Whether it opens no seal of the raw topics any more."""
        return not self.secret

    def __repr__(self) -> str:
        return f"KeyVersion(version={self.version}, created_at={self.created_at.isoformat()})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("version", self.version), ("created_at", self.created_at)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    keys: list[KeyVersion]


@dataclass(frozen=True)
class Keyring:
    """Keys by purpose and version, derived on first use and kept in memory only."""

    secrets: dict[int, bytes] = field(repr=False)
    left: dict[int, dict[Purpose, bytes]] = field(default_factory=dict, repr=False)  # of versions that are retired

    @cached_property
    def pseudonym_version(self) -> int:
        """The version that pseudonyms are made with: the oldest."""
        return min(self.secrets.keys() | self.left.keys())

    def versions(self, purpose: Purpose) -> list[int]:
        """The versions that have a key for this purpose, oldest first."""
        return sorted(self.secrets.keys() | {version for version, keys in self.left.items() if purpose in keys})

    @cached_property
    def sealing_version(self) -> int:
        """The version that new ciphertexts are made with: the newest."""
        return max(self.secrets)

    @cached_property
    def _derived(self) -> dict[tuple[Purpose, int, int], bytes]:
        return {}

    def key(self, purpose: Purpose, version: int | None = None, length: int = 32) -> bytes:
        """The key of a purpose, ``length`` bytes.

        Raises:
            KeyringError: there is no secret of this version, or it is retired for this purpose.
        """
        version = self.pseudonym_version if version is None else version
        if purpose in self.left.get(version, {}):
            return self.left[version][purpose][:length]
        if version not in self.secrets:
            raise KeyringError(f"the keyring has no key of version {version}; restore the keyring that has it")
        slot = (purpose, version, length)
        if slot not in self._derived:
            self._derived[slot] = _derive(self.secrets[version], purpose, length)
        return self._derived[slot]


def create(path: Path, now: dt.datetime) -> None:
    """A new keyring file with one fresh secret, mode 0600.

    Raises:
        KeyringError: the file exists already (it is never overwritten), or cannot be written.
    """
    first = KeyVersion(version=1, created_at=now, secret=_fresh())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyringError(
            f"{path} exists already; a keyring is never overwritten, since nothing could be joined any more"
        ) from None
    except OSError as error:
        raise KeyringError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(_encoded([first]))
        os.fsync(file.fileno())


def rotate(path: Path, now: dt.datetime) -> int:
    """Adds a fresh secret for sealing; older ones stay for opening, the oldest for pseudonyms.

    Returns:
        The new version.

    Raises:
        KeyringError: as ``load``, or the file cannot be written.
    """
    keys = versions(path)
    new = KeyVersion(version=max(key.version for key in keys) + 1, created_at=now, secret=_fresh())
    _replace(path, [*keys, new])
    return new.version


def retire(path: Path) -> list[int]:
    """Takes from every key but the newest what opens the seals of the raw topics. To be done when nothing is sealed with it.

    Returns:
        The versions that were retired now.

    Raises:
        KeyringError: as ``load``, or the file cannot be written.
    """
    keys = versions(path)
    old = [key for key in keys[:-1] if not key.is_retired]
    if old:
        _replace(path, [_retired(key) if key in old else key for key in keys])
    return [key.version for key in old]


def versions(path: Path) -> list[KeyVersion]:
    """The versions in the file, oldest first; their secrets do not print.

    Raises:
        KeyringError: as ``load``.
    """
    keys = _read(path).keys
    _secrets(path, keys)
    return sorted(keys, key=lambda key: key.version)


def load(path: Path) -> Keyring:
    """The keyring in ``path``.

    Raises:
        KeyringError: missing, readable by others, damaged, of another format; a secret too short, twice there, none at all.
    """
    keys = _read(path).keys
    left = {
        key.version: {purpose: _decoded(path, key, text, _LEFT_BYTES) for purpose, text in key.left.items()}
        for key in keys
        if key.is_retired
    }
    return Keyring(_secrets(path, keys), left)


def _secrets(path: Path, keys: list[KeyVersion]) -> dict[int, bytes]:
    """By version, of those that are not retired; whether the rest is sound is seen on the way."""
    found: dict[int, bytes] = {}
    seen: set[int] = set()
    for key in keys:
        if key.version in seen:
            raise KeyringError(f"{path}: key {key.version} is there twice; restore the keyring from its backup")
        seen.add(key.version)
        if not key.is_retired or not key.left:
            found[key.version] = _decoded(path, key, key.secret, SECRET_BYTES)
    if not found:
        raise KeyringError(f"{path} holds no key{' to seal with' if seen else ''}; restore the keyring from its backup")
    return found


def _decoded(path: Path, key: KeyVersion, text: str, least: int) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise KeyringError(f"{path}: key {key.version} is damaged; restore the keyring from its backup") from None
    if len(secret) < least:
        raise KeyringError(f"{path}: key {key.version} is shorter than {least} bytes; restore the keyring from its backup")
    return secret


def _retired(key: KeyVersion) -> KeyVersion:
    secret = base64.b64decode(key.secret)
    left = {purpose: _derive(secret, purpose, _LEFT_BYTES) for purpose in Purpose if purpose is not Purpose.INTAKE}
    texts = {purpose: base64.b64encode(each).decode() for purpose, each in left.items()}
    return msgspec.structs.replace(key, secret="", left=texts)


def _derive(secret: bytes, purpose: Purpose, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=f"nccid/{purpose}/1".encode()).derive(secret)


def _replace(path: Path, keys: list[KeyVersion]) -> None:
    """The file anew, all of it or not at all."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encoded(keys))
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise KeyringError(f"{path} cannot be written: {error.strerror}") from None


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except OSError as error:
        raise KeyringError(
            f"{path} cannot be read: {error.strerror}; `nccid init` or `nccid keys init` makes a new one"
        ) from None
    if mode & 0o077:
        raise KeyringError(f"{path} can be read by others (mode {mode:04o}); make it private with: chmod 600 {path}")
    try:
        decoded = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise KeyringError(f"{path} is damaged; restore the keyring from its backup") from None
    if decoded.format not in {_PLAIN, _RETIRED}:
        raise KeyringError(f"{path} has format {decoded.format}, this program knows {_RETIRED}; use the version that made it")
    return decoded


def _fresh() -> str:
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _encoded(keys: list[KeyVersion]) -> bytes:
    made = _File(format=_RETIRED if any(key.is_retired for key in keys) else _PLAIN, keys=keys)
    return msgspec.json.format(msgspec.json.encode(made)) + b"\n"
