"""What tells who the patient is, in one header: the words and numbers that nothing kept may hold.

The words of every person's name, the numbers of the patient and of the request, the institution. They are looked for in what is
kept of the same object; a value that holds one is not kept.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

_WORDS = re.compile(rb"[A-Z]+")
_TOKENS = re.compile(rb"[A-Z0-9]+")
_PAIR = re.compile(rb"(?<![A-Za-z])[A-Za-z]{2}(?![A-Za-z])")  # a word of two letters
_NOT_SQUEEZED = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_NUMBER_SIGNS = b" .+-\0"
_SPELT = str.maketrans(
    {"Ä": "AE", "Ö": "OE", "Ü": "UE", "Å": "AA", "Ø": "OE", "Æ": "AE", "ẞ": "SS", "Œ": "OE", "Þ": "TH", "Ð": "D"}
)

_TITLES = frozenset((b"MR", b"MRS", b"MS", b"MISS", b"DR", b"PROF", b"SIR"))  # no part of anybody's name; MR is a modality

_SHORTEST_WORD = 2
_LONG_WORD = 5  # looked for also inside of other words
_SHORTEST_NUMBER = 4
_LONG_NUMBER = 5  # looked for also inside of other text
_LONGEST_CHANCE = 7  # digits that a measured value holds by chance


@dataclass(frozen=True, slots=True)
class Telling:
    """The words and numbers of one header, in capitals. Prints none of them."""

    words: frozenset[bytes] = field(repr=False)
    inside: tuple[bytes, ...] = field(repr=False)  # found also within other words
    numbers: frozenset[bytes] = field(repr=False)  # as a whole
    long_numbers: tuple[bytes, ...] = field(repr=False)  # also within other digits

    def in_text(self, value: bytes) -> bool:
        """Whether text holds one of them."""
        capitals = value.upper()
        if not self.words.isdisjoint(_WORDS.findall(capitals)) or not self.words.isdisjoint(_TOKENS.findall(capitals)):
            return True
        squeezed = capitals.translate(None, _NOT_SQUEEZED)
        return len(squeezed) >= _LONG_WORD and _any_in(self.inside, squeezed)

    def in_code(self, value: bytes) -> bool:
        """Whether a code string holds one of them; words of two letters (``PA``, ``HU``) are taken for codes."""
        return self.in_text(_PAIR.sub(b" ", value))

    def in_number(self, value: bytes) -> bool:
        """Whether a number written as text is one of them, or holds a long one."""
        if len(value) < _LONG_NUMBER:
            return False
        digits = value.translate(None, _NUMBER_SIGNS)
        if _any_in(self.long_numbers, digits):
            return True
        return any(part.strip(b" +-\0").partition(b".")[0].lstrip(b"0") in self.numbers for part in value.split(b"\\"))

    def in_bytes(self, value: bytes) -> bool:
        """Whether bytes of any kind hold one of them, as text."""
        if len(value) < _LONG_NUMBER:
            return False
        return _any_in(self.inside, value.upper())


def _any_in(parts: tuple[bytes, ...], whole: bytes) -> bool:
    for part in parts:  # noqa: SIM110  # twice as fast as any(), and called for most values
        if part in whole:
            return True
    return False


def telling(names: tuple[str, ...], numbers: tuple[str, ...], phrases: tuple[str, ...]) -> Telling:
    """What to look for.

    Args:
        names: of persons, as DICOM parts them.
        numbers: numbers and other identifiers, as they stand in the header.
        phrases: institutions and addresses, which tell as a whole, since their words are everyday ones.
    """
    words = {word for name in names for word in _name_words(name)}
    tokens = {_squeezed(number) for number in numbers} | {_digits(number) for number in numbers}
    tokens |= {token for number in numbers for token in _TOKENS.findall(number.upper().encode("ascii", "replace"))}
    joined = {each for name in names for each in _joined(name)}
    whole = {_squeezed(phrase) for phrase in phrases}
    known = {token for token in tokens if len(token) >= _SHORTEST_NUMBER and token.strip(b"0")}
    return Telling(
        words=frozenset(word for word in words if len(word) >= _SHORTEST_WORD) - _TITLES | known,
        inside=tuple(sorted(_at_least(words | joined | whole, _LONG_WORD) | _at_least(known, _LONG_NUMBER))),
        numbers=frozenset(known | {token.lstrip(b"0") for token in known}),
        long_numbers=tuple(sorted(token for token in _at_least(known, _LONGEST_CHANCE) if token.isdigit())),
    )


def _name_words(name: str) -> Iterable[bytes]:
    """The words of a name in plain capitals, accents left out and, once more, spelt out."""
    capitals = name.upper()
    for spelling in (capitals.translate(_SPELT), capitals):
        yield from _TOKENS.findall(unicodedata.normalize("NFKD", spelling).encode("ascii", "ignore"))


def _joined(name: str) -> Iterable[bytes]:
    """Family and given name written together, either first."""
    words = [word for word in _name_words(name.partition("=")[0]) if len(word) >= _SHORTEST_WORD][:3]
    yield from (one + other for one in words for other in words if one != other)


def _at_least(values: Iterable[bytes], length: int) -> set[bytes]:
    return {value for value in values if len(value) >= length}


def _squeezed(text: str) -> bytes:
    return text.upper().encode("ascii", "ignore").translate(None, _NOT_SQUEEZED)


def _digits(text: str) -> bytes:
    return text.encode("ascii", "ignore").translate(None, _NOT_DIGITS)
