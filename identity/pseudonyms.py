"""Pseudonyms: keyed, one-way names for patients, persons and studies, and what each is made from.

    patient   (site, PACS identifier as compared)          THE pseudonym: the join, DICOM PatientID
    person    (NHS/CHI/H&C number)                         no site in it: the Checker, one person at two sites
    match     (site, digits of the PACS identifier)        message key after pseudonymise; never joins by itself
    routing   as match, under another key                  message key before pseudonymise
    uid       (DICOM UID)                                  studies, series, instances
    days      (site, PACS identifier as compared)          by how many days dates of images are moved

All but ``days`` are HMAC-SHA256 cut to 128 bits. Which number is the PACS identifier is the site's own matter
(``Site.pacs_identifier``).
"""

import hashlib

from identity import numbers
from identity.hospital import HospitalNumber
from identity.keyring import Keyring, Purpose
from identity.numbers import NhsNumber
from schemas.sites import Site

_BYTES = 16
PREFIX = "Covid"
"""What readers of NCCID pseudonyms expect first."""

MOST_DAYS = 1461
"""Four years: by so many days, at most, are dates moved."""


class Pseudonymiser:
    """Makes all pseudonyms of one keyring; holds keys, so it never leaves the process that loaded them."""

    def __init__(self, keyring: Keyring) -> None:
        self.key_version = keyring.pseudonym_version
        self._keyed: dict[Purpose, _Keyed] = {
            purpose: _Keyed(keyring.key(purpose)) for purpose in Purpose if purpose is not Purpose.INTAKE
        }

    def __repr__(self) -> str:
        return f"Pseudonymiser(key_version={self.key_version})"

    def patient(self, site: Site, identifier: HospitalNumber) -> str:
        """The pseudonym of a patient at a site: ``Covid`` and 26 characters of base32."""
        return PREFIX + self._base32(Purpose.PATIENT, site.code, pacs_form(site, identifier).text)

    def person(self, number: NhsNumber) -> str:
        """The pseudonym of an NHS/CHI/H&C number: ``P`` and 26 characters of base32."""
        return "P" + self._base32(Purpose.PERSON, number.digits)

    def match(self, site: Site, identifier: HospitalNumber) -> str:
        """The bucket in which a number lies, however it is written: ``M`` and 26 characters of base32."""
        return "M" + self._base32(Purpose.MATCH, site.code, _bucket(site, identifier))

    def routing(self, site: Site, identifier: HospitalNumber | None) -> bytes:
        """Message key on the raw topics; records without a usable identifier share one."""
        return self._base32(Purpose.ROUTING, site.code, _bucket(site, identifier) if identifier else "").encode()

    def uid(self, original: str) -> str:
        """A pseudonymous DICOM UID under the UUID root 2.25 (DICOM PS3.5 annex B.2)."""
        return f"2.25.{int.from_bytes(self._digest(Purpose.UID, original), 'big')}"

    def days(self, site: Site, identifier: HospitalNumber) -> int:
        """By how many days the dates of a patient's images are moved to earlier: 1 to 1,461, the same for all of them."""
        digest = self._digest(Purpose.DATES, site.code, pacs_form(site, identifier).text)
        return int.from_bytes(digest, "big") % MOST_DAYS + 1

    def receipt(self, content: bytes) -> str:
        """A keyed fingerprint by which the edge knows again what it has seen; of no use to anyone without the key."""
        return self._keyed[Purpose.RECEIPT].of(content).hex()

    def _digest(self, purpose: Purpose, *parts: str) -> bytes:
        return self._keyed[purpose].of(b"".join([_framed(part.encode()) for part in parts]))[:_BYTES]

    def _base32(self, purpose: Purpose, *parts: str) -> str:
        number = int.from_bytes(self._digest(purpose, *parts), "big") << 2
        return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


class _Keyed:
    """HMAC-SHA256 under one key of at most 64 bytes, worked in once and not for each message anew (RFC 2104, section 4)."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def _framed(part: bytes) -> bytes:
    """With its length in front: no two lists of parts make the same message."""
    return len(part).to_bytes(4, "big") + part


_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # RFC 4648, section 6
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)
"""128 bits and two zeros are thirteen pairs of digits: what ``base64.b32encode`` writes, without padding, in half the time."""


def pacs_form(site: Site, identifier: HospitalNumber) -> HospitalNumber:
    """The identifier as this site compares it: where PACS uses NHS numbers, a valid one as its ten digits."""
    if site.pacs_identifier == "hospital":
        return identifier
    number = numbers.parse(identifier.text)
    return HospitalNumber(number.digits) if isinstance(number, NhsNumber) else identifier


def pacs_identifier(site: Site, nhs: NhsNumber | None, own: HospitalNumber | None) -> HospitalNumber | None:
    """Which of a row's two numbers the site's PACS goes by; None where that one is missing."""
    if site.pacs_identifier == "hospital":
        return own
    return HospitalNumber(nhs.digits) if nhs else None


def _bucket(site: Site, identifier: HospitalNumber) -> str:
    """The digits at sites with hospital numbers; at NHS-primary sites the number itself, since it has one form only."""
    compared = pacs_form(site, identifier)
    return compared.digits if site.pacs_identifier == "hospital" else compared.text
