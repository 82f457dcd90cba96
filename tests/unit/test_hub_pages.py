"""The dashboard's pages: who is let in and how, what each may see, and that they are whole without a script."""

import re
from pathlib import Path
from typing import Any

import pytest

from monitoring.hub.tokens import NATIONAL, revoke
from tests.factories import BOB, RR2, Flow, raw_row, raw_study
from tests.hubs import AskedHub

PAGES = ["/", "/?span=hour", "/sites/RDGM", "/alerts", "/flow"]


@pytest.fixture
def asked(tmp_path: Path) -> AskedHub:
    flow = Flow().arrives(
        raw_row(),
        raw_study(),
        raw_row(nhs_number=BOB, hospital_number=RR2),
        raw_row(site="PENM", hospital_number="0999123"),
        raw_study(site="PENM", patient_id="AA0999123"),
        raw_study(site="NOPE"),
    )
    asked = AskedHub(tmp_path, flow)
    asked.client.follow_redirects = False
    return asked


def login(asked: AskedHub, scope: str = NATIONAL, **headers: str) -> Any:  # noqa: ANN401  # httpx's answer
    return asked.client.post("/login", data={"token": asked.tokens[scope][1]}, headers=headers)


def page(asked: AskedHub, address: str) -> str:
    answer = asked.client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


@pytest.mark.parametrize("address", [*PAGES, "/course", "/live"])
def test_whoever_is_not_logged_in_is_shown_the_way_in(asked: AskedHub, address: str) -> None:
    answer = asked.client.get(address, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert asked.client.get(address, headers=asked.headers()).status_code == 303  # a token is for the API
    assert asked.client.get(address, headers={"accept": "text/event-stream"}).status_code == 401


def test_the_cookie_is_for_this_browser_alone(asked: AskedHub) -> None:
    answer = login(asked)
    cookie = answer.headers["set-cookie"]
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert asked.tokens[NATIONAL][1] not in cookie
    assert asked.client.get("/v1/sites").status_code == 401  # a session is for the pages


def test_a_wrong_token_is_told_in_words_and_never_repeated(asked: AskedHub) -> None:
    answer = asked.client.post("/login", data={"token": "nccid_guess<script>"})
    assert answer.status_code == 401
    assert "not good" in answer.text
    assert "guess" not in answer.text
    for body in ({}, {"token": ""}, {"token": "x" * 3000}):
        assert asked.client.post("/login", data=body).status_code == 401
    assert asked.client.post("/login", data={"token": "x" * 9000}).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "http://testserver.evil"},
    ],
)
def test_another_sites_form_does_nothing(asked: AskedHub, headers: dict[str, str]) -> None:
    assert login(asked, **headers).status_code == 403
    login(asked)
    assert asked.client.post("/logout", headers=headers).status_code == 403
    page(asked, "/")


def test_logged_out_the_cookie_is_worth_nothing(asked: AskedHub) -> None:
    login(asked)
    kept = asked.client.cookies["nccid-hub"]
    page(asked, "/")
    assert asked.client.post("/logout").status_code == 303
    asked.client.cookies.set("nccid-hub", kept)
    assert asked.client.get("/").status_code == 303


def test_a_revoked_token_ends_its_sessions(asked: AskedHub) -> None:
    login(asked, "RDGM")
    page(asked, "/sites/RDGM")
    revoke(asked.path, scope="RDGM")
    assert asked.client.get("/sites/RDGM").status_code == 303


def test_all_sites_for_a_national_token(asked: AskedHub) -> None:
    login(asked)
    text = page(asked, "/")
    assert "4 patients, 25% complete" in text
    assert [code for code in ("EXMR", "LARK", "NTHV", "PENM", "RDGM") if f'href="/sites/{code}"' in text] == [
        "EXMR",
        "LARK",
        "NTHV",
        "PENM",
        "RDGM",
    ]
    assert 'aria-label="Complete: 1, Awaiting images: 1"' in text
    assert "unknown-site" in page(asked, "/flow")


def test_one_site_for_a_sites_token(asked: AskedHub) -> None:
    login(asked, "PENM")
    assert asked.client.get("/").headers["location"] == "/sites/PENM"
    text = page(asked, "/sites/PENM")
    assert "2 patients, 0% complete" in text
    assert "RDGM" not in text + page(asked, "/alerts") + page(asked, "/flow")
    for address in ("/sites/RDGM", "/sites/NOPE", "/sites/%3Cscript%3E"):
        answer = asked.client.get(address, headers={"accept": "text/html"})
        assert (answer.status_code, "Page not found" in answer.text) == (404, True)
        assert "script>" not in answer.text.replace("</script>", "").replace(".js", "")
    assert asked.client.get("/course?site=RDGM").json() == {"times": [], "known": [], "complete": []}
    assert "unknown-site" not in page(asked, "/flow")


def test_alerts_by_site_kind_and_state(asked: AskedHub) -> None:
    login(asked)
    assert page(asked, "/alerts").count('class="nccid-alert ') == 2
    assert page(asked, "/alerts?site=RDGM").count('class="nccid-alert ') == 0
    assert page(asked, "/alerts?kind=probable-id-mismatch&site=PENM").count('class="nccid-alert ') == 2
    assert page(asked, "/alerts?kind=no-upload").count('class="nccid-alert ') == 0
    assert "There is no such alert" in page(asked, "/alerts?state=resolved")
    assert "There is no such alert" in page(asked, "/alerts?page=7")


def test_the_course_is_from_the_records_and_ends_now(asked: AskedHub) -> None:
    login(asked)
    line = asked.client.get("/course").json()
    assert (line["known"], line["complete"]) == ([0, 4, 4], [0, 1, 1])
    assert line["times"] == sorted(line["times"])
    assert "07/05/2020" in page(asked, "/")


@pytest.mark.parametrize("address", [*PAGES, "/login"])
def test_nothing_in_a_page_runs_or_comes_from_elsewhere(asked: AskedHub, address: str) -> None:
    login(asked)
    answer = asked.client.get(address, headers={"accept": "text/html"})
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.findall(r"<script(?![^>]* src=)[^>]*>|<style|\sstyle=|\son\w+=", answer.text)
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', answer.text)
    assert "Covid" not in answer.text.replace("COVID", "").replace("Upload Covid", "").replace("Covid positive", "")


def test_how_old_the_numbers_are_stands_on_every_page(asked: AskedHub) -> None:
    login(asked)
    assert "Up to date at" in page(asked, "/")
    asked.hub.progress.behind = 1200
    assert "It is 1,200 messages behind." in page(asked, "/")
    assert "Everything that was published is shown" not in page(asked, "/")
    asked.hub.progress.caught_up = False
    assert "still reading what has arrived" in page(asked, "/")
    assert "It is 1,200 messages behind." in page(asked, "/")
    asked.hub.progress.behind = 0  # the broker has not said how much there is
    assert "messages behind" not in page(asked, "/")
    assert "not known" in page(asked, "/flow")
    asked.hub.progress.connected = False
    assert "Not connected" in page(asked, "/flow")
