"""The wire: bytes become a record or an error that says where, never with what."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import RAW_ROWS, RAW_WIRE
from schemas.wire import UndecodableError, Wire
from tests.factories import ANN, NOON, RR1, raw_row, raw_study

ROW = json.loads(RAW_WIRE.encode(raw_row()))

secrets = st.sampled_from((ANN, RR1, f"x - at {ANN}", f"x` - at `$.{RR1}", f"x - at `$.{ANN}`", "Doe^Jane"))


def failure(payload: bytes) -> str:
    with pytest.raises(UndecodableError) as caught:
        RAW_WIRE.decode(payload)
    assert caught.value.__suppress_context__, "the library's own error quotes values"
    return str(caught.value)


def complaint(payload: bytes) -> str:
    """What is said of the payload; nothing where it is a record."""
    try:
        RAW_WIRE.decode(payload)
    except UndecodableError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"row": "2"}, "Expected `int`, got `str` at $.row"),
        ({"row": 2.5}, "Expected `int`, got `float` at $.row"),
        ({"row": True}, "Expected `int`, got `bool` at $.row"),
        ({"site": None}, "Expected `str`, got `null` at $.site"),
        ({"kind": "neutral"}, "Invalid enum value at $.kind"),
        ({"result": 2}, "Invalid enum value at $.result"),
        ({"swab_date": "07/05/2020"}, "Invalid RFC3339 encoded date at $.swab_date"),
        ({"swab_date": "2020-02-30"}, "Invalid RFC3339 encoded date at $.swab_date"),
        ({"uploaded_at": "2020-05-07"}, "Invalid RFC3339 encoded datetime at $.uploaded_at"),
        ({"uploaded_at": "2020-05-07T12:00:00"}, "Expected `datetime` with a timezone component at $.uploaded_at"),
        ({"values": {"Sex": 1}}, "Expected `str`, got `int` at $.values[...]"),
        ({"identity": {"key_version": 1}}, "Object missing required field `text` at $.identity"),
        ({"type": "row-submitted/2"}, "Invalid value at $.type"),
        ({"nickname": "Annie"}, "Object contains unknown field"),
    ],
)
def test_an_error_says_where(change: dict[str, object], words: str) -> None:
    assert failure(json.dumps(ROW | change).encode()) == words


@pytest.mark.parametrize("field", sorted(ROW))
def test_every_field_is_needed(field: str) -> None:
    payload = json.dumps({name: value for name, value in ROW.items() if name != field}).encode()
    assert failure(payload) == f"Object missing required field `{field}`"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (RAW_WIRE.encode(raw_row())[:-1], "not JSON"),
        (b'{"type":"row-submitted/1","event":"\xff"}', "not JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (b'"row"', "Expected `object`, got `str`"),
        (b"{}", "Object missing required field `type`"),
    ],
)
def test_bytes_that_are_no_record(payload: bytes, words: str) -> None:
    assert failure(payload) == words


@given(st.sampled_from(sorted(ROW)), secrets)
def test_no_error_repeats_a_value(field: str, secret: str) -> None:
    for value in (secret, {secret: secret}, [secret]):
        payload = json.dumps(ROW | {field: value}).encode()
        said = complaint(payload)
        assert [part for part in (ANN, RR1, "Doe", "Jane") if part in said] == []


@given(secrets, st.sampled_from((None, "identity")))
def test_no_error_repeats_the_name_of_an_unknown_field(secret: str, inside: str | None) -> None:
    named = ROW | {secret: 1} if inside is None else ROW | {inside: ROW[inside] | {secret: 1}}
    assert failure(json.dumps(named).encode()) == "Object contains unknown field"


@given(st.binary(max_size=100))
def test_any_bytes_are_a_record_or_an_error(payload: bytes) -> None:
    with pytest.raises(UndecodableError):
        RAW_WIRE.decode(payload)


def test_times_end_in_z_and_fields_are_in_their_order() -> None:
    text = RAW_ROWS.wire.encode(raw_row(uploaded_at=NOON)).decode()
    assert '"uploaded_at":"2020-05-07T12:00:00Z"' in text
    assert text.startswith('{"type":"row-submitted/1","event":')


def test_dictionaries_are_sorted() -> None:
    assert Wire.encode(raw_study(instances={"DX": 1, "CT": 2}).instances) == b'{"CT":2,"DX":1}'
