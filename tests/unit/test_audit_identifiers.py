"""The search for identifiers: each kind is found wherever it stands, and what is ours is not taken for one."""

import base64
from dataclasses import replace

import msgspec
import pytest

from monitoring.audit_identifiers import search_for
from monitoring.topics import Found
from schemas.sites import parse_sites
from tests.audited import messages
from tests.factories import ANN, RR1, SITES, Flow, raw_row, raw_study

SEARCH = search_for(SITES)
NUMBER = "holds an NHS, CHI or H&C number"


def message(value: bytes, *, key: bytes = b"k", headers: tuple[tuple[str, bytes], ...] = ()) -> Found:
    return Found("nccid.rows", 0, 0, 0, key, value, headers)


def in_json(text: object) -> list[str]:
    return SEARCH.found(message(msgspec.json.encode({"values": {"comment": text}})))


@pytest.mark.parametrize(
    "text",
    [
        ANN,
        f"{ANN[:3]} {ANN[3:6]} {ANN[6:]}",
        f"{ANN[:3]}-{ANN[3:6]}-{ANN[6:]}",
        f"{ANN[:3]}.{ANN[3:6]}.{ANN[6:]}",
        f"see {ANN}, please",
        f"({ANN})",
        f"{ANN[:6]} {ANN[6:]}",
        f"{ANN[:6]}-{ANN[6:]}",
        int(ANN),
    ],
)
def test_a_number_is_found(text: object) -> None:
    assert in_json(text) == [f"the value {NUMBER}"]


@pytest.mark.parametrize(
    "text", ["9994621784", "9999999999", f"A{ANN}", f"{ANN}1", "2.25.3294" + ANN, 12345, "AA99999999", True, None]
)
def test_what_is_no_number_is_not(text: object) -> None:
    assert [kind for kind in in_json(text) if NUMBER in kind] == []


@pytest.mark.parametrize("text", ["1.2.840.113619.2.55", "study 1.2.3.4 of today", "0.9.2342.19200300"])
def test_a_uid_of_another_root_is_found(text: str) -> None:
    assert in_json(text) == ["the value holds a DICOM UID that is no pseudonym"]


@pytest.mark.parametrize("text", ["2.25.329800735698586629295641978511506172918", "3.14", "1.2.3", "v1.2.3.4x"])
def test_a_pseudonymous_uid_is_not(text: str) -> None:
    assert in_json(text) == []


@pytest.mark.parametrize("text", ["BLOGGS^JOE", "Bloggs^Joe^^Mr", "x Ó^Á y"])
def test_a_name_is_found(text: str) -> None:
    assert in_json(text) == ["the value holds a person's name"]


def test_a_unit_is_no_name() -> None:
    assert in_json("10^9/L") == []


@pytest.mark.parametrize(
    ("text", "sites"), [(RR1, ["RDGM"]), (RR1.lower(), ["RDGM"]), ("0999123", ["PENM"]), ("X999123", ["LARK", "NTHV"])]
)
def test_a_hospital_number_standing_alone_is_found(text: str, sites: list[str]) -> None:
    assert in_json(text) == [f"the value holds what has the form of a hospital number of {site}" for site in sites]
    assert in_json(f"about {text}") == []


@pytest.mark.parametrize("field", ["form", "counterpart"])
def test_a_mask_is_no_hospital_number(field: str) -> None:
    assert SEARCH.found(message(msgspec.json.encode({field: "9999999"}))) == []
    assert SEARCH.found(message(msgspec.json.encode({field: "0999123"}))) != []


def test_field_names_keys_and_headers_are_searched() -> None:
    assert SEARCH.found(message(msgspec.json.encode({ANN: 1}))) == [f"the value {NUMBER}"]
    assert SEARCH.found(message(b"{}", key=RR1.encode())) == ["the key holds what has the form of a hospital number of RDGM"]
    assert SEARCH.found(message(b"{}", headers=(("trace", ANN.encode()),))) == [f"a header {NUMBER}"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_what_is_not_json_is_searched_too(encoding: str) -> None:
    found = SEARCH.found(message(f"{ANN};{RR1};Bloggs".encode(encoding)))
    assert found == [f"the value {NUMBER}", "the value holds what has the form of a hospital number of RDGM"]


def test_escaped_digits_are_digits() -> None:
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in ANN)
    assert SEARCH.found(message(f'{{"x":"{escaped}"}}'.encode())) == [f"the value {NUMBER}"]


def test_what_quarantine_has_encoded_is_searched_as_it_was() -> None:
    original = base64.b64encode(f'{{"x":"{ANN}"}}'.encode()).decode()
    assert SEARCH.found(message(msgspec.json.encode({"original": original}))) == [f"the value {NUMBER}"]
    assert SEARCH.found(message(msgspec.json.encode({"original": "!"}))) == []


def test_nothing_is_found_in_what_we_write() -> None:
    flow = Flow().arrives(raw_row(upload="u"), raw_study(), raw_study(patient_id="garbage\\", study="S2"))
    assert flow.reasons() != []
    assert [kinds for found in messages(flow) if (kinds := SEARCH.found(found))] == []


def test_a_message_prints_without_what_is_in_it() -> None:
    assert repr(replace(message(ANN.encode()), key=ANN.encode())) == "Found(nccid.rows, partition 0, offset 0)"


def test_a_pattern_that_fits_everyday_words_is_not_searched_for_and_named() -> None:
    text = """[[site]]
code = "WIDE"
name = "An invented site"
pacs_identifier = "hospital"
hospital_number_pattern = '\\d+'
ae_titles = []
contact_email = "wide@example.org"
"""
    search = search_for(parse_sites(text))
    assert (search.too_broad, search.patterns) == (("WIDE",), {})
