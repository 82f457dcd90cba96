"""National linkage: nobody opens alone, nobody opens with another key, and nothing is opened that the log does not know of."""

import base64
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from msgspec.structs import replace

from handover.linkage import approvers, log, request
from handover.linkage.approvers import ApproverError
from handover.linkage.log import LogBrokenError
from handover.linkage.opening import Files, Opened, Sealed, open_request, require_approved
from handover.linkage.request import LinkRequest, RequestError
from identity import approval, envelope
from identity.approval import ApprovalError
from identity.envelope import EnvelopeError
from identity.keyring import Keyring, KeyringError
from identity.seal import LinkageOpener, LinkageSealer, SealError
from schemas.records import RowPseudonymised
from tests.factories import ANN, BOB, CAT, KEYRING, NOON, OTHER_KEYRING, nhs, row

WORDS = "four words for approving"
REASON = "linking deaths with the national registry"
ASKER, SECOND = "Ada Asker", "Sam Second"
PATIENTS = ["Covid" + letter * 26 for letter in "ABCD"]


@dataclass
class Office:
    """The controller's home, with one person who may approve."""

    files: Files
    key: bytes
    request: LinkRequest

    def token(self, name: str = SECOND, digest: str | None = None) -> str:
        return approval.approve(self.key, WORDS, name, digest or self.request.digest)

    def require(self, token: str | None = None, *, by: str = SECOND, now: dt.datetime = NOON) -> None:
        require_approved(self.request, by, token or self.token(), self.files, now)

    def open(self, sealed: dict[str, str], keyring: Keyring = KEYRING, gone: Sequence[str] = ()) -> tuple[Opened, bytes]:
        return open_request(
            self.request, SECOND, sealed, lambda each: each in gone, LinkageOpener(keyring), bytes, self.files, NOON
        )


@pytest.fixture
def office(tmp_path: Path) -> Office:
    files = Files(tmp_path / "data" / "log.jsonl", tmp_path / "approvers.json")
    key, public = approval.new_key(WORDS)
    approvers.add(files.approvers, SECOND, public)
    return Office(files, key, request.make(PATIENTS, ASKER, REASON, NOON))


def sealed(number: str, keyring: Keyring = KEYRING) -> str:
    return LinkageSealer(keyring).seal(nhs(number))


def of(patient: str, number: str | None, at: dt.datetime = NOON) -> RowPseudonymised:
    return replace(row(patient=patient, uploaded_at=at), nhs_sealed=sealed(number) if number else None)


# --- the linkage key -------------------------------------------------------------------------------------------------


def test_the_linkage_key_opens_what_it_sealed_whatever_the_version() -> None:
    rotated = Keyring({**KEYRING.secrets, 2: b"a newer secret of thirty-two bytes"})
    assert LinkageOpener(rotated).open(sealed(ANN)) == ANN
    assert LinkageOpener(rotated).open(sealed(ANN, rotated)) == ANN


def test_nobody_elses_key_opens_it() -> None:
    with pytest.raises(SealError):
        LinkageOpener(OTHER_KEYRING).open(sealed(ANN))


@pytest.mark.parametrize("damaged", ["", "1", "x.AAAA", "1.", "1.AAAA", "1.\u00e9", "1.???", "\u0661.AAAA"])
def test_what_is_damaged_does_not_open(damaged: str) -> None:
    with pytest.raises(SealError):
        LinkageOpener(KEYRING).open(damaged)


def test_one_changed_letter_does_not_open() -> None:
    text = sealed(ANN)
    other = text[:-5] + ("A" if text[-5] != "A" else "B") + text[-4:]
    with pytest.raises(SealError):
        LinkageOpener(KEYRING).open(other)


def test_a_keyring_without_that_version_says_so() -> None:
    with pytest.raises(KeyringError, match="no key of version 2"):
        LinkageOpener(KEYRING).open("2." + sealed(ANN).partition(".")[2])


def test_the_opener_shows_no_key() -> None:
    assert repr(LinkageOpener(KEYRING)) == "LinkageOpener(versions=[1])"


# --- approval by a second person -------------------------------------------------------------------------------------


