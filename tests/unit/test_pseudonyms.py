"""Pseudonyms: the same for the same patient however written, different for every other patient, site, purpose and key."""

import base64
import hashlib
import hmac
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from identity.hospital import HospitalNumber
from identity.keyring import Keyring, Purpose
from identity.pseudonyms import MOST_DAYS, Pseudonymiser, pacs_form
from schemas.sites import Site
from tests.factories import ANN, BOB, KEYRING, OTHER_KEYRING, RR1, RR2, SITES, hospital_number, nhs, site

PSEUDONYMS = Pseudonymiser(KEYRING)
OTHERS = Pseudonymiser(OTHER_KEYRING)

hospital_numbers = st.from_regex(r"[A-Z]{0,2}[0-9]{5,8}", fullmatch=True).map(hospital_number)
hospital_sites = st.sampled_from([site for site in SITES.values() if site.pacs_identifier == "hospital"])


def test_their_forms() -> None:
    number = hospital_number()
    assert re.fullmatch(r"Covid[A-Z2-7]{26}", PSEUDONYMS.patient(site(), number))
    assert re.fullmatch(r"P[A-Z2-7]{26}", PSEUDONYMS.person(nhs()))
    assert re.fullmatch(r"M[A-Z2-7]{26}", PSEUDONYMS.match(site(), number))
    assert re.fullmatch(rb"[A-Z2-7]{26}", PSEUDONYMS.routing(site(), number))
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]{0,38})", PSEUDONYMS.uid("1.2.3"))
    assert re.fullmatch(r"[0-9a-f]{64}", PSEUDONYMS.receipt(b"content"))


@given(st.binary(min_size=32, max_size=32), hospital_numbers, st.binary(max_size=300))
def test_they_are_hmac_sha256_and_base32_as_the_standard_library_has_them(
    secret: bytes, number: HospitalNumber, content: bytes
) -> None:
    keyring = Keyring({1: secret})
    parts = b"".join(len(part).to_bytes(4, "big") + part for part in (b"RDGM", number.text.encode()))
    digest = hmac.digest(keyring.key(Purpose.PATIENT), parts, hashlib.sha256)[:16]
    expected = base64.b32encode(digest).decode().rstrip("=")
    assert Pseudonymiser(keyring).patient(site(), number) == f"Covid{expected}"
    assert Pseudonymiser(keyring).receipt(content) == hmac.new(keyring.key(Purpose.RECEIPT), content, hashlib.sha256).hexdigest()


def test_a_uid_is_short_enough_for_dicom() -> None:
    assert max(len(PSEUDONYMS.uid(f"1.2.{number}")) for number in range(200)) <= 64


def test_of_one_number_every_purpose_makes_something_else() -> None:
    ann = hospital_number(ANN)
    made = [
        PSEUDONYMS.patient(site("NTHV"), ann)[5:],
        PSEUDONYMS.person(nhs(ANN))[1:],
        PSEUDONYMS.match(site("NTHV"), ann)[1:],
        PSEUDONYMS.routing(site("NTHV"), ann).decode(),
    ]
    assert len(set(made)) == len(made)


def test_a_person_is_the_same_at_all_sites_and_a_patient_at_none() -> None:
    patients = [PSEUDONYMS.patient(each, hospital_number()) for each in SITES.values()]
    matches = [PSEUDONYMS.match(each, hospital_number()) for each in SITES.values()]
    routes = [PSEUDONYMS.routing(each, hospital_number()) for each in SITES.values()]
    assert [len(set(made)) for made in (patients, matches, routes)] == [len(SITES)] * 3


def test_another_keyring_makes_others() -> None:
    number = hospital_number()
    assert PSEUDONYMS.patient(site(), number) != OTHERS.patient(site(), number)
    assert PSEUDONYMS.person(nhs()) != OTHERS.person(nhs())
    assert PSEUDONYMS.match(site(), number) != OTHERS.match(site(), number)
    assert PSEUDONYMS.routing(site(), number) != OTHERS.routing(site(), number)
    assert PSEUDONYMS.uid("1.2.3") != OTHERS.uid("1.2.3")
    assert PSEUDONYMS.receipt(b"1.2.3") != OTHERS.receipt(b"1.2.3")


def test_a_rotated_keyring_makes_the_same() -> None:
    rotated = Pseudonymiser(Keyring({**KEYRING.secrets, 2: b"a second secret of the right size"}))
    number = hospital_number()
    assert (rotated.key_version, PSEUDONYMS.key_version) == (1, 1)
    assert rotated.patient(site(), number) == PSEUDONYMS.patient(site(), number)
    assert rotated.person(nhs()) == PSEUDONYMS.person(nhs())


def test_a_prefix_left_out_is_the_same_match_and_another_patient() -> None:
    long, short = hospital_number("RR99900001"), hospital_number("99900001")
    assert PSEUDONYMS.match(site(), long) == PSEUDONYMS.match(site(), short)
    assert PSEUDONYMS.routing(site(), long) == PSEUDONYMS.routing(site(), short)
    assert PSEUDONYMS.patient(site(), long) != PSEUDONYMS.patient(site(), short)


