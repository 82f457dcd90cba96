"""Quarantine: why a record could not be used, as a value, and the record that says so on ``nccid.quarantine``."""

import base64
import datetime as dt
import hashlib
import re
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from schemas.records import Quarantined, Sealed, Source

_PSEUDONYM = re.compile(rb"[MP]?[A-Z2-7]{26}")
"""A routing key, a match or a person, as ``identity.pseudonyms`` makes them. A key of any other form may be an identifier."""


class Reason(StrEnum):
    """Why; the code stands in the quarantine record, the words tell what to do."""

    UNDECODABLE = "undecodable"
    UNKNOWN_SITE = "unknown-site"
    SEAL_BROKEN = "seal-broken"
    KEY_MISSING = "key-missing"
    IDENTIFIER_UNUSABLE = "identifier-unusable"
    WRONG_KEY = "wrong-key"
    WITHDRAWN = "withdrawn"
    STEP_FAILED = "step-failed"

    @property
    def words(self) -> str:
        """What happened and what to do, for the engineer on call."""
        return _WORDS[self]


_WORDS = {
    Reason.UNDECODABLE: "the bytes are not a record of this topic; find the program that wrote them",
    Reason.UNKNOWN_SITE: "the site is not in the registry; add it to sites.toml, then replay",
    Reason.SEAL_BROKEN: "the sealed identifiers do not open; the sending edge has another keyring, or the record was changed",
    Reason.KEY_MISSING: "sealed with a key version that this keyring lacks; restore the keyring that has it, then replay",
    Reason.IDENTIFIER_UNUSABLE: "the identifier cannot be used at this site; the site has to send it again, corrected",
    Reason.WRONG_KEY: "the message key is not the record's match, so it would be joined in the wrong place; find its producer",
    Reason.WITHDRAWN: "the patient has opted out; what arrived was dropped, and nothing needs to be done",
    Reason.STEP_FAILED: "an error in our own program; report it with the detail, then replay after the fix",
}


class Rejected(msgspec.Struct, frozen=True):
    """A record that could not be used; ``detail`` never holds a value of it."""

    reason: Reason
    detail: str = ""


class Payload(msgspec.Struct, frozen=True):
    """A record as it lay on its topic, and what of it may be kept."""

    source: Source
    at: dt.datetime  # the broker's timestamp
    content: bytes
    key: bytes = b""
    event: str | None = None  # known when it could be decoded: then identifiers in it are sealed or pseudonymous


def quarantined(rejected: Rejected, step: str, payload: Payload, sealed: Sealed | None) -> Quarantined:
    """The quarantine record: the payload itself where it is known to hold nothing in clear, else only its seal and digest."""
    readable = payload.event is not None
    keep = rejected.reason is not Reason.WITHDRAWN
    return Quarantined(
        reason=rejected.reason,
        detail=rejected.detail or rejected.reason.words,
        step=step,
        source=payload.source,
        event=payload.event,
        quarantined_at=payload.at,
        original=base64.b64encode(payload.content).decode() if readable and keep else None,
        sealed=None if readable else sealed,
        digest=hashlib.sha256(payload.content).hexdigest(),
        key=base64.b64encode(payload.key).decode() if readable and _PSEUDONYM.fullmatch(payload.key) else None,
    )


def purged(record: Quarantined, at: dt.datetime) -> Quarantined:
    """What is left of a record that somebody has purged: that it was there and why, without what was kept of it."""
    return replace(record, original=None, sealed=None, key=None, purged_at=at)


def quarantine_key(source: Source) -> bytes:
    """Message key: the same record rejected twice has the same key."""
    return f"{source.topic}/{source.partition}/{source.offset}".encode()