def test_a_token_is_good_for_its_person_and_its_request_alone() -> None:
    private, public = approval.new_key(WORDS)
    token = approval.approve(private, WORDS, SECOND, "digest")
    assert approval.is_approved(public, token, SECOND, "digest")
    assert approval.public_of(private, WORDS) == public
    for other in (
        (public, token, SECOND, "another digest"),
        (public, token, "Somebody Else", "digest"),
        (approval.new_key(WORDS)[1], token, SECOND, "digest"),
        (public, "AAAA", SECOND, "digest"),
        (public, "\u00e9", SECOND, "digest"),
        ("short", token, SECOND, "digest"),
    ):
        assert not approval.is_approved(*other)


def test_a_name_and_a_digest_cannot_run_into_each_other() -> None:
    private, public = approval.new_key(WORDS)
    assert not approval.is_approved(public, approval.approve(private, WORDS, "Sam", "Xdigest"), "SamX", "digest")


def test_without_the_passphrase_the_key_is_of_no_use() -> None:
    private, _ = approval.new_key(WORDS)
    assert b"ENCRYPTED" in private
    for wrong in ("another passphrase", ""):
        with pytest.raises(ApprovalError, match="does not open"):
            approval.approve(private, wrong, SECOND, "digest")
    with pytest.raises(ApprovalError, match="does not open"):
        approval.approve(b"no key", WORDS, SECOND, "digest")


def test_a_key_of_another_kind_is_told() -> None:
    private, _ = envelope.new_recipient(WORDS)
    with pytest.raises(ApprovalError, match="another kind"):
        approval.approve(private, WORDS, SECOND, "digest")


def test_a_short_passphrase_is_refused() -> None:
    for make in (approval.new_key, envelope.new_recipient, lambda short: envelope.close_with_passphrase(b"x", short)):
        with pytest.raises(ApprovalError, match="too short"):
            make("short")


# --- the encrypted file ----------------------------------------------------------------------------------------------


def test_a_passphrase_opens_what_it_closed() -> None:
    closed = envelope.close_with_passphrase(b"9994621785", WORDS)
    assert envelope.open_with_passphrase(closed, WORDS) == b"9994621785"
    assert b"9994621785" not in closed
    assert envelope.close_with_passphrase(b"9994621785", WORDS) != closed
    with pytest.raises(EnvelopeError, match="does not open"):
        envelope.open_with_passphrase(closed, "another passphrase")


def test_the_recipients_key_opens_what_was_closed_to_it_and_no_other() -> None:
    private, public = envelope.new_recipient(WORDS)
    closed = envelope.close_to(b"content", public)
    assert envelope.open_with_key(closed, private, WORDS) == b"content"
    with pytest.raises(EnvelopeError, match="does not open"):
        envelope.open_with_key(closed, envelope.new_recipient(WORDS)[0], WORDS)
    with pytest.raises(EnvelopeError, match="does not open"):
        envelope.open_with_key(closed, private, "another passphrase")
    with pytest.raises(EnvelopeError, match="another kind"):
        envelope.open_with_key(closed, approval.new_key(WORDS)[0], WORDS)


@pytest.mark.parametrize("public", ["", "AAAA", "\u00e9", base64.urlsafe_b64encode(bytes(32)).decode()])
def test_what_is_no_public_key_is_refused(public: str) -> None:
    with pytest.raises(EnvelopeError, match="no recipient's public key"):
        envelope.close_to(b"content", public)


def test_each_is_opened_in_its_own_way() -> None:
    private, public = envelope.new_recipient(WORDS)
    with pytest.raises(EnvelopeError, match="closed with a x25519"):
        envelope.open_with_passphrase(envelope.close_to(b"x", public), WORDS)
    with pytest.raises(EnvelopeError, match="closed with a passphrase"):
        envelope.open_with_key(envelope.close_with_passphrase(b"x", WORDS), private, WORDS)


def test_a_changed_file_does_not_open() -> None:
    private, public = envelope.new_recipient(WORDS)
    closed = json.loads(envelope.close_to(b"content", public))
    fresh = base64.urlsafe_b64encode(bytes(range(32))).decode()
    for change in (
        {"content": closed["content"][:-4] + "AAA="},
        {"header": {**closed["header"], "salt": fresh}},
        {"header": {**closed["header"], "nonce": "AAAA"}},
        {"header": {**closed["header"], "format": "other"}},
        {"content": "\u00e9"},
    ):
        with pytest.raises(EnvelopeError, match="does not open"):
            envelope.open_with_key(json.dumps(closed | change).encode(), private, WORDS)
    for nothing in (b"", b"{}", b"\xff"):
        with pytest.raises(EnvelopeError, match="does not open"):
            envelope.open_with_key(nothing, private, WORDS)


