"""Passwords: what is asked of one, how it is kept (Argon2id), and how one is made for somebody."""

import re
import secrets
import threading
from pathlib import Path

import argon2

SHORTEST, LONGEST = 12, 200
_BASES = frozenset(Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split())
"""What people choose first: a password made of one of these, with digits or signs around it or repeated, is not taken."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_GROUPS, _GROUP = 4, 5
_AT_ONCE = threading.BoundedSemaphore(4)  # each takes 64 MiB for a moment
_HASHER = argon2.PasswordHasher()  # RFC 9106, second recommended option
_NOBODYS = _HASHER.hash(secrets.token_hex(16))
_LEET = str.maketrans("013457@$!", "oieastasi")


def made_up() -> str:
    """A password of about 99 bits that can be read out over a telephone."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def objection(password: str, name: str) -> str | None:
    """Why a password is not taken, and what would be; None for a good one.

    Length and not being guessable, no rules of composition (NCSC, "Password policy: updating your approach"; NIST SP 800-63B).
    """
    if len(password) < SHORTEST:
        return f"The password is too short: use {SHORTEST} characters or more, for example three random words"
    if len(password) > LONGEST:
        return f"The password is too long: use at most {LONGEST} characters"
    if any(character < " " for character in password):
        return "The password has a character that cannot be typed: use letters, digits, spaces and signs"
    if _contains(password, name):
        return "The password has the user name in it: choose one that does not"
    if _is_common(password):
        return "The password is easy to guess: choose one that is not a common word, a pattern, or either with digits added"
    return None


def _contains(password: str, name: str) -> bool:
    folded = password.casefold()
    return name.casefold() in folded or name.casefold()[::-1] in folded


def _is_common(password: str) -> bool:
    """A common password, or one with digits and signs before or after it, or one repeated, or few characters in all."""
    folded = password.casefold()
    if len(set(folded)) < 5:
        return True
    squeezed = re.sub(r"[\W_]", "", folded)
    shapes = {squeezed, squeezed.strip("0123456789"), squeezed.translate(_LEET), squeezed.strip("0123456789").translate(_LEET)}
    return any(_repeats(shape) in _BASES or not shape for shape in shapes)


def _repeats(text: str) -> str:
    """What is repeated in a text that is a repetition, else the text."""
    found = re.fullmatch(r"(.+?)\1+", text)
    return found[1] if found else text


def kept(password: str) -> str:
    """How a password is stored."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether it is the password; takes as long when there is no account (``stored`` is None) as when there is one."""
    with _AT_ONCE:
        try:
            _HASHER.verify(stored or _NOBODYS, password[: LONGEST + 1])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
        return stored is not None
