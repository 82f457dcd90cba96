"""An encrypted file for one recipient: under a passphrase, or to an X25519 public key. Whoever made it cannot open it again.

AES-256-GCM, the header authenticated with it. The key is scrypt (RFC 7914) of the passphrase, or HKDF (RFC 5869) of the X25519
(RFC 7748) secret between a fresh key pair and the recipient's, bound to both public keys.
"""

import base64
import binascii
import os
from collections.abc import Callable
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from identity.approval import require_passphrase
from schemas.problems import UnusableInputError

_FORMAT: Literal["nccid-link/1"] = "nccid-link/1"
_COST = 1 << 16  # scrypt's N; with r = 8 it takes 64 MB and a fraction of a second
_UNOPENED = "the file does not open: another passphrase or key, or damaged on its way"


class EnvelopeError(UnusableInputError):
    """An encrypted file cannot be made or opened; never holds what is in it."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["nccid-link/1"]
    kind: Literal["passphrase", "x25519"]
    salt: str  # of scrypt, or the fresh public key
    nonce: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    header: _Header
    content: str


def new_recipient(passphrase: str) -> tuple[bytes, str]:
    """A key pair for somebody who is to receive.

    Returns:
        The private key, encrypted, as PEM; and the public key as text.

    Raises:
        ApprovalError: the passphrase is too short.
    """
    key = X25519PrivateKey.generate()
    encryption = BestAvailableEncryption(require_passphrase(passphrase))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), _text(_raw(key.public_key()))


def close_with_passphrase(content: bytes, passphrase: str) -> bytes:
    """The content, for whoever knows the passphrase.

    Raises:
        ApprovalError: the passphrase is too short.
    """
    salt = os.urandom(16)
    return _closed(content, "passphrase", salt, _from_passphrase(require_passphrase(passphrase), salt))


def close_to(content: bytes, public: str) -> bytes:
    """The content, for whoever has the private key.

    Raises:
        EnvelopeError: this is no public key of ours.
    """
    try:
        recipient = X25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public))
        fresh = X25519PrivateKey.generate()
        secret = fresh.exchange(recipient)
    except (ValueError, binascii.Error):
        raise EnvelopeError("this is no recipient's public key; `nccid link recipient` makes one, 44 characters long") from None
    sender = _raw(fresh.public_key())
    return _closed(content, "x25519", sender, _from_secret(secret, sender, _raw(recipient)))


def open_with_passphrase(envelope: bytes, passphrase: str) -> bytes:
    """What ``close_with_passphrase`` closed.

    Raises:
        EnvelopeError: another passphrase, changed, or for a key.
    """
    return _opened(envelope, "passphrase", lambda salt: _from_passphrase(passphrase.encode(), salt))


def open_with_key(envelope: bytes, private: bytes, passphrase: str) -> bytes:
    """What ``close_to`` closed.

    Raises:
        EnvelopeError: another key or passphrase, changed, or not for a key.
    """
    try:
        key = load_pem_private_key(private, passphrase.encode())
    except (ValueError, TypeError):
        raise EnvelopeError("the key does not open: another passphrase, or not a key of ours") from None
    if not isinstance(key, X25519PrivateKey):
        raise EnvelopeError("this is a key of another kind; `nccid link recipient` makes the right one")

    def derived(sender: bytes) -> bytes:
        return _from_secret(key.exchange(X25519PublicKey.from_public_bytes(sender)), sender, _raw(key.public_key()))

    return _opened(envelope, "x25519", derived)


def _closed(content: bytes, kind: Literal["passphrase", "x25519"], salt: bytes, key: bytes) -> bytes:
    nonce = os.urandom(12)
    header = _Header(_FORMAT, kind, _text(salt), _text(nonce))
    ciphertext = AESGCM(key).encrypt(nonce, content, msgspec.json.encode(header))
    return msgspec.json.encode(_Envelope(header, _text(ciphertext))) + b"\n"


def _opened(envelope: bytes, kind: str, key: Callable[[bytes], bytes]) -> bytes:
    try:
        read = msgspec.json.decode(envelope, type=_Envelope)
        if read.header.kind != kind:
            raise EnvelopeError(f"this file is closed with a {read.header.kind}, and was to be opened with a {kind}")
        nonce, ciphertext = base64.urlsafe_b64decode(read.header.nonce), base64.urlsafe_b64decode(read.content)
        aad = msgspec.json.encode(read.header)
        return AESGCM(key(base64.urlsafe_b64decode(read.header.salt))).decrypt(nonce, ciphertext, aad)
    except (InvalidTag, msgspec.DecodeError, ValueError, binascii.Error):
        raise EnvelopeError(_UNOPENED) from None


def _from_passphrase(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(passphrase)


def _from_secret(secret: bytes, sender: bytes, recipient: bytes) -> bytes:
    info = _FORMAT.encode() + sender + recipient
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret)


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()
