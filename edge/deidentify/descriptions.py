"""Free text made safe: of a description only the words of a reviewed vocabulary stay, and small numbers.

What is not known to be harmless is left out, so a name, a place or a remark cannot pass, in whatever way it is written. A word of
the vocabulary that is also in the patient's name is left out too.
"""

import re
from functools import cache
from pathlib import Path

from edge.deidentify.telling import Telling

WORDS = Path(__file__).with_name("words.txt")

_TOKEN = re.compile(rb"[A-Za-z0-9.]+")
_NUMBER = re.compile(rb"\d{1,3}(?:\.\d{1,2})?|\.\d{1,2}")
_NUMBER_WITH_UNIT = re.compile(rb"(\d{1,3}(?:\.\d{1,2})?)([A-Za-z]{1,3})")
_MAX_NUMBERS = 3  # more of them side by side may be the pieces of one long number
_MAX_LENGTH = 64


@cache
def vocabulary() -> frozenset[bytes]:
    """The words, in capitals."""
    lines = WORDS.read_text(encoding="ascii").splitlines()
    return frozenset(word.upper().encode() for line in lines if not line.startswith("#") for word in line.split())


def cleaned(value: bytes, telling: Telling) -> bytes:
    """The words of a text that may stay, one space between them; of several values each by itself."""
    return b"\\".join(_cleaned(part, telling) for part in value.split(b"\\")).rstrip(b"\\ ")


def _cleaned(text: bytes, telling: Telling) -> bytes:
    tokens = [token for token in _TOKEN.findall(text) if not telling.in_text(token)]
    numbers = [token for token in tokens if _NUMBER.fullmatch(token)][:_MAX_NUMBERS]
    words = [token for token in tokens if _known(token)]
    kept = [token for token in tokens if token in words or token in numbers]
    return b" ".join(kept)[:_MAX_LENGTH] if words else b""


def _known(token: bytes) -> bool:
    united = _NUMBER_WITH_UNIT.fullmatch(token)
    return (united[2] if united else token).upper() in vocabulary()
