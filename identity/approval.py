"""Approval by a second person: a signature that only their own secret makes, over the one request that it is for.

Ed25519 (RFC 8032). The private key lies in a file of the person's own, under a passphrase; the home knows the public one.
"""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from schemas.problems import UnusableInputError

_CONTEXT = b"nccid/link/approval/1\0"
SHORTEST_PASSPHRASE = 12


class ApprovalError(UnusableInputError):
    """A key or a token cannot be used; never holds a secret."""


def require_passphrase(passphrase: str) -> bytes:
    """The passphrase as bytes.

    Raises:
        ApprovalError: too short.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ApprovalError(f"the passphrase is too short: take {SHORTEST_PASSPHRASE} characters or more, for example four words")
    return passphrase.encode()


def new_key(passphrase: str) -> tuple[bytes, str]:
    """A key for somebody who approves.

    Returns:
        The private key, encrypted, as PEM; and the public key as text.

    Raises:
        ApprovalError: the passphrase is too short.
    """
    key = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(require_passphrase(passphrase))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), _public(key)


def approve(private: bytes, passphrase: str, name: str, digest: str) -> str:
    """The token of this person for the request with this digest.

    Raises:
        ApprovalError: another passphrase, or no such key.
    """
    signature = _private(private, passphrase).sign(_message(name, digest))
    return base64.urlsafe_b64encode(signature).decode()


def public_of(private: bytes, passphrase: str) -> str:
    """The public key that belongs to a private one.

    Raises:
        ApprovalError: another passphrase, or no such key.
    """
    return _public(_private(private, passphrase))


def is_approved(public: str, token: str, name: str, digest: str) -> bool:
    """Whether this token is this person's, for the request with this digest."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(public))
        key.verify(base64.urlsafe_b64decode(token), _message(name, digest))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _private(private: bytes, passphrase: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(private, passphrase.encode())
    except (ValueError, TypeError):
        raise ApprovalError("the key does not open: another passphrase, or not a key of ours") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ApprovalError("this is a key of another kind; `nccid link approver` makes the right one")
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _message(name: str, digest: str) -> bytes:
    return _CONTEXT + len(name.encode()).to_bytes(4, "big") + name.encode() + digest.encode()
