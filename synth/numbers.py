"""Numbers for people who never were: NHS numbers that nobody gets, hospital numbers of a site's form, and their misspellings."""

import random
import re
from collections.abc import Iterator

from nhs_number.validate import calculate_checksum

_PIECE = re.compile(r"(?:(?P<digit>\\d)|\[(?P<set>[^\]]+)\]|(?P<literal>[A-Za-z0-9-]))(?:\{(?P<low>\d+)(?:,(?P<high>\d+))?\})?")
_RANGE = re.compile(r"(.)-(.)")
_MOST_TRIES = 10_000
_ZERO_FIRST = 0.3  # of the numbers begin with a zero, or have one after their prefix


def nhs_numbers(rng: random.Random) -> Iterator[str]:
    """Valid numbers from 999 000 0000 to 999 999 9999, which are never issued to anybody; none comes twice."""
    given = {"9999999999"}  # ten equal digits are no number, though their check digit fits
    while True:
        stem = f"999{rng.randrange(10**6):06d}"
        check = calculate_checksum(stem)
        number = f"{stem}{check}"
        if len(number) == 10 and number not in given:
            given.add(number)
            yield number


def hospital_numbers(rng: random.Random, pattern: str) -> Iterator[str]:
    """Numbers of the site's form. No two have the same digits when prefix and leading zeros are left out.

    Raises:
        ValueError: there are too few such numbers, or the pattern uses more of the language of regular expressions than
            literals, digits, sets and counts.
    """
    given = {""}
    while number := next((drawn for drawn in _tries(rng, pattern) if digits(drawn) not in given), None):
        given.add(digits(number))
        yield number
    raise ValueError(f"there are too few hospital numbers of the form {pattern} for so many patients")


def digits(number: str) -> str:
    """The digits of a number without leading zeros: equal for RR12345678 and 12345678."""
    return re.sub(r"\D", "", number).lstrip("0")


def misspellings(number: str) -> list[str]:
    """Other ways in which people write the number: the same digits, but text that joins with nothing."""
    prefix = re.match(r"\D*", number)
    letters = prefix.group() if prefix else ""
    figures = number.removeprefix(letters)
    tries = [
        figures,
        figures.lstrip("0"),
        f"{letters}-{figures}",
        f"{letters}{figures[:3]} {figures[3:]}",
        f"{letters}0{figures}",
    ]
    return [text for text in dict.fromkeys(tries) if text.strip() != number and not text.startswith("-")]


def _tries(rng: random.Random, pattern: str) -> Iterator[str]:
    return (_drawn(rng, pattern) for _ in range(_MOST_TRIES))


def _drawn(rng: random.Random, pattern: str) -> str:
    text, at = "", 0
    while at < len(pattern):
        piece = _PIECE.match(pattern, at)
        if piece is None:
            raise ValueError(
                f"cannot invent hospital numbers of the form {pattern}: only letters, digits, \\d, [A-Z] and counts are known"
            )
        low = int(piece["low"] or 1)
        for place in range(rng.randint(low, int(piece["high"] or low))):
            text += _character(rng, piece, place)
        at = piece.end()
    return text


def _character(rng: random.Random, piece: re.Match[str], place: int) -> str:
    if piece["literal"]:
        return piece["literal"]
    if piece["digit"]:
        return "0" if place == 0 and rng.random() < _ZERO_FIRST else rng.choice("123456789" if place == 0 else "0123456789")
    ranges = _RANGE.findall(piece["set"])
    letters = [chr(code) for first, last in ranges for code in range(ord(first), ord(last) + 1)]
    return rng.choice(letters + list(_RANGE.sub("", piece["set"])))
