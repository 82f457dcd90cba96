"""The hospital's half of the NHS/CHI Checker: numbers become pseudonyms here, and only those leave."""

from collections.abc import Iterable
from dataclasses import dataclass

from identity import keyring, numbers
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from schemas.home import Home


@dataclass(frozen=True, slots=True)
class Asked:
    """One number as it may leave: its person pseudonym, or why it is no number."""

    person: str | None
    reason: str | None


def asked(typed: Iterable[str], home: Home) -> list[Asked]:
    """The numbers in the order typed, with or without spaces and hyphens.

    Raises:
        KeyringError: the keyring cannot be used.
    """
    pseudonymiser = Pseudonymiser(keyring.load(home.keyring))
    return [_asked(text, pseudonymiser) for text in typed]


def _asked(text: str, pseudonymiser: Pseudonymiser) -> Asked:
    number = numbers.parse(text)
    if isinstance(number, NhsNumber):
        return Asked(pseudonymiser.person(number), None)
    return Asked(None, number.words)
