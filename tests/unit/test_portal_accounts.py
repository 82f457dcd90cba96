"""Accounts, passwords, sessions, limits and the audit log of the portal."""

import stat
from pathlib import Path

import pytest

from edge.portal import passwords
from edge.portal.accounts import AccountError, Accounts
from edge.portal.database import Database, PortalDataError
from edge.portal.diary import Diary
from edge.portal.limits import BY_NAME, Attempts
from edge.portal.sessions import IDLE_SECONDS, LONGEST_SECONDS, Sessions, form_token

GOOD = "three words of nonsense"


class Clock:
    def __init__(self) -> None:
        self.now = 1_600_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "data" / "portal.sqlite3")


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock)


@pytest.fixture
def sessions(database: Database, accounts: Accounts, clock: Clock) -> Sessions:
    return Sessions(database, accounts, clock)


# --- passwords ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "too short"),
        ("x" * 201, "too long"),
        ("anna is my name today", "user name"),
        ("my name is ANNA, backwards", "user name"),
        ("annaannaanna", "user name"),
        ("password1234", "easy to guess"),
        ("Password2020!", "easy to guess"),
        ("P4ssw0rd!!!!!", "easy to guess"),
        ("123456789012", "easy to guess"),
        ("qwertyuiop123", "easy to guess"),
        ("aaaaaaaaaaaaaa", "easy to guess"),
        ("covidcovidcovid", "easy to guess"),
        ("2020-05-07 12:30", "easy to guess"),
        ("tab\tin the password", "cannot be typed"),
    ],
)
def test_a_password_that_is_not_taken_is_told_why(password: str, why: str) -> None:
    assert why in str(passwords.objection(password, "anna"))


@pytest.mark.parametrize("password", [GOOD, "purple kettle by the sea", "tr0ub4dor&3 and more", "ŵyth o eiriau Cymraeg"])
def test_a_password_that_is_taken(password: str) -> None:
    assert passwords.objection(password, "anna") is None


