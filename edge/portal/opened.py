"""The portal's accounts for commands, opened while the portal runs or not."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from edge.portal.accounts import Accounts
from edge.portal.database import Database
from edge.portal.limits import Attempts
from edge.portal.parts import clock
from schemas.home import Home
from schemas.problems import UnusableInputError


@contextmanager
def accounts_of(home: Home) -> Iterator[Accounts]:
    """The accounts of a home.

    Raises:
        UnusableInputError: there is no home.
        PortalDataError: its file cannot be used.
    """
    with _opened(home) as database:
        yield Accounts(database, clock)


@contextmanager
def attempts_of(home: Home) -> Iterator[Attempts]:
    """What was tried lately. Raises as ``accounts_of``."""
    with _opened(home) as database:
        yield Attempts(database, clock)


@contextmanager
def _opened(home: Home) -> Iterator[Database]:
    if not home.sites.is_file():
        raise UnusableInputError(f"there is no home in {home.root}; make one with: nccid init --dir {home.root}")
    with closing(Database(home.portal)) as database:
        yield database