def test_a_recipients_key_from_elsewhere_will_do() -> None:
    own = X25519PrivateKey.generate()
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(WORDS.encode()))
    public = base64.urlsafe_b64encode(own.public_key().public_bytes_raw()).decode()
    assert envelope.open_with_key(envelope.close_to(b"content", public), pem, WORDS) == b"content"


# --- the request -----------------------------------------------------------------------------------------------------


def test_a_request_names_each_pseudonym_once_and_comes_back_from_its_file(tmp_path: Path) -> None:
    made = request.make([PATIENTS[1], f" {PATIENTS[0]} ", PATIENTS[1]], f" {ASKER} ", "  linking   deaths with others ", NOON)
    assert (made.patients, made.by, made.reason) == (PATIENTS[:2], ASKER, "linking deaths with others")
    (tmp_path / "request.json").write_bytes(request.encoded(made))
    assert request.read(tmp_path / "request.json") == made
    assert request.read(tmp_path / "request.json").digest == made.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": []}, "at least one pseudonym"),
        ({"lines": [PATIENTS[0], ANN]}, "lines 2 are no pseudonyms"),
        ({"lines": ["covid1"]}, "lines 1 are no pseudonyms"),
        ({"by": " "}, "--by NAME"),
        ({"reason": "because"}, "--reason TEXT"),
    ],
)
def test_what_is_no_request_is_refused_and_never_repeated(change: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"lines": PATIENTS, "by": ASKER, "reason": REASON} | change
    with pytest.raises(RequestError, match=words) as refused:
        request.make(given["lines"], given["by"], given["reason"], NOON)  # type: ignore[arg-type]  # as given
    assert ANN not in str(refused.value)


def test_what_was_changed_after_the_approval_is_not_approved(office: Office) -> None:
    token = office.token()
    for change in ({"patients": PATIENTS[:1]}, {"reason": f"{REASON}."}, {"by": "Another"}, {"id": "0"}):
        office.request, kept = replace(office.request, **change), office.request
        with pytest.raises(RequestError, match="was the request changed"):
            office.require(token)
        office.request = kept
    office.require(token)


