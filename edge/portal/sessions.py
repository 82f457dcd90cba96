"""Sessions: a secret in the browser's cookie, its digest here; they end by themselves, at logout, and with the password."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from edge.portal.accounts import Account, AccountError, Accounts, Now
from edge.portal.database import Database

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 10 * 60 * 60
_SEEN_SECONDS = 30  # how exactly it is remembered when somebody was last here


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in."""

    account: Account
    secret: str = field(repr=False)

    @property
    def key(self) -> str:
        """What else belongs to this session is kept under."""
        return _digest(self.secret).hex()


class Sessions:
    """All sessions of a portal."""

    def __init__(self, database: Database, accounts: Accounts, now: Now) -> None:
        self._database = database
        self._accounts = accounts
        self._now = now

    def begin(self, account: Account) -> Session:
        """A session with a secret of its own, whatever the browser had before."""
        secret, now = new_secret(), self._now()
        self._database.write("DELETE FROM session WHERE seen_at < ? OR created_at < ?", now - IDLE_SECONDS, now - LONGEST_SECONDS)
        self._database.write("INSERT INTO session VALUES (?, ?, ?, ?)", _digest(secret), account.name, now, now)
        return Session(account, secret)

    def find(self, secret: str) -> Session | None:
        """The session with this secret, if it has not ended."""
        digest, now = _digest(secret), self._now()
        rows = self._database.query("SELECT account, created_at, seen_at FROM session WHERE digest = ?", digest)
        if not rows:
            return None
        name, created_at, seen_at = rows[0]
        if now - seen_at > IDLE_SECONDS or now - created_at > LONGEST_SECONDS:
            self.end(secret)
            return None
        if now - seen_at > _SEEN_SECONDS:
            self._database.write("UPDATE session SET seen_at = ? WHERE digest = ?", now, digest)
        try:
            account = self._accounts.known(name)
        except AccountError:
            return None
        return None if account.disabled else Session(account, secret)

    def end(self, secret: str) -> None:
        """Ends it; its cookie is worth nothing any more."""
        self._database.write("DELETE FROM session WHERE digest = ?", _digest(secret))


def new_secret() -> str:
    """A secret for a cookie: 256 bits."""
    return secrets.token_urlsafe(32)


def form_token(secret: str) -> str:
    """What a form must bring along to be taken as sent from our own page: made of the cookie, which it does not tell."""
    return hmac.digest(secret.encode(), b"nccid form", "sha256").hex()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
