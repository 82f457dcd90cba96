"""Seals: open only with the right key, in the right place and unharmed; nothing that was sealed shows, not even in an error."""

import base64
import traceback

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from identity.keyring import Keyring, KeyringError
from identity.seal import Identity, LinkageSealer, RowIdentity, Sealer, SealError, StudyIdentity
from schemas.records import Sealed
from tests.factories import ANN, BOB, KEYRING, OTHER_KEYRING, RR1, nhs

SEALER = Sealer(KEYRING)
SECOND = b"a second secret of the right size"
ROTATED = Keyring({**KEYRING.secrets, 2: SECOND})

identities: st.SearchStrategy[Identity] = st.one_of(
    st.builds(RowIdentity, st.none() | st.text(), st.none() | st.text()), st.builds(StudyIdentity, st.none() | st.text())
)


@given(identities, st.text())
def test_what_was_sealed_comes_out_again(identity: Identity, context: str) -> None:
    assert SEALER.open(SEALER.seal(identity, context), context) == identity


@given(identities, st.text(), st.text())
def test_it_opens_in_its_own_place_only(identity: Identity, context: str, other: str) -> None:
    assume(context != other)
    with pytest.raises(SealError):
        SEALER.open(SEALER.seal(identity, context), other)


@given(identities, st.data())
def test_a_changed_bit_is_seen(identity: Identity, data: st.DataObject) -> None:
    sealed = SEALER.seal(identity, "c")
    packed = bytearray(base64.urlsafe_b64decode(sealed.text))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealError):
        SEALER.open(Sealed(1, base64.urlsafe_b64encode(packed).decode()), "c")


@given(st.text(max_size=80))
def test_what_is_no_seal_does_not_open(text: str) -> None:
    with pytest.raises(SealError):
        SEALER.open(Sealed(1, text), "c")


def test_a_seal_that_was_cut_off() -> None:
    sealed = SEALER.seal(RowIdentity(ANN, RR1), "c")
    for length in range(len(sealed.text)):
        with pytest.raises(SealError):
            SEALER.open(Sealed(1, sealed.text[:length]), "c")


def test_another_keyring_does_not_open_it() -> None:
    with pytest.raises(SealError):
        Sealer(OTHER_KEYRING).open(SEALER.seal(RowIdentity(ANN, RR1), "c"), "c")


def test_after_a_rotation_old_seals_open_and_new_ones_have_the_new_version() -> None:
    rotated = Sealer(ROTATED)
    old, new = SEALER.seal(RowIdentity(ANN, RR1), "c"), rotated.seal(RowIdentity(BOB, None), "c")
    assert (old.key_version, new.key_version) == (1, 2)
    assert (rotated.open(old, "c"), rotated.open(new, "c")) == (RowIdentity(ANN, RR1), RowIdentity(BOB, None))


def test_a_key_that_the_keyring_lacks_is_not_the_same_as_a_broken_seal() -> None:
    new = Sealer(ROTATED).seal(RowIdentity(ANN, RR1), "c")
    with pytest.raises(KeyringError, match="no key of version 2; restore the keyring"):
        SEALER.open(new, "c")


def test_a_version_that_was_changed_does_not_open() -> None:
    old = Sealer(ROTATED).seal(RowIdentity(ANN, RR1), "c")
    with pytest.raises(SealError):
        Sealer(ROTATED).open(Sealed(1, old.text), "c")


@pytest.mark.parametrize("payload", [b"", b"{}", b"null", b"\xff", b'{"type":"row"}', b'{"type":"visit","nhs_number":null}'])
def test_a_sealed_payload_that_is_no_identity_is_not_taken_for_one(payload: bytes) -> None:
    with pytest.raises(SealError):
        SEALER.open(SEALER.seal_payload(payload, "c"), "c")


def test_the_same_identity_is_never_sealed_the_same_way() -> None:
    sealed = {SEALER.seal(RowIdentity(ANN, RR1), "c").text for _ in range(50)}
    assert len(sealed) == 50


def test_the_two_kinds_of_identity_are_told_apart() -> None:
    assert SEALER.open(SEALER.seal(StudyIdentity(RR1), "c"), "c") != RowIdentity(None, RR1)


# --- for the controller ------------------------------------------------------------------------------------------------


def test_linkage_is_the_same_for_the_same_number_and_names_its_version() -> None:
    once, again = LinkageSealer(KEYRING).seal(nhs(ANN)), LinkageSealer(KEYRING).seal(nhs(ANN))
    assert once == again
    assert once.startswith("1.")
    assert once != LinkageSealer(KEYRING).seal(nhs(BOB))
    assert once != LinkageSealer(OTHER_KEYRING).seal(nhs(ANN))
    assert LinkageSealer(ROTATED).seal(nhs(ANN)).startswith("2.")


def test_the_controller_with_the_linkage_key_can_open_it() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    from identity.keyring import Purpose

    sealed = LinkageSealer(KEYRING).seal(nhs(ANN)).partition(".")[2]
    cipher = AESSIV(KEYRING.key(Purpose.LINKAGE, 1, 64))
    assert cipher.decrypt(base64.urlsafe_b64decode(sealed), [b"nccid/linkage"]) == ANN.encode()


# --- nothing prints ----------------------------------------------------------------------------------------------------

PLANTED = (ANN, RR1, KEYRING.secrets[1].decode(), KEYRING.secrets[1].hex())


def test_nothing_shows_what_is_sealed_or_with_what() -> None:
    row, study = RowIdentity(ANN, RR1), StudyIdentity(RR1)
    sealed = SEALER.seal(row, "c")
    things: list[object] = [row, study, sealed, SEALER, LinkageSealer(KEYRING), [row], {"who": study}]
    shown = " ".join(f"{thing} {thing!r} {pretty_repr(thing)}" for thing in things)
    assert [part for part in PLANTED if part in shown] == []
    assert sealed.text not in f"{sealed} {sealed!r}"


def test_no_error_shows_it_either() -> None:
    shown = []
    for sealer, context in ((Sealer(OTHER_KEYRING), "c"), (SEALER, "other"), (Sealer(Keyring({9: SECOND})), "c")):
        with pytest.raises((SealError, KeyringError)) as caught:
            sealer.open(SEALER.seal(RowIdentity(ANN, RR1), "c"), context)
        shown.append(f"{caught.value!r} {''.join(traceback.format_exception(caught.value))}")
    assert [part for part in (*PLANTED, SECOND.decode()) if part in " ".join(shown)] == []


def test_what_is_sealed_is_not_in_the_seal() -> None:
    sealed = SEALER.seal(RowIdentity(ANN, RR1), "c").text
    packed = base64.urlsafe_b64decode(sealed)
    assert [part for part in (ANN, RR1) if part in sealed or part.encode() in packed] == []
