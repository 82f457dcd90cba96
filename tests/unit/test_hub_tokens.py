"""Tokens: kept as digests, made once, revoked at once; and who is let in with what."""

import stat
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from commands.hub import tokens as command
from monitoring.hub.access import SESSION_SECONDS, Access, TokenFile
from monitoring.hub.allowance import Allowance
from monitoring.hub.problems import Refusal
from monitoring.hub.tokens import LOCAL, NATIONAL, TokensError, add, digest_of, ensure_local_access, read_tokens, revoke
from schemas.home import Home
from schemas.sites import EXAMPLE
from tests.factories import NOON


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub-tokens.json"


def test_no_file_is_no_token(path: Path) -> None:
    assert read_tokens(path) == []


def test_a_token_is_kept_as_its_digest_and_private(path: Path) -> None:
    made, secret = add(path, "RDGM", "ward PC", NOON)
    assert read_tokens(path) == [made]
    assert (made.scope, made.label, made.digest) == ("RDGM", "ward PC", digest_of(secret))
    assert secret not in path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({add(path, NATIONAL, "", NOON)[1] for _ in range(5)}) == 5


def test_revoked_by_id_or_by_scope(path: Path) -> None:
    one, two, three = (add(path, scope, "", NOON)[0] for scope in ("RDGM", "RDGM", NATIONAL))
    assert revoke(path, ids=[one.id]) == [one]
    assert read_tokens(path) == [two, three]
    assert revoke(path, scope="RDGM") == [two]
    for arguments in ({"ids": [one.id]}, {"scope": "RDGM"}):
        with pytest.raises(TokensError, match="there is no token"):
            revoke(path, **arguments)
    assert read_tokens(path) == [three]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"tokens": [{"id": "x"}]}', b"\xff"])
def test_a_damaged_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(TokensError, match="damaged"):
        read_tokens(path)


def test_a_file_that_others_may_write_is_refused(path: Path) -> None:
    add(path, NATIONAL, "", NOON)
    path.chmod(0o666)
    with pytest.raises(TokensError, match="chmod 600"):
        read_tokens(path)


def test_the_local_portal_has_a_token_for_each_site_and_keeps_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    add(home.hub_tokens, NATIONAL, "mine", NOON)
    ensure_local_access(home, ["RDGM", "PENM"], NOON)
    first = msgspec.json.decode(home.hub_access.read_bytes(), type=dict[str, str])
    assert sorted(first) == ["PENM", "RDGM"]
    assert stat.S_IMODE(home.hub_access.stat().st_mode) == 0o600
    assert {(token.scope, token.digest) for token in read_tokens(home.hub_tokens) if token.label == LOCAL} == {
        (code, digest_of(token)) for code, token in first.items()
    }
    ensure_local_access(home, ["RDGM", "PENM"], NOON)
    assert msgspec.json.decode(home.hub_access.read_bytes()) == first

    revoke(home.hub_tokens, scope="PENM")
    ensure_local_access(home, ["RDGM", "PENM", "LARK"], NOON)
    again = msgspec.json.decode(home.hub_access.read_bytes(), type=dict[str, str])
    assert sorted(again) == ["LARK", "PENM", "RDGM"]
    assert (again["RDGM"], again["PENM"] != first["PENM"]) == (first["RDGM"], True)

    ensure_local_access(home, ["RDGM"], NOON)
    assert msgspec.json.decode(home.hub_access.read_bytes()) == {"RDGM": first["RDGM"]}
    assert sorted(token.label for token in read_tokens(home.hub_tokens)) == ["mine", LOCAL]


def test_a_damaged_access_file_is_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    ensure_local_access(home, ["RDGM"], NOON)
    home.hub_access.write_bytes(b"{")
    ensure_local_access(home, ["RDGM"], NOON)
    assert list(msgspec.json.decode(home.hub_access.read_bytes())) == ["RDGM"]
    assert len(read_tokens(home.hub_tokens)) == 1


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_session_lives_as_long_as_its_token_and_its_time(path: Path) -> None:
    clock = Clock()
    access = Access(TokenFile(path), clock=clock)
    made, secret = add(path, "RDGM", "", NOON)
    cookie = access.by_form(f" {secret}\n", "1.2.3.4")
    assert cookie not in (secret, digest_of(secret))
    assert access.by_session(cookie) == made
    assert access.by_session(secret) is None  # a token is no cookie
    clock.at += SESSION_SECONDS
    assert access.by_session(cookie) is None
    other = access.by_form(secret, "1.2.3.4")
    assert access.by_session(other) == made
    access.end_session(other)
    assert access.by_session(other) is None
    third = access.by_form(secret, "1.2.3.4")
    revoke(path, ids=[made.id])
    assert access.by_session(third) is None
    assert not access.still_good(made)


def test_nobody_is_let_in_by_a_file_that_cannot_be_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access = Access(TokenFile(path))
    _, secret = add(path, NATIONAL, "", NOON)
    assert access.by_header(f"Bearer {secret}", "a").scope == NATIONAL
    path.write_bytes(b"garbage")
    for _ in range(2):
        with pytest.raises(Refusal):
            access.by_header(f"Bearer {secret}", "a")
    assert caplog.text.count("nobody is let in") == 1


def test_an_allowance_is_spent_and_comes_back() -> None:
    clock = Clock()
    allowance = Allowance(per_second=0.5, burst=2, clock=clock)
    assert [allowance.wait("a"), allowance.wait("a")] == [0.0, 0.0]
    assert (allowance.wait("a"), allowance.spent("a"), allowance.spent("b")) == (2.0, True, False)
    clock.at += 2
    assert (allowance.spent("a"), allowance.wait("a")) == (False, 0.0)
    clock.at += 1000
    assert [allowance.wait("a") for _ in range(3)] == [0.0, 0.0, 2.0]


def run(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(command, [arguments[0], "--dir", str(home.root), *arguments[1:]])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "sites.toml").write_bytes(EXAMPLE.read_bytes())
    return Home(tmp_path)


def test_the_command_prints_a_token_once_and_names_the_page(home: Home) -> None:
    ran = run(home, "add", "--site", "RDGM", "--label", "ward PC")
    secret = ran.stdout.strip()
    (token,) = read_tokens(home.hub_tokens)
    assert (ran.exit_code, token.digest) == (0, digest_of(secret))
    assert "/login" in ran.stderr
    listed = run(home, "list").stdout
    assert listed.split("\t") == [token.id, "RDGM", listed.split("\t")[2], "ward PC\n"]
    assert secret not in listed
    assert run(home, "revoke", token.id).exit_code == 0
    assert run(home, "list").stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [("add",), ("add", "--site", "RDGM", "--national"), ("add", "--site", "NOPE"), ("revoke",), ("revoke", "x", "--national")],
)
def test_the_command_wants_to_know_for_whom(home: Home, arguments: tuple[str, ...]) -> None:
    assert run(home, *arguments).exit_code == 2
    assert not home.hub_tokens.exists()
