"""In and out of the portal: login, logout, passwords; and what those meet who try other ways."""

import re
from pathlib import Path

import httpx
import pytest

from edge.portal.limits import BY_ADDRESS, BY_NAME
from edge.portal.sessions import IDLE_SECONDS
from tests.portals import PASSWORD, PortalUnderTest, Visitor
from web.headers import HEADERS, TLS_HEADERS

PAGES = (
    "/summary",
    "/checker",
    "/upload/covid-data",
    "/upload/covid-status-data",
    "/password",
    "/uploads/abc",
    "/uploads/abc/marked",
)
OPEN = ("/", "/login", "/guidance", "/guidance/worksheet", "/guidance/columns/positive", "/faq", "/templates/negative")
OTHER = "another good password"


@pytest.fixture
def portal(tmp_path: Path) -> PortalUnderTest:
    return PortalUnderTest(tmp_path)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> PortalUnderTest:
    """A portal that the tests change nothing of."""
    made = PortalUnderTest(tmp_path_factory.mktemp("calm"))
    made.portal.accounts.add("boss", "RDGM", PASSWORD, administrator=True, must_change=False)
    return made


@pytest.fixture(scope="module")
def calm_boss(calm: PortalUnderTest) -> Visitor:
    """Logged in there."""
    visitor = calm.visitor()
    visitor.login("boss")
    return visitor


