"""The search of the audit: whether a key, value or header on a topic holds what looks like an identifier.

The rules are strict, and find nothing in what our own programs write (tests/broker, over invented sites):

    number     ten digits that are a valid NHS, CHI or H&C number, also in groups of 3-3-4 or 6-4 with a space, hyphen or dot
               between; no letter or digit beside it, which spares UIDs, pseudonyms, digests and ciphertexts. In JSON also as
               a number
    UID        a DICOM UID of four parts or more. Pseudonymous ones have three (2.25.N); an original one of that root cannot
               be told apart
    name       a letter, one or more ^, a letter: a DICOM person name
    hospital   a whole JSON string, a whole key, or a whole word of what is not JSON, that has the form of a site's hospital
               numbers

Strings are searched one by one, names of fields too, and what quarantine has encoded as it was. The fields ``form`` and
``counterpart`` hold masks such as AA999999, which may have the form of a number: there only the letter A and the digit 9 may
stand. A pattern that our own words would fit (any digits at all, say) cannot be searched for; ``too_broad`` says whose.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from identity import hospital, numbers
from identity.hospital import HospitalNumber
from monitoring.topics import Found
from schemas.sites import Sites

_NUMBER = re.compile(r"(?<![A-Za-z0-9])(?:\d{10}|\d{3}[ \-.\u00a0]\d{3}[ \-.\u00a0]\d{4}|\d{6}[ \-.\u00a0]\d{4})(?![A-Za-z0-9])")
_UID = re.compile(r"(?<![\w.])[012](?:\.\d+){3,}(?![\w.])")
_NAME = re.compile(r"[^\W\d_]\^+[^\W\d_]")
_WORDS = re.compile(r"[\s\"';,|:=\[\]{}<>&]+")
_LONGEST = 64  # characters of a hospital number (DICOM PS3.5, LO)
_MASKS = {"form", "counterpart"}  # fields
_MASK = re.compile(r"[A9\W_]*")
_OUR_WORDS = ("0", "1", "12", "2020", "positive", "negative", "CHEST", "DX", "RDGM", "UNKNOWN", "node", "2020-05-01")


class Search:
    """The rules, with the forms of the hospital numbers of all sites."""

    def __init__(self, patterns: Mapping[str, str], too_broad: tuple[str, ...]) -> None:
        self.patterns = {code: re.compile(pattern, re.IGNORECASE) for code, pattern in patterns.items()}
        self.too_broad = too_broad
        """Codes of sites whose pattern cannot be searched for."""
        self._kinds = lru_cache(maxsize=50_000)(self._looked_for)  # names of fields and many values come again and again

    def found(self, message: Found) -> list[str]:
        """What the message holds, in words that do not repeat it; nothing where all is well."""
        kinds = [f"the key holds {kind}" for kind in self._of_bytes(message.key)]
        kinds += [f"the value holds {kind}" for kind in self._of_bytes(message.value or b"")]
        for name, content in message.headers:
            kinds += [f"a header holds {kind}" for kind in (*_of_text(name), *self._of_bytes(content or b""))]
        return sorted(set(kinds))

    def _of_bytes(self, content: bytes) -> Iterator[str]:
        try:
            plain = msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield from self._of_no_json(content)
        else:
            yield from self._of_json("", plain)

    def _of_no_json(self, content: bytes) -> Iterator[str]:
        encodings = ("utf-8", "utf-16-le", "utf-16-be") if b"\0" in content else ("utf-8",)
        for encoding in encodings:
            text = content.decode(encoding, errors="replace")
            yield from _of_text(text)
            for word in _WORDS.split(text):
                yield from self._whole(word)

    def _of_json(self, field: str, plain: Any) -> Iterator[str]:  # noqa: ANN401  # JSON
        match plain:
            case dict():
                for name, value in plain.items():
                    yield from self._of_string("", name)
                    yield from self._of_json(name, value)
            case list():
                for value in plain:
                    yield from self._of_json(field, value)
            case str():
                yield from self._of_string(field, plain)
            case int() if plain >= 10**8 and field != "offset" and isinstance(numbers.parse(plain), numbers.NhsNumber):
                yield "an NHS, CHI or H&C number"

    def _of_string(self, field: str, text: str) -> Iterator[str]:
        if field in _MASKS and _MASK.fullmatch(text):
            return
        yield from self._kinds(text)
        if field == "original":
            yield from self._of_bytes(_decoded(text))

    def _looked_for(self, text: str) -> tuple[str, ...]:
        return (*_of_text(text), *self._whole(text))

    def _whole(self, text: str) -> Iterator[str]:
        text = text.strip()
        if len(text) <= _LONGEST:
            for code, pattern in self.patterns.items():
                if pattern.fullmatch(text):
                    yield f"what has the form of a hospital number of {code}"


def _of_text(text: str) -> Iterator[str]:
    if any(isinstance(numbers.parse(each[0].replace(".", "")), numbers.NhsNumber) for each in _NUMBER.finditer(text)):
        yield "an NHS, CHI or H&C number"
    if _UID.search(text):
        yield "a DICOM UID that is no pseudonym"
    if _NAME.search(text):
        yield "a person's name"


def search_for(sites: Sites) -> Search:
    """The search with the patterns of these sites."""
    everyday = [HospitalNumber(word) for word in _OUR_WORDS]
    broad = {code for code, site in sites.items() if any(hospital.fits(word, site.hospital_number_pattern) for word in everyday)}
    patterns = {code: site.hospital_number_pattern for code, site in sites.items() if code not in broad}
    return Search(patterns, tuple(sorted(broad)))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