def test_a_lost_zero_is_the_same_match_and_another_patient() -> None:
    long, short = hospital_number("0999123"), hospital_number("999123")
    assert PSEUDONYMS.match(site("PENM"), long) == PSEUDONYMS.match(site("PENM"), short)
    assert PSEUDONYMS.patient(site("PENM"), long) != PSEUDONYMS.patient(site("PENM"), short)


@pytest.mark.parametrize("written", [ANN, "999 462 1785", "999-462-1785", " 9994621785 ", "999\u200b4621785"])
def test_where_pacs_uses_nhs_numbers_every_spelling_is_the_same_patient(written: str) -> None:
    north = site("NTHV")
    assert pacs_form(north, hospital_number(written)) == HospitalNumber(ANN)
    assert PSEUDONYMS.patient(north, hospital_number(written)) == PSEUDONYMS.patient(north, HospitalNumber(ANN))
    assert PSEUDONYMS.match(north, hospital_number(written)) == PSEUDONYMS.match(north, HospitalNumber(ANN))


def test_where_pacs_uses_nhs_numbers_what_is_none_stays_as_it_is_and_matches_nothing_else() -> None:
    north = site("NTHV")
    assert pacs_form(north, hospital_number("X9994621785")) == HospitalNumber("X9994621785")
    made = {PSEUDONYMS.match(north, hospital_number(text)) for text in (ANN, f"X{ANN}", f"0{ANN}", BOB)}
    assert len(made) == 4


def test_where_pacs_uses_hospital_numbers_an_nhs_number_is_compared_as_written() -> None:
    assert pacs_form(site(), hospital_number("999 462 1785")) == HospitalNumber("999 462 1785")


def test_records_without_a_usable_identifier_share_a_route_within_their_site() -> None:
    nobody = PSEUDONYMS.routing(site(), None)
    assert nobody == PSEUDONYMS.routing(site(), None)
    assert nobody not in {PSEUDONYMS.routing(site(), hospital_number()), PSEUDONYMS.routing(site("PENM"), None)}


def test_parts_cannot_be_shifted_into_each_other() -> None:
    """A site of code AB with number C1 is not a site of code A with number BC1."""
    one, other = replace(site(), code="AB"), replace(site(), code="A")
    assert PSEUDONYMS.patient(one, HospitalNumber("C1")) != PSEUDONYMS.patient(other, HospitalNumber("BC1"))


@given(hospital_numbers, hospital_numbers, hospital_sites)
def test_two_numbers_are_two_patients(one: HospitalNumber, other: HospitalNumber, where: Site) -> None:
    assume(one != other)
    assert PSEUDONYMS.patient(where, one) != PSEUDONYMS.patient(where, other)


@given(hospital_numbers, st.sampled_from(list(SITES.values())))
def test_letter_case_and_outer_spaces_are_ignored(number: HospitalNumber, where: Site) -> None:
    lower = hospital_number(f" {number.text.lower()} ")
    assert PSEUDONYMS.patient(where, lower) == PSEUDONYMS.patient(where, number)
    assert PSEUDONYMS.match(where, lower) == PSEUDONYMS.match(where, number)


@given(hospital_numbers)
def test_no_pseudonym_holds_the_number(number: HospitalNumber) -> None:
    made = [PSEUDONYMS.patient(site(), number), PSEUDONYMS.match(site(), number), PSEUDONYMS.routing(site(), number).decode()]
    assert [each for each in made if number.text in each] == []


def test_days_are_whole_never_none_and_the_same_for_a_patient_however_written() -> None:
    assert PSEUDONYMS.days(site(), hospital_number("rr99912345 ")) == PSEUDONYMS.days(site(), hospital_number("RR99912345"))
    assert PSEUDONYMS.days(site("NTHV"), hospital_number("999 462 1785")) == PSEUDONYMS.days(site("NTHV"), hospital_number(ANN))
    days = [PSEUDONYMS.days(site(), hospital_number(f"RR999{number:05d}")) for number in range(3000)]
    assert 1 <= min(days) < 10
    assert MOST_DAYS - 10 < max(days) <= MOST_DAYS


def test_days_follow_from_site_and_keyring() -> None:
    numbers = [hospital_number(f"999{number:05d}") for number in range(50)]
    here = [PSEUDONYMS.days(site(), number) for number in numbers]
    assert here == [PSEUDONYMS.days(site(), number) for number in numbers]
    assert here != [PSEUDONYMS.days(site("PENM"), number) for number in numbers]
    assert here != [OTHERS.days(site(), number) for number in numbers]


def test_it_does_not_print() -> None:
    keys = [KEYRING.secrets[1], *(KEYRING.key(purpose) for purpose in Purpose)]
    shown = f"{PSEUDONYMS} {PSEUDONYMS!r}"
    assert shown == "Pseudonymiser(key_version=1) Pseudonymiser(key_version=1)"
    assert [key for key in keys if repr(key) in shown or key.hex() in shown] == []


def test_two_patients_of_the_examples() -> None:
    assert PSEUDONYMS.patient(site(), hospital_number(RR1)) != PSEUDONYMS.patient(site(), hospital_number(RR2))