def cookies(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


# --- the usual way ------------------------------------------------------------------------------------------------------


def test_who_is_not_logged_in_reads_what_is_open_and_is_shown_the_way_in(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    assert [visitor.get(page).status_code for page in OPEN] == [200] * len(OPEN)
    answers = [visitor.get(page) for page in PAGES]
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {(303, "/login")}
    assert "User: <strong>none</strong>" in visitor.get("/").text


def test_login_leads_home_and_every_page_says_who_and_where(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    answer = visitor.login(" ANNA ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    text = visitor.get("/summary").text
    assert "User: <strong>anna</strong>" in text
    assert "Organisation: <strong>Ridgemoor Royal NHS Foundation Trust</strong>" in text
    assert "Change Password" in text
    assert visitor.get("/login").headers["location"] == "/"


def test_logout_ends_the_session_also_for_who_kept_the_cookie(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    kept = dict(visitor.client.cookies)
    answer = visitor.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert all("Max-Age=0" in cookie for cookie in cookies(answer))
    thief = portal.visitor()
    thief.client.cookies.update(kept)
    assert thief.get("/summary").headers["location"] == "/login?ended=true"


def test_a_session_that_has_run_out_is_said_so(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    portal.seconds += IDLE_SECONDS + 1
    answer = visitor.get("/summary")
    assert answer.headers["location"] == "/login?ended=true"
    assert "Your session has ended" in visitor.get("/login?ended=true").text


def test_a_password_that_was_given_is_changed_first(portal: PortalUnderTest) -> None:
    portal.portal.accounts.add("berta", "RDGM", PASSWORD, must_change=True)
    visitor = portal.visitor()
    assert visitor.login("berta").headers["location"] == "/password"
    assert visitor.get("/summary").headers["location"] == "/password"
    assert "given to you by somebody else" in visitor.get("/password").text
    changed = visitor.post("/password", {"current": PASSWORD, "new": OTHER, "again": OTHER})
    assert changed.headers["location"] == "/password?changed=true"
    assert visitor.get("/summary").status_code == 200


def test_another_password_ends_all_other_sessions(portal: PortalUnderTest) -> None:
    here, there = portal.anna(), portal.anna()
    here.get("/password")
    here.post("/password", {"current": PASSWORD, "new": OTHER, "again": OTHER})
    assert here.get("/summary").status_code == 200
    assert there.get("/summary").status_code == 303
    assert portal.visitor().login().status_code == 401
    assert portal.visitor().login(password=OTHER).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "again", "words"),
    [
        ("wrong", OTHER, OTHER, "This is not your present password"),
        (PASSWORD, OTHER, OTHER + "x", "The two new passwords differ"),
        (PASSWORD, PASSWORD, PASSWORD, "choose another"),
        (PASSWORD, "short", "short", "too short"),
        (PASSWORD, "password12345", "password12345", "easy to guess"),
        (PASSWORD, "", "", "too short"),
    ],
)
def test_a_password_is_not_changed_without_a_reason_told(
    portal: PortalUnderTest, current: str, new: str, again: str, words: str
) -> None:
    visitor = portal.anna()
    visitor.get("/password")
    answer = visitor.post("/password", {"current": current, "new": new, "again": again})
    assert answer.status_code == 422
    assert words in answer.text
    assert portal.visitor().login().status_code == 303


def test_who_is_disabled_is_out_at_once(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    portal.portal.accounts.set_disabled(portal.portal.accounts.known("anna"), disabled=True)
    assert visitor.get("/summary").status_code == 303
    assert portal.visitor().login().status_code == 401


# --- guessing -----------------------------------------------------------------------------------------------------------


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(portal: PortalUnderTest) -> None:
    answers = [portal.visitor().login(name, "wrong") for name in ("anna", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [re.sub(r'value="\w+"|cookie', "", answer.text) for answer in answers]
    assert texts[0] == texts[1]
    assert "The user name or the password is wrong" in texts[0]


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_guessing_at_one_account_is_stopped_whether_it_is_there_or_not(portal: PortalUnderTest, name: str) -> None:
    visitor = portal.visitor()
    assert [visitor.login(name, f"wrong {n}").status_code for n in range(BY_NAME.most)] == [401] * BY_NAME.most
    answer = visitor.login(name)
    assert answer.status_code == 429
    assert "Too many attempts. Wait 15 minutes" in answer.text
    portal.seconds += BY_NAME.seconds
    assert visitor.login(name).status_code == (303 if name == "anna" else 401)


def test_guessing_at_many_accounts_from_one_address_is_stopped(portal: PortalUnderTest) -> None:
    for number in range(BY_ADDRESS.most):
        portal.portal.attempts.add(BY_ADDRESS, "testclient")
        assert number >= 0
    assert portal.visitor().login().status_code == 429


def test_guessing_the_present_password_is_stopped_too(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    visitor.get("/password")
    form = {"current": "wrong", "new": OTHER, "again": OTHER}
    assert [visitor.post("/password", form).status_code for _ in range(BY_NAME.most)] == [422] * BY_NAME.most
    assert visitor.post("/password", form | {"current": PASSWORD}).status_code == 429


def test_what_was_typed_is_neither_shown_nor_kept(portal: PortalUnderTest, tmp_path: Path) -> None:
    answer = portal.visitor().login("<script>9994621785", "a password in the wrong field")
    assert "9994621785" not in answer.text
    files = [path for path in (tmp_path / "home" / "data").iterdir() if path.is_file()]
    assert files
    assert all(word not in file.read_bytes() for file in files for word in (b"9994621785", b"wrong field", PASSWORD.encode()))


# --- forms from elsewhere -----------------------------------------------------------------------------------------------

FORMS = ("/login", "/logout", "/password", "/checker", "/accounts", "/upload/covid-data", "/chase")


@pytest.mark.parametrize("token", ["", "0" * 64, "ü", None])
@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_our_token_does_nothing(calm: PortalUnderTest, calm_boss: Visitor, path: str, token: str | None) -> None:
    data = {"username": "anna", "password": PASSWORD, "numbers": "9994621785", "act": "disable"}
    data |= {} if token is None else {"token": token}
    files = {"file": ("a.xlsx", b"PK", "application/zip")} if path in FORMS[-2:] else None
    answer = calm_boss.client.post(path, data=data, files=files, follow_redirects=False)
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    assert calm_boss.get("/summary").status_code == 200
    assert not calm.portal.accounts.known("anna").disabled


def test_the_token_of_another_visitor_is_worth_nothing(portal: PortalUnderTest) -> None:
    anna, other = portal.anna(), portal.anna()
    anna.token = other.token
    assert anna.post("/logout").status_code == 403


def test_the_token_from_before_login_is_worth_nothing_after(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    visitor.get("/login")
    before = visitor.token
    visitor.login()
    visitor.token = before
    assert visitor.post("/logout").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_the_browser_knows_to_be_foreign_does_nothing(calm_boss: Visitor, path: str, site: str) -> None:
    calm_boss.get("/accounts")
    files = {"file": ("a.xlsx", b"PK", "application/zip")} if path in FORMS[-2:] else None
    assert calm_boss.post(path, headers={"sec-fetch-site": site}, files=files).status_code == 403
    assert calm_boss.get("/summary").status_code == 200


def test_nothing_is_changed_by_an_address_alone(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    assert visitor.get("/logout").status_code in {404, 405}
    assert visitor.get("/chase").status_code in {404, 405}
    assert visitor.get("/summary").status_code == 200


# --- cookies and headers ------------------------------------------------------------------------------------------------


def test_the_session_is_never_one_that_the_browser_brought_along(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    visitor.client.cookies.set("nccid-session", "chosen-by-somebody-else")
    visitor.login()
    secrets = [cookie.value for cookie in visitor.client.cookies.jar if cookie.name == "nccid-session"]
    assert len(set(secrets)) >= 1
    fixed = portal.visitor()
    fixed.client.cookies.set("nccid-session", "chosen-by-somebody-else")
    assert fixed.get("/summary").status_code == 303


def test_a_second_login_ends_the_first_session_of_that_browser(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    first = visitor.client.cookies["nccid-session"]
    answer = _login_again(visitor)
    assert answer.status_code == 303
    assert visitor.client.cookies["nccid-session"] != first
    assert portal.portal.sessions.find(first) is None


def _login_again(visitor: Visitor) -> httpx.Response:
    return visitor.post("/login", {"username": "anna", "password": PASSWORD})


def test_cookies_are_for_this_host_and_no_script(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    (visit,) = cookies(visitor.get("/login"))
    (session,) = cookies(visitor.post("/login", {"username": "anna", "password": PASSWORD}))
    for cookie in (visit, session):
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert "Max-Age" not in cookie


def test_with_tls_cookies_are_secure_and_bound_to_the_host(portal: PortalUnderTest) -> None:
    visitor = portal.visitor("https://testserver.local")
    first = visitor.get("/login")
    (visit,) = cookies(first)
    (session,) = cookies(visitor.post("/login", {"username": "anna", "password": PASSWORD}))
    assert all(cookie.startswith("__Host-nccid-") and "Secure" in cookie for cookie in (visit, session))
    assert TLS_HEADERS.items() <= dict(first.headers).items()
    assert visitor.get("/summary").status_code == 200


@pytest.mark.parametrize("path", [*OPEN, "/summary", "/none", "/upload/none", "/templates/none"])
def test_every_answer_has_the_headers(calm_boss: Visitor, path: str) -> None:
    answer = calm_boss.get(path)
    assert HEADERS.items() <= dict(answer.headers).items()


@pytest.mark.parametrize("path", [page for page in (*OPEN, *PAGES[:5], "/accounts") if not page.startswith("/templates")])
def test_no_page_holds_a_script_or_a_style_or_an_address_of_another_host(
    calm: PortalUnderTest, calm_boss: Visitor, path: str
) -> None:
    answer = calm_boss.get(path) if path != "/login" else calm.visitor().get(path)
    assert answer.status_code == 200
    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)
    assert not [tag for tag in re.findall(r"<script[^>]*>", answer.text) if "src=" not in tag]
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text)
    assert re.findall(r'src="/assets/[\w.-]+\?v=[0-9a-f]{10}"', answer.text)


def test_where_one_is_sent_is_never_taken_from_the_address(portal: PortalUnderTest) -> None:
    visitor = portal.visitor()
    visitor.get("/login?next=https://evil.example/&ended=true")
    answer = visitor.post(
        "/login?next=https://evil.example/", {"username": "anna", "password": PASSWORD, "next": "//evil.example"}
    )
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("name", ["anna\r\nSet-Cookie: a=b", "anna\x00", "anna' OR 1=1 --", "a" * 100_000])
def test_strange_names_are_wrong_names(portal: PortalUnderTest, name: str) -> None:
    answer = portal.visitor().login(name)
    assert answer.status_code in {401, 413}
    assert "a=b" not in str(answer.headers)


def test_a_large_form_is_not_read(portal: PortalUnderTest) -> None:
    visitor = portal.anna()
    assert visitor.post("/password", {"current": "x" * 1_000_000}).status_code == 413


def test_a_bug_shows_nothing_of_itself(
    portal: PortalUnderTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("9994621785")

    visitor = portal.anna()
    monkeypatch.setattr("edge.portal.routes.summarising.lately", broken)
    answer = visitor.get("/summary")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "9994621785" not in answer.text + caplog.text
    assert "RuntimeError in test_portal_entrance.py" in caplog.text


# --- administrators -----------------------------------------------------------------------------------------------------


@pytest.fixture
def boss(portal: PortalUnderTest) -> Visitor:
    portal.portal.accounts.add("boss", "RDGM", PASSWORD, administrator=True, must_change=False)
    portal.portal.accounts.add("petra", "PENM", PASSWORD, must_change=False)
    visitor = portal.visitor()
    visitor.login("boss")
    visitor.get("/accounts")
    return visitor


def shown_password(answer: httpx.Response) -> str:
    found = re.search(r'<code class="nccid-password">([\w-]+)</code>', answer.text)
    assert found
    return found[1]


def test_an_administrator_adds_resets_disables_and_enables(portal: PortalUnderTest, boss: Visitor) -> None:
    password = shown_password(boss.post("/accounts", {"act": "add", "username": "Berta"}))
    assert portal.visitor().login("berta", password).headers["location"] == "/password"
    boss.post("/accounts", {"act": "disable", "username": "berta"})
    assert portal.visitor().login("berta", password).status_code == 401
    boss.post("/accounts", {"act": "enable", "username": "berta"})
    reset = boss.post("/accounts", {"act": "reset", "username": "berta"})
    assert portal.visitor().login("berta", password).status_code == 401
    assert portal.visitor().login("berta", shown_password(reset)).status_code == 303
    assert boss.get("/accounts").text.count("added an account (of: berta)") == 1
    assert password not in boss.get("/accounts").text


def test_nobody_else_sees_the_accounts(portal: PortalUnderTest) -> None:
    assert portal.anna().get("/accounts").status_code == 404
    assert portal.anna().post("/accounts", {"act": "add", "username": "berta"}).status_code == 404
    assert portal.visitor().get("/accounts").headers["location"] == "/login"


@pytest.mark.parametrize("act", ["reset", "disable", "enable"])
def test_an_administrator_reaches_neither_another_site_nor_the_own_account(
    portal: PortalUnderTest, boss: Visitor, act: str
) -> None:
    assert "petra" not in boss.get("/accounts").text
    assert boss.post("/accounts", {"act": act, "username": "petra"}).status_code == 422
    assert boss.post("/accounts", {"act": act, "username": "boss"}).status_code == 422
    assert boss.post("/accounts", {"act": act, "username": "nobody"}).status_code == 422
    assert portal.visitor().login("petra").status_code == 303
    assert boss.get("/accounts").status_code == 200
