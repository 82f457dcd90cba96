"""Records that cannot be used, each with the reason that quarantine must give: one of every kind that a fault can make."""

from collections.abc import Callable

from hypothesis import strategies as st
from msgspec.structs import replace

from agents.quarantine import Reason
from identity.keyring import Keyring
from identity.seal import RowIdentity, StudyIdentity
from schemas.records import Raw, RowSubmitted, Sealed
from schemas.topics import RAW_WIRE
from tests.factories import ANN, BOB, OTHER_KEYRING, RR1, sealed_into
from tests.flow.arrivals import records

Spoil = Callable[[Raw], bytes]

LATER_KEYRING = Keyring({2: b"a key that we have never been given"})


def _truncated(record: Raw) -> bytes:
    return RAW_WIRE.encode(record)[:-7]


def _of_the_future(record: Raw) -> bytes:
    return RAW_WIRE.encode(record).replace(b"submitted/1", b"submitted/2").replace(b"received/1", b"received/2")


def _with_an_unknown_field(record: Raw) -> bytes:
    return RAW_WIRE.encode(record).replace(b"{", b'{"nickname":"Annie",', 1)


def _without_a_field(record: Raw) -> bytes:
    return RAW_WIRE.encode(record).replace(b'"event"', b'"occasion"')


def _without_an_offset(record: Raw) -> bytes:
    """Times that do not say in which zone they are."""
    return RAW_WIRE.encode(record).replace(b':00Z"', b':00"')


def _in_clear(_: Raw) -> bytes:
    return f"{ANN};{RR1};Bloggs, Joe".encode()


def _in_clear_as_json(_: Raw) -> bytes:
    return f'{{"type":"row-submitted/1","{ANN}":"{RR1}"}}'.encode()


def _of_an_unknown_site(record: Raw) -> bytes:
    return RAW_WIRE.encode(replace(record, site="NOWH"))


def _with_a_broken_seal(record: Raw) -> bytes:
    text = record.identity.text
    other = "B" if text[20] == "A" else "A"
    return RAW_WIRE.encode(replace(record, identity=Sealed(1, text[:20] + other + text[21:])))


def _with_the_seal_of_another_event(record: Raw) -> bytes:
    return RAW_WIRE.encode(replace(record, event=f"{record.event}-other"))


def _sealed_at_another_site(record: Raw) -> bytes:
    return RAW_WIRE.encode(replace(record, site="LARK"))


def _with_no_seal_at_all(record: Raw) -> bytes:
    return RAW_WIRE.encode(replace(record, identity=Sealed(1, "")))


def _under_another_keyring(record: Raw) -> bytes:
    return RAW_WIRE.encode(sealed_into(record, _right_kind(record), OTHER_KEYRING))


def _under_a_later_key(record: Raw) -> bytes:
    return RAW_WIRE.encode(sealed_into(record, _right_kind(record), LATER_KEYRING))


def _with_the_identity_of_another_kind(record: Raw) -> bytes:
    return RAW_WIRE.encode(sealed_into(record, StudyIdentity(RR1) if isinstance(record, RowSubmitted) else RowIdentity(ANN, RR1)))


def _without_an_identifier(record: Raw) -> bytes:
    identity = RowIdentity(None, None) if isinstance(record, RowSubmitted) else StudyIdentity(None)
    return RAW_WIRE.encode(sealed_into(record, identity))


def _with_an_unusable_identifier(record: Raw) -> bytes:
    wrong_check_digit = f"{BOB[:9]}{(int(BOB[9]) + 1) % 10}"
    identity = RowIdentity(wrong_check_digit, RR1) if isinstance(record, RowSubmitted) else StudyIdentity("RR\\99900001")
    return RAW_WIRE.encode(sealed_into(record, identity))


def _right_kind(record: Raw) -> RowIdentity | StudyIdentity:
    return RowIdentity(ANN, RR1) if isinstance(record, RowSubmitted) else StudyIdentity(RR1)


SPOILT: dict[Spoil, Reason] = {
    _truncated: Reason.UNDECODABLE,
    _of_the_future: Reason.UNDECODABLE,
    _with_an_unknown_field: Reason.UNDECODABLE,
    _without_a_field: Reason.UNDECODABLE,
    _without_an_offset: Reason.UNDECODABLE,
    _in_clear: Reason.UNDECODABLE,
    _in_clear_as_json: Reason.UNDECODABLE,
    _of_an_unknown_site: Reason.UNKNOWN_SITE,
    _with_a_broken_seal: Reason.SEAL_BROKEN,
    _with_the_seal_of_another_event: Reason.SEAL_BROKEN,
    _sealed_at_another_site: Reason.SEAL_BROKEN,
    _with_no_seal_at_all: Reason.SEAL_BROKEN,
    _under_another_keyring: Reason.SEAL_BROKEN,
    _under_a_later_key: Reason.KEY_MISSING,
    _with_the_identity_of_another_kind: Reason.SEAL_BROKEN,
    _without_an_identifier: Reason.IDENTIFIER_UNUSABLE,
    _with_an_unusable_identifier: Reason.IDENTIFIER_UNUSABLE,
}


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[bytes, Reason]:
    """The bytes of a record that cannot be used, and why."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=60)), Reason.UNDECODABLE
    spoil = draw(st.sampled_from(list(SPOILT)))
    return spoil(draw(records())), SPOILT[spoil]