def test_a_file_that_is_no_request_is_told(tmp_path: Path) -> None:
    for content in (b"", b"{}", b"\xff"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(RequestError, match="is no request"):
            request.read(tmp_path / "x")


# --- four eyes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [ASKER, " ada  ASKER "])
def test_nobody_approves_their_own_request(office: Office, by: str) -> None:
    key, public = approval.new_key(WORDS)
    approvers.add(office.files.approvers, by, public)
    with pytest.raises(RequestError, match="their own request"):
        office.require(approval.approve(key, WORDS, by, office.request.digest), by=by)


def test_only_who_was_taken_in_approves(office: Office) -> None:
    with pytest.raises(ApproverError, match="nobody named 'Eve'"):
        office.require(office.token("Eve"), by="Eve")
    stranger, _ = approval.new_key(WORDS)
    with pytest.raises(RequestError, match="not this person's"):
        office.require(approval.approve(stranger, WORDS, SECOND, office.request.digest))


def test_an_old_request_is_made_anew(office: Office) -> None:
    office.require(now=NOON + dt.timedelta(days=7))
    for now in (NOON + dt.timedelta(days=7, seconds=1), NOON - dt.timedelta(hours=1)):
        with pytest.raises(RequestError, match="good for 7 days"):
            office.require(now=now)


def test_nobody_is_taken_in_twice_and_a_damaged_list_is_told(office: Office) -> None:
    with pytest.raises(ApproverError, match="can approve already"):
        approvers.add(office.files.approvers, SECOND, "key")
    office.files.approvers.write_text("{")
    with pytest.raises(ApproverError, match="damaged"):
        approvers.read(office.files.approvers)


def test_where_nobody_was_taken_in_nobody_approves(tmp_path: Path) -> None:
    assert approvers.read(tmp_path / "none.json") == {}


# --- the opening -----------------------------------------------------------------------------------------------------


def test_numbers_stand_beside_their_pseudonyms_and_who_opted_out_is_left_out(office: Office) -> None:
    numbers = {PATIENTS[0]: sealed(ANN), PATIENTS[1]: sealed(BOB), PATIENTS[2]: sealed(CAT)}
    opened, content = office.open(numbers, gone=[PATIENTS[1]])
    assert content.decode().splitlines() == [
        "Pseudonym,NHS/CHI Number",
        f"{PATIENTS[0]},{ANN}",
        f"{PATIENTS[2]},{CAT}",
    ]
    assert (opened.asked, opened.linked, opened.withdrawn, opened.without_number) == (4, 2, 1, 1)
    assert opened.as_json()["log_head"] == log.head(office.files.log)


def test_another_keyring_opens_nothing_and_the_attempt_is_in_the_log(office: Office) -> None:
    with pytest.raises(SealError):
        office.open({PATIENTS[0]: sealed(ANN)}, keyring=OTHER_KEYRING)
    (deed,) = log.read(office.files.log)
    assert (deed.what, deed.who) == ("opened", ASKER)


def test_the_log_says_who_why_and_how_many_and_no_pseudonym_or_number(office: Office) -> None:
    office.open({PATIENTS[0]: sealed(ANN)})
    (deed,) = log.read(office.files.log)
    assert deed.details == {
        "request": office.request.id,
        "digest": office.request.digest,
        "reason": REASON,
        "approved_by": SECOND,
        "asked": 4,
        "linked": 1,
    }
    content = office.files.log.read_text()
    assert not [secret for secret in (*PATIENTS, ANN, sealed(ANN)) if secret in content]


def test_each_approval_is_good_for_once(office: Office) -> None:
    office.require()
    office.open({})
    with pytest.raises(RequestError, match="opened before"):
        office.require()


def test_the_latest_row_says_whose_number_it_is() -> None:
    later = NOON + dt.timedelta(days=1)
    rows = [of(PATIENTS[0], ANN), of(PATIENTS[0], BOB, later), of(PATIENTS[1], None), of(PATIENTS[1], CAT, later)]
    others = [of("Covid" + "E" * 26, ANN)]
    for order in (rows + others, [*reversed(rows), *rows]):
        found = Sealed(request.make([*PATIENTS[:3]], ASKER, REASON, NOON))
        found.take(order)
        assert found.numbers() == {PATIENTS[0]: sealed(BOB), PATIENTS[1]: sealed(CAT)}
        assert (found.person(PATIENTS[0]), found.person(PATIENTS[2])) == ("PANN", None)


# --- the log ---------------------------------------------------------------------------------------------------------


def written(path: Path) -> list[str]:
    return [log.append(path, NOON, "opened", ASKER, {"request": str(number)}) for number in range(3)]


def test_lines_are_bound_to_each_other(tmp_path: Path) -> None:
    heads = written(tmp_path / "log")
    deeds = log.read(tmp_path / "log")
    assert [deed.previous for deed in deeds] == ["0" * 64, *heads[:2]]
    assert log.head(tmp_path / "log") == heads[2]
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_that_was_changed_or_taken_out_shows_and_nothing_is_added(tmp_path: Path, line: int) -> None:
    path = tmp_path / "log"
    written(path)
    whole = path.read_bytes().splitlines(keepends=True)
    for spoilt in (
        [*whole[:line], whole[line].replace(b"Ada", b"Eve"), *whole[line + 1 :]],
        [*whole[:line], *whole[line + 1 :]],
        [*whole[:line], whole[line + 1], whole[line], *whole[line + 2 :]],
    ):
        path.write_bytes(b"".join(spoilt))
        with pytest.raises(LogBrokenError, match="line"):
            log.append(path, NOON, "opened", ASKER, {})
        assert path.read_bytes() == b"".join(spoilt)


def test_a_line_that_is_none_shows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for content in (b"{}\n", b"\xff\n", msgspec.json.encode({"at": "x"})):
        path.write_bytes(content)
        with pytest.raises(LogBrokenError, match="line 1: this is no line of the log"):
            log.read(path)


def test_where_there_is_no_log_there_are_no_deeds(tmp_path: Path) -> None:
    assert log.read(tmp_path / "none") == []
    assert log.head(tmp_path / "none") == "0" * 64


def test_an_opening_with_a_broken_log_opens_nothing(office: Office) -> None:
    office.open({})
    office.files.log.write_bytes(office.files.log.read_bytes().replace(b"{", b"[", 1))
    with pytest.raises(LogBrokenError):
        office.open({PATIENTS[0]: sealed(ANN)})
