"""Making a home folder: registry and rules as given, everything private to its owner, nothing overwritten."""

from schemas.home import Home
from schemas.problems import UnusableInputError


class HomeError(UnusableInputError):
    """The home folder cannot be made or used; says why and what to do."""


def make_home(home: Home, sites: str, rules: str) -> None:
    """A new home with this registry and these rules.

    Raises:
        HomeError: something is there already, or the folder cannot be written.
    """
    for path in (home.keyring, home.sites, home.rules, home.outbox):
        if path.exists():
            raise HomeError(f"{home.root} is a home already ({path.name} is there); choose another --dir, nothing was changed")
    try:
        home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.sites.write_text(sites, encoding="utf-8")
        home.rules.write_text(rules, encoding="utf-8")
    except OSError as error:
        raise HomeError(f"{home.root} cannot be written: {error.strerror}") from None


def require_home(home: Home) -> Home:
    """The home, if it is one.

    Raises:
        HomeError: there is none at this place.
    """
    if not home.sites.is_file():
        raise HomeError(f"there is no home in {home.root}; make one with: nccid init --dir {home.root}")
    return home
