"""Tokens: who may ask the hub, and what about. The file holds digests; a token itself is shown once, when it is made.

A token is 256 bits of chance, so that its plain SHA-256 cannot be turned back by trying, and needs no slow hash.
"""

import datetime as dt
import fcntl
import hashlib
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from schemas.home import Home
from schemas.problems import UnusableInputError
from schemas.records import Record, Time

NATIONAL = "national"
"""The scope of a token that may ask about all sites."""

LOCAL = "this home's portal"
"""The label of the tokens that ``up`` makes for itself."""

_PREFIX = "nccid_"
_PRIVATE = 0o600


class TokensError(UnusableInputError):
    """The file of tokens cannot be used, or the token meant is not in it."""


class Token(Record, frozen=True, kw_only=True):
    """What is kept of a token."""

    id: str  # to name it by, as when it is revoked; of no use to anyone
    digest: str  # SHA-256 of the token, hexadecimal
    scope: str  # a site's code, or "national"
    label: str
    made_at: Time

    def may_see(self, site: str) -> bool:
        """Whether it may ask about this site."""
        return self.scope in (NATIONAL, site)


class _File(Record, frozen=True, kw_only=True):
    tokens: list[Token]


def digest_of(token: str) -> str:
    """By what a token is known again."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogateescape")).hexdigest()


def read_tokens(path: Path) -> list[Token]:
    """The tokens in a file; none where there is no file.

    Raises:
        TokensError: the file is damaged, or others than its owner may write it.
    """
    try:
        _require_private(path)
        return msgspec.json.decode(path.read_bytes(), type=_File).tokens
    except FileNotFoundError:
        return []
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TokensError(f"{path} is damaged; restore it, or remove it and make new tokens with: nccid tokens add") from None


def add(path: Path, scope: str, label: str, now: dt.datetime) -> tuple[Token, str]:
    """A new token, and what is kept of it.

    Raises:
        TokensError: the file is damaged.
    """
    secret = _PREFIX + secrets.token_urlsafe(32)
    made = Token(id=secrets.token_hex(4), digest=digest_of(secret), scope=scope, label=label, made_at=now)
    with _alone(path):
        _write(path, [*read_tokens(path), made])
    return made, secret


def revoke(path: Path, *, ids: Collection[str] = (), scope: str | None = None) -> list[Token]:
    """Takes out the tokens of these ids, or all of a scope; answers which.

    Raises:
        TokensError: there is none.
    """
    with _alone(path):
        tokens = read_tokens(path)
        if unknown := set(ids) - {token.id for token in tokens}:
            raise TokensError(f"there is no token {', '.join(sorted(unknown))}; `nccid tokens list` shows them")
        gone = [token for token in tokens if token.id in ids or token.scope == scope]
        if not gone:
            raise TokensError(f"there is no token for {scope}; `nccid tokens list` shows them")
        _write(path, [token for token in tokens if token not in gone])
    return gone


def ensure_local_access(home: Home, sites: Collection[str], now: dt.datetime) -> None:
    """A token for each site, for the portal on this machine; those that are there and still good stay.

    Raises:
        TokensError: the file of tokens is damaged.
    """
    tokens = read_tokens(home.hub_tokens)
    good = {(token.digest, token.scope) for token in tokens}
    known = {code: token for code, token in _local_access(home).items() if (digest_of(token), code) in good}
    if set(known) == set(sites):
        return
    held = {digest_of(token) for code, token in known.items() if code in sites}
    _write(home.hub_tokens, [token for token in tokens if token.label != LOCAL or token.digest in held])
    missing = [code for code in sites if code not in known]
    made = {code: add(home.hub_tokens, code, LOCAL, now)[1] for code in missing}
    access = {code: known.get(code) or made[code] for code in sorted(sites)}
    home.hub_access.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(home.hub_access, msgspec.json.encode(access))


def _local_access(home: Home) -> Mapping[str, str]:
    try:
        return msgspec.json.decode(home.hub_access.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two commands at once would lose what one of them has written: the second waits for the first."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_private(path: Path) -> None:
    if path.stat().st_mode & 0o022:
        raise TokensError(f"{path} may be written by others than its owner; put that right with: chmod 600 {path}")


def _write(path: Path, tokens: list[Token]) -> None:
    _replace(path, msgspec.json.format(msgspec.json.encode(_File(tokens=tokens)), indent=2))


def _replace(path: Path, content: bytes) -> None:
    """Puts a whole new file in place of the one before, readable by its owner alone."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
