"""Sealing: identifiers as one ciphertext on the raw topics, and the NHS number as one that only the controller can open."""

import base64
import binascii
import os
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from identity.keyring import Keyring, KeyringError, Purpose
from identity.numbers import NhsNumber
from schemas.problems import UnusableInputError
from schemas.records import Sealed

_NONCE_BYTES = 12
_SIV_KEY_BYTES = 64  # RFC 5297: two AES-256 keys
_LINKAGE_CONTEXT = b"nccid/linkage"
_UNOPENED = "the seal does not open: another key, another context, or damaged"


class SealError(UnusableInputError):
    """A seal cannot be opened: made with another key, or changed on its way. Never holds what was sealed."""


class _Hidden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Identifiers in memory; nothing of them prints."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class RowIdentity(_Hidden, tag="row", frozen=True, forbid_unknown_fields=True):
    """Who a spreadsheet row is about, as the cells had it after normalisation."""

    nhs_number: str | None
    hospital_number: str | None


class StudyIdentity(_Hidden, tag="study", frozen=True, forbid_unknown_fields=True):
    """What DICOM called the patient."""

    patient_id: str | None


Identity = RowIdentity | StudyIdentity

_decoder = msgspec.json.Decoder(Identity)


class Sealer:
    """Seals and opens under the intake key. The nonce is random; the context (event and site) is authenticated with it.

    AES-256-GCM with 96-bit random nonces (NIST SP 800-38D): safe for 2^32 messages a key version, far above a nation's images.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._version = keyring.sealing_version
        self._ciphers = {version: AESGCM(keyring.key(Purpose.INTAKE, version)) for version in keyring.versions(Purpose.INTAKE)}

    def __repr__(self) -> str:
        return f"Sealer(versions={sorted(self._ciphers)})"

    def seal(self, identity: Identity, context: str) -> Sealed:
        """The identity as ciphertext that opens only together with the same context."""
        return self.seal_payload(msgspec.json.encode(identity), context)

    def seal_payload(self, payload: bytes, context: str) -> Sealed:
        """Bytes of which nothing is known, such as a record that cannot be read, as ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        ciphertext = self._ciphers[self._version].encrypt(nonce, payload, context.encode())
        return Sealed(self._version, base64.urlsafe_b64encode(nonce + ciphertext).decode())

    def open(self, sealed: Sealed, context: str) -> Identity:
        """The identity again.

        Raises:
            KeyringError: sealed with a key version that this keyring does not have.
            SealError: another key, another context, or changed bytes.
        """
        try:
            identity: Identity = _decoder.decode(self.open_payload(sealed, context))
        except (ValueError, msgspec.DecodeError):
            raise SealError(_UNOPENED) from None
        return identity

    def open_payload(self, sealed: Sealed, context: str) -> bytes:
        """What ``seal_payload`` sealed.

        Raises:
            KeyringError, SealError: as ``open``.
        """
        cipher = self._ciphers.get(sealed.key_version)
        if cipher is None:
            raise KeyringError(f"the keyring has no key of version {sealed.key_version}; restore the keyring that has it")
        try:
            packed = base64.urlsafe_b64decode(sealed.text)
            return cipher.decrypt(packed[:_NONCE_BYTES], packed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise SealError(_UNOPENED) from None


class LinkageSealer:
    """AES-SIV (RFC 5297) of an NHS/CHI/H&C number under the linkage key: the same number, the same ciphertext."""

    def __init__(self, keyring: Keyring) -> None:
        self._version = keyring.sealing_version
        self._cipher = AESSIV(keyring.key(Purpose.LINKAGE, self._version, _SIV_KEY_BYTES))

    def __repr__(self) -> str:
        return f"LinkageSealer(version={self._version})"

    def seal(self, number: NhsNumber) -> str:
        """``VERSION.CIPHERTEXT``, the latter in URL-safe base64."""
        ciphertext = self._cipher.encrypt(number.digits.encode(), [_LINKAGE_CONTEXT])
        return f"{self._version}.{base64.urlsafe_b64encode(ciphertext).decode()}"


class LinkageOpener:
    """Opens what ``LinkageSealer`` sealed. The controller's alone: made from the keyring with the linkage key, or not at all."""

    def __init__(self, keyring: Keyring) -> None:
        versions = keyring.versions(Purpose.LINKAGE)
        self._ciphers = {version: AESSIV(keyring.key(Purpose.LINKAGE, version, _SIV_KEY_BYTES)) for version in versions}

    def __repr__(self) -> str:
        return f"LinkageOpener(versions={sorted(self._ciphers)})"

    def open(self, sealed: str) -> str:
        """The ten digits in ``nhs_sealed``.

        Raises:
            KeyringError: sealed with a key version that this keyring does not have.
            SealError: another key, or changed bytes.
        """
        version, _, text = sealed.partition(".")
        if not version.isascii() or not version.isdecimal():
            raise SealError(_UNOPENED)
        cipher = self._ciphers.get(int(version))
        if cipher is None:
            raise KeyringError(f"the keyring has no key of version {version[:9]}; restore the keyring that has it")
        try:
            return cipher.decrypt(base64.urlsafe_b64decode(text), [_LINKAGE_CONTEXT]).decode("ascii")
        except (InvalidTag, ValueError, binascii.Error):
            raise SealError(_UNOPENED) from None
