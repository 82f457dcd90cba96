"""A request to link: who asks, why, for which pseudonyms; what the second person reads and approves, to the last letter."""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import Time

GOOD_FOR = dt.timedelta(days=7)
_SHORTEST_REASON = 15
_PSEUDONYM = re.compile(r"Covid[A-Z2-7]{26}")


class RequestError(UnusableInputError):
    """A request cannot be used; says what would be right. Never repeats a line that is no pseudonym."""


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="link-request/1"):
    """What is asked for. It travels from person to person, not on a topic."""

    id: str
    made_at: Time
    by: str
    reason: str
    patients: list[str]  # pseudonyms, sorted, each once

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: what an approval is bound to."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def make(lines: Sequence[str], by: str, reason: str, now: dt.datetime) -> LinkRequest:
    """A request for these pseudonyms.

    Raises:
        RequestError: no pseudonym, a line that is none, no name, no reason to speak of.
    """
    wrong = [number for number, line in enumerate(lines, 1) if not _PSEUDONYM.fullmatch(line.strip())]
    if wrong:
        told = ", ".join(map(str, wrong[:10]))
        raise RequestError(f"lines {told} are no pseudonyms; one a line, as delivered records have them: Covid and 26 letters")
    if not lines:
        raise RequestError("give at least one pseudonym, one a line, on standard input")
    if not by.strip():
        raise RequestError("say who asks: --by NAME")
    if len(" ".join(reason.split())) < _SHORTEST_REASON:
        raise RequestError(f"say why, in at least {_SHORTEST_REASON} letters, so that somebody else can judge it: --reason TEXT")
    patients = sorted({line.strip() for line in lines})
    return LinkRequest(id=secrets.token_hex(8), made_at=now, by=by.strip(), reason=" ".join(reason.split()), patients=patients)


def read(path: Path) -> LinkRequest:
    """The request in a file.

    Raises:
        RequestError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=LinkRequest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RequestError(f"{path} is no request; `nccid link request` makes one") from None


def encoded(request: LinkRequest) -> bytes:
    """The request as a file that a person can read."""
    return msgspec.json.format(msgspec.json.encode(request, order="deterministic"), indent=1) + b"\n"


def require_fresh(request: LinkRequest, now: dt.datetime) -> None:
    """Refuses a request that nobody remembers any more.

    Raises:
        RequestError: it is too old, or from the future.
    """
    if not -dt.timedelta(minutes=5) <= now - request.made_at <= GOOD_FOR:
        raise RequestError(f"the request is of {request.made_at:%d %B %Y}; it is good for {GOOD_FOR.days} days, so make it anew")
