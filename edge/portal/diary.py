"""The audit log: who did what and when, with counts. No number, no name of a file, no address of a page is ever in it."""

import json
from dataclasses import dataclass
from typing import Literal

from edge.portal.accounts import Account, Now
from edge.portal.database import Database

Act = Literal[
    "logged in",
    "logged out",
    "login refused",
    "changed the password",
    "uploaded",
    "checked numbers",
    "downloaded a chase list",
    "downloaded a marked copy",
    "added an account",
    "disabled an account",
    "enabled an account",
    "reset a password",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of it."""

    at: int
    account: str
    site: str
    act: str
    detail: dict[str, str | int | bool]


class Diary:
    """Written to, and read by administrators; nothing takes a line out."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def note(self, account: Account, act: Act, **detail: str | int | bool) -> None:
        """Adds a line."""
        insert = "INSERT INTO entry (at, account, site, act, detail) VALUES (?, ?, ?, ?, ?)"
        self._database.write(insert, self._now(), account.name, account.site, act, json.dumps(detail))

    def latest(self, site: str, most: int = 100) -> list[Entry]:
        """The latest lines of a site, newest first."""
        select = "SELECT at, account, site, act, detail FROM entry WHERE site = ? ORDER BY id DESC LIMIT ?"
        rows = self._database.query(select, site, most)
        return [Entry(at, account, code, act, json.loads(detail)) for at, account, code, act, detail in rows]