def test_made_up_passwords_differ_and_are_typed_easily() -> None:
    made = {passwords.made_up() for _ in range(100)}
    assert len(made) == 100
    assert not set("".join(made)) & set("il1o0 ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own() -> None:
    first, second = passwords.kept(GOOD), passwords.kept(GOOD)
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.fits(first, GOOD)
    assert not passwords.fits(first, GOOD + "x")
    assert not passwords.fits(None, GOOD)
    assert not passwords.fits("damaged", GOOD)


# --- accounts -----------------------------------------------------------------------------------------------------------


def test_an_account_is_found_by_name_whatever_the_capitals(accounts: Accounts) -> None:
    account = accounts.add("Anna", "RDGM", GOOD)
    assert (account.name, account.site, account.must_change, account.administrator) == ("anna", "RDGM", True, False)
    assert accounts.known(" ANNA ") == account
    assert accounts.verified("aNNa", GOOD) == account


@pytest.mark.parametrize("name", ["", "al", "0anna", "anna b", "anna/../b", "ann'a", "a" * 65, "9994621785"])
def test_a_user_name_is_plain(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="user name"):
        accounts.add(name, "RDGM", GOOD)


def test_a_name_is_given_once(accounts: Accounts) -> None:
    accounts.add("anna", "RDGM", GOOD)
    with pytest.raises(AccountError, match="already"):
        accounts.add("ANNA", "PENM", "another good password")
    assert accounts.known("anna").site == "RDGM"


def test_nobody_else_is_let_in(accounts: Accounts) -> None:
    anna = accounts.add("anna", "RDGM", GOOD)
    assert accounts.verified("anna", GOOD.upper()) is None
    assert accounts.verified("berta", GOOD) is None
    accounts.set_disabled(anna, disabled=True)
    assert accounts.verified("anna", GOOD) is None
    accounts.set_disabled(anna, disabled=False)
    assert accounts.verified("anna", GOOD) == anna


def test_the_file_is_private_and_holds_no_password(accounts: Accounts, tmp_path: Path) -> None:
    accounts.add("anna", "RDGM", GOOD)
    files = list((tmp_path / "data").iterdir())
    assert all(GOOD.encode() not in file.read_bytes() for file in files)
    assert stat.S_IMODE((tmp_path / "data" / "portal.sqlite3").stat().st_mode) == 0o600


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "portal.sqlite3"
    Database(path).write("PRAGMA user_version = 9")
    with pytest.raises(PortalDataError, match="another version"):
        Database(path)


# --- sessions -----------------------------------------------------------------------------------------------------------


def test_a_session_is_found_by_its_secret_alone_and_the_secret_is_not_kept(
    accounts: Accounts, sessions: Sessions, tmp_path: Path
) -> None:
    session = sessions.begin(accounts.add("anna", "RDGM", GOOD))
    assert sessions.find(session.secret) == session
    assert sessions.find(session.secret + "x") is None
    assert sessions.find(session.key) is None
    assert session.secret not in repr(session)
    assert all(session.secret.encode() not in file.read_bytes() for file in (tmp_path / "data").iterdir())


def test_a_session_ends_when_nothing_is_done(accounts: Accounts, sessions: Sessions, clock: Clock) -> None:
    session = sessions.begin(accounts.add("anna", "RDGM", GOOD))
    clock.now += IDLE_SECONDS
    assert sessions.find(session.secret)
    clock.now += IDLE_SECONDS
    assert sessions.find(session.secret)
    clock.now += IDLE_SECONDS + 1
    assert sessions.find(session.secret) is None


def test_a_session_ends_however_busy(accounts: Accounts, sessions: Sessions, clock: Clock) -> None:
    session = sessions.begin(accounts.add("anna", "RDGM", GOOD))
    for _ in range(LONGEST_SECONDS // IDLE_SECONDS):
        clock.now += IDLE_SECONDS
        assert sessions.find(session.secret)
    clock.now += 1
    assert sessions.find(session.secret) is None


def test_sessions_end_with_the_password_and_when_disabled(accounts: Accounts, sessions: Sessions) -> None:
    anna = accounts.add("anna", "RDGM", GOOD)
    berta = sessions.begin(accounts.add("berta", "RDGM", GOOD))
    before = sessions.begin(anna)
    accounts.set_password(anna, "another good password", must_change=False)
    assert sessions.find(before.secret) is None
    after = sessions.begin(anna)
    accounts.set_disabled(anna, disabled=True)
    assert sessions.find(after.secret) is None
    assert sessions.find(berta.secret) == berta


def test_the_token_of_a_form_follows_from_the_cookie_and_does_not_tell_it() -> None:
    assert form_token("one") == form_token("one") != form_token("two")
    assert "one" not in form_token("one")


# --- limits and the audit log -------------------------------------------------------------------------------------------


def test_after_too_many_attempts_one_waits(database: Database, clock: Clock) -> None:
    attempts = Attempts(database, clock)
    for _ in range(BY_NAME.most):
        assert attempts.wait(BY_NAME, "anna") == 0
        attempts.add(BY_NAME, "anna")
        clock.now += 60
    assert attempts.wait(BY_NAME, "anna") == BY_NAME.seconds - BY_NAME.most * 60
    assert attempts.wait(BY_NAME, "berta") == 0
    clock.now += attempts.wait(BY_NAME, "anna")
    assert attempts.wait(BY_NAME, "anna") == 0
    attempts.add(BY_NAME, "anna")
    assert attempts.wait(BY_NAME, "anna") > 0
    attempts.forget(BY_NAME, "anna")
    assert attempts.wait(BY_NAME, "anna") == 0


def test_what_was_typed_as_a_user_name_is_not_kept(database: Database, clock: Clock) -> None:
    Attempts(database, clock).add(BY_NAME, GOOD)
    assert GOOD not in repr(database.query("SELECT * FROM attempt"))


def test_the_audit_log_tells_the_latest_of_a_site(accounts: Accounts, database: Database, clock: Clock) -> None:
    diary = Diary(database, clock)
    anna, petra = accounts.add("anna", "RDGM", GOOD), accounts.add("petra", "PENM", GOOD)
    diary.note(anna, "logged in")
    diary.note(anna, "uploaded", kind="positive", accepted=True, rows=3, errors=0, warnings=1)
    clock.now += 60
    diary.note(petra, "uploaded", kind="negative", accepted=False, rows=0, errors=2, warnings=0)
    assert [(entry.account, entry.act) for entry in diary.latest("RDGM")] == [("anna", "uploaded"), ("anna", "logged in")]
    assert [entry.at for entry in diary.latest("RDGM")] == [clock.now - 60] * 2
    assert diary.latest("RDGM")[0].detail["rows"] == 3
    assert [entry.detail["errors"] for entry in diary.latest("PENM")] == [2]
