"""How often something may be tried: failed logins by user name and by address, questions to the Checker."""

import hashlib
from dataclasses import dataclass

from edge.portal.accounts import Now
from edge.portal.database import Database


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in so many seconds."""

    kind: str
    most: int
    seconds: int


BY_NAME = Limit("login-name", 5, 15 * 60)
BY_ADDRESS = Limit("login-address", 50, 15 * 60)  # a hospital may come from one address
QUESTIONS = Limit("question", 30, 60)  # lists of up to 1,000 numbers
UPLOADS = Limit("upload", 30, 5 * 60)


class Attempts:
    """What was tried lately. Whoever tried is kept as a digest: a user name may be a password in the wrong field."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def wait(self, limit: Limit, who: str) -> int:
        """Seconds until it may be tried again; 0 = now."""
        select = "SELECT at FROM attempt WHERE kind = ? AND who = ? AND at > ? ORDER BY at DESC LIMIT 1 OFFSET ?"
        now = self._now()
        found = self._database.query(select, limit.kind, _digest(who), now - limit.seconds, limit.most - 1)
        return int(found[0][0]) + limit.seconds - now if found else 0

    def add(self, limit: Limit, who: str) -> None:
        """Counts one."""
        now = self._now()
        self._database.write("DELETE FROM attempt WHERE kind = ? AND at <= ?", limit.kind, now - limit.seconds)
        self._database.write("INSERT INTO attempt VALUES (?, ?, ?)", limit.kind, _digest(who), now)

    def forget(self, limit: Limit, who: str) -> None:
        """Begins anew, as after a login that succeeded."""
        self._database.write("DELETE FROM attempt WHERE kind = ? AND who = ?", limit.kind, _digest(who))


def _digest(who: str) -> str:
    return hashlib.sha256(who.encode()).hexdigest()
