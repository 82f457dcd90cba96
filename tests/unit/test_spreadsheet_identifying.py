"""What identifies a person is found wherever it stands, and clinical values are not taken for it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.spreadsheets import identifying
from edge.spreadsheets.findings import shown, shown_title
from identity.hospital import HospitalNumber
from tests.sheets import NUMBERS

NHS = identifying.NHS_NUMBER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9994621785", NHS),
        ("see 999 462 1785 too", NHS),
        ("999-462-1785", NHS),
        ("999.462.1785", NHS),
        ("9 9 9 4 6 2 1 7 8 5", NHS),
        ("12/05/2020 999 462 1785", NHS),
        ("45 60 999\u00a0462\u00a01785", NHS),
        ("\uff19\uff19\uff19\uff14\uff16\uff12\uff11\uff17\uff18\uff15", NHS),
        ("joan.smith@example.org", "an e-mail address"),
        ("call 01632 960123", "a telephone number"),
        ("+44 7700 900123", "a telephone number"),
        ("(020) 7946 0018", "a telephone number"),
        ("lives at SW1A 1AA", "a postcode"),
        ("gu2 7xx", "a postcode"),
    ],
)
def test_found(text: str, words: str) -> None:
    assert identifying.what(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "9994621784", "99946217851", "2020-05-12 10:30", "12-05-2020 10:30", "12/05/2020 10:30:00",
        "37.4 (36 hours post admission)",
        "[120/80] - 2020-05-12", "1234.56789", "1,000,000", "B12 5ug", "CT1 2nd", "SARS-CoV-2", "5 Text",
        "RNA DETECTED (SARS-CoV-2)",
        "0.00012345678", "FiO2 28% 2L", "O2 2LT", "", "1st", "COPD, asthma", "Losartan 50mg",
    ],
)  # fmt: skip
def test_not_found(text: str) -> None:
    assert identifying.what(text) is None


@given(st.sampled_from(NUMBERS), st.text("abc ,;-", max_size=5), st.sampled_from(["", " ", "-", "  ", "\u200b"]))
def test_a_valid_number_is_found_in_any_grouping(number: str, text: str, between: str) -> None:
    assert identifying.what(f"{text}{number[:3]}{between}{number[3:6]}{between}{number[6:]}{text}") == NHS


@pytest.mark.parametrize("text", ["MRN RR12345678", "rr12345678", "RR 1234 5678", "12345678", "no. 12345678.", "012345678"])
def test_the_rows_own_hospital_number(text: str) -> None:
    folded = identifying.folded(text)
    assert folded is not None
    assert identifying.own_number(folded, HospitalNumber("RR12345678"))


@pytest.mark.parametrize("text", ["RR1234567", "123456789", "912345678", "1234567"])
def test_another_number_is_not_the_rows_own(text: str) -> None:
    assert not identifying.own_number(identifying.folded(text) or "", HospitalNumber("RR12345678"))


def test_numbers_in_cells() -> None:
    assert identifying.folded(12345678.0) == "12345678"
    assert [identifying.folded(value) for value in (12345, 1.5, True, None, "abc", "no digit")] == [None] * 6


def test_anybodys_number_of_the_sites_form_where_it_has_a_letter() -> None:
    assert identifying.of_the_sites_form("AS RR87654321", identifying.anywhere(r"RR\d{8}"))
    assert not identifying.of_the_sites_form("D-DIMER 1234567", identifying.anywhere(r"\d{7}"))


@pytest.mark.parametrize("value", ["1", "37.4", "12/13/2020", "2020-13-01", "1/2/20", -5, 0.25])
def test_short_numbers_and_dates_are_shown(value: object) -> None:
    assert shown(value) == f'"{value}"'


@pytest.mark.parametrize("value", ["12345", "1234567", "Smith", "999 462 1785", "9994-62-17", "12-345-678", "1 2 3 4 5 6"])
def test_anything_else_is_not(value: object) -> None:
    assert shown(value) == "the text in this cell"


@pytest.mark.parametrize("title", ["Ferritin_2", "PMH X (No = 0, Yes = 1, Unknown = 2)", "Date of 3rd CXR"])
def test_titles_are_shown(title: str) -> None:
    assert shown_title(title) == title


@pytest.mark.parametrize("title", ["999 462 1785", "RR12345678", "x" * 101, "a@example.org", "12 34 56"])
def test_titles_that_may_be_more_are_not(title: str) -> None:
    assert shown_title(title) is None


@given(st.text(max_size=200))
def test_nothing_makes_it_raise(text: str) -> None:
    identifying.what(text)
    assert re.fullmatch(r'"[^A-Za-z]*"|the text in this cell', shown(text))
