"""Accounts: who may log in, for which site, with what password. Each change of a password ends the sessions under the old one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.portal import passwords
from edge.portal.database import Database
from schemas.problems import UnusableInputError

_NAME = re.compile(r"[a-z][a-z0-9._@-]{2,63}")
_COLUMNS = "name, site, administrator, must_change, disabled, created_at, last_login_at"

Now = Callable[[], int]
"""Seconds since 1970, UTC."""


class AccountError(UnusableInputError):
    """An account cannot be made or changed as asked; says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in, unless disabled."""

    name: str
    site: str
    administrator: bool
    must_change: bool  # the password was given by somebody else
    disabled: bool
    created_at: int = field(repr=False)
    last_login_at: int | None = field(repr=False)


def folded(name: str) -> str:
    """A user name as it is compared."""
    return name.strip().casefold()


class Accounts:
    """The accounts of a portal."""

    def __init__(self, database: Database, now: Now) -> None:
        self._database = database
        self._now = now

    def add(self, name: str, site: str, password: str, *, administrator: bool = False, must_change: bool = True) -> Account:
        """A new account.

        Raises:
            AccountError: a name that cannot be one or is taken, a password that is not taken.
        """
        name = folded(name)
        if not _NAME.fullmatch(name):
            raise AccountError("a user name has 3 to 64 letters (a-z), digits, dots, hyphens, underscores or @, a letter first")
        if objection := passwords.objection(password, name):
            raise AccountError(objection)
        insert = "INSERT OR IGNORE INTO account VALUES (?, ?, ?, ?, ?, 0, ?, NULL)"
        facts = (name, site, int(administrator), passwords.kept(password), int(must_change), self._now())
        if not self._database.write(insert, *facts):
            raise AccountError(f"there is an account {name} already; another user name, or: nccid users reset {name}")
        return self.known(name)

    def known(self, name: str) -> Account:
        """The account with this name.

        Raises:
            AccountError: there is none.
        """
        for row in self._database.query(f"SELECT {_COLUMNS} FROM account WHERE name = ?", folded(name)):  # noqa: S608  # columns of ours
            return _account(row)
        raise AccountError(f"there is no account {folded(name)[:40]!r}")

    def of_site(self, site: str) -> list[Account]:
        """All of a site, by name."""
        rows = self._database.query(f"SELECT {_COLUMNS} FROM account WHERE site = ? ORDER BY name", site)  # noqa: S608  # columns of ours
        return [_account(row) for row in rows]

    def all(self) -> list[Account]:
        """All there are, by site and name."""
        rows = self._database.query(f"SELECT {_COLUMNS} FROM account ORDER BY site, name")  # noqa: S608  # columns of ours
        return [_account(row) for row in rows]

    def verified(self, name: str, password: str) -> Account | None:
        """The account, if it may log in with this password; nobody can tell by the time taken which of the two was wrong."""
        rows = self._database.query("SELECT password, disabled FROM account WHERE name = ?", folded(name))
        stored, disabled = rows[0] if rows else (None, 0)
        if not passwords.fits(stored, password) or disabled:
            return None
        return self.known(name)

    def logged_in(self, account: Account) -> None:
        """Remembers when somebody last came."""
        self._database.write("UPDATE account SET last_login_at = ? WHERE name = ?", self._now(), account.name)

    def set_password(self, account: Account, password: str, *, must_change: bool) -> None:
        """Another password; whoever is logged in under the old one is not any more.

        Raises:
            AccountError: it is not taken.
        """
        if objection := passwords.objection(password, account.name):
            raise AccountError(objection)
        stored = passwords.kept(password)
        with self._database.transaction() as change:
            change.write(
                "UPDATE account SET password = ?, must_change = ? WHERE name = ?", stored, int(must_change), account.name
            )
            change.write("DELETE FROM session WHERE account = ?", account.name)

    def set_disabled(self, account: Account, *, disabled: bool) -> None:
        """Locks somebody out, at once, or lets them in again."""
        with self._database.transaction() as change:
            change.write("UPDATE account SET disabled = ? WHERE name = ?", int(disabled), account.name)
            change.write("DELETE FROM session WHERE account = ?", account.name)


def _account(row: tuple[str, str, int, int, int, int, int | None]) -> Account:
    name, site, administrator, must_change, disabled, created_at, last_login_at = row
    return Account(name, site, bool(administrator), bool(must_change), bool(disabled), created_at, last_login_at)
