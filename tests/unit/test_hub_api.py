"""The hub's API: what is answered, to whom, and what is refused in which words."""

import datetime as dt
from pathlib import Path

import pytest

from monitoring.hub.tokens import NATIONAL, revoke
from schemas.coverage import as_builtins
from tests.factories import ANN, BOB, NOON, RR2, Flow, raw_row, raw_study
from tests.hubs import LATER, AskedHub

NOBODY = "Covid" + "A" * 26
NO_PERSON = "P" + "A" * 26
VIEW = {"condition": "live", "behind_records": 0, "behind_seconds": 0.0, "as_of": LATER.isoformat().replace("+00:00", "Z")}


def two_sites() -> Flow:
    """Ann at RDGM, complete, and at PENM, awaiting images; Bob at RDGM."""
    return Flow().arrives(
        raw_row(),
        raw_study(),
        raw_row(site="PENM", hospital_number="0999123"),
        raw_row(nhs_number=BOB, hospital_number=RR2),
    )


@pytest.fixture
def asked(tmp_path: Path) -> AskedHub:
    return AskedHub(tmp_path, two_sites())


def test_the_status_of_patients_and_persons(asked: AskedHub) -> None:
    statuses = sorted(two_sites().statuses().values(), key=lambda each: (each.site, each.state))
    penm, awaiting, complete = statuses
    answer = asked.ask({"patients": [complete.patient, NOBODY], "persons": [str(complete.person), NO_PERSON]})
    assert answer == {
        "patients": {complete.patient: as_builtins(complete), NOBODY: None},
        "persons": {complete.person: [as_builtins(penm), as_builtins(complete)], NO_PERSON: []},
        "view": VIEW,
    }
    assert (awaiting.state, complete.state) == ("awaiting-images", "complete")


def test_a_site_sees_its_own_patients_and_every_case_of_a_person(asked: AskedHub) -> None:
    statuses = two_sites().statuses().values()
    (person,) = {str(each.person) for each in statuses if each.site == "PENM"}
    answer = asked.ask({"patients": [each.patient for each in statuses], "persons": [person]}, "PENM")
    assert {patient for patient, known in answer["patients"].items() if known} == {
        each.patient for each in statuses if each.site == "PENM"
    }
    assert [case["site"] for case in answer["persons"][person]] == ["PENM", "RDGM"]


def test_nothing_asked_is_nothing_answered(asked: AskedHub) -> None:
    assert asked.ask({}) == {"patients": {}, "persons": {}, "view": VIEW}


def test_coverage_in_the_form_of_the_command_and_how_long_things_are_missing(asked: AskedHub) -> None:
    penm = {"cases": 1, "states": {"awaiting-images": 1}, "flags": {}, "studies": {"xray": 0, "ct": 0, "mr": 0}}
    rdgm = {
        "cases": 2,
        "states": {"awaiting-images": 1, "complete": 1},
        "flags": {},
        "studies": {"xray": 1, "ct": 0, "mr": 0},
    }
    bands = ["under a day", "1 to 3 days", "4 to 7 days", "8 to 14 days", "15 to 28 days", "over 28 days"]
    ages = {"awaiting-images": {"oldest": NOON.date().isoformat(), "cases": dict.fromkeys(bands, 0) | {"1 to 3 days": 1}}}
    assert asked.get("/v1/sites") == {"sites": {"PENM": penm, "RDGM": rdgm}, "ages": {"PENM": ages, "RDGM": ages}, "view": VIEW}
    assert asked.get("/v1/sites", "PENM") == {"sites": {"PENM": penm}, "ages": {"PENM": ages}, "view": VIEW}
    assert asked.get("/v1/sites?site=RDGM")["sites"] == {"RDGM": rdgm}
    assert asked.get("/v1/sites?site=LARK")["sites"] == {}


def overdue() -> Flow:
    return two_sites().ticks(NOON + dt.timedelta(days=8))


def test_alerts_by_site_and_state_as_the_command_lists_them(tmp_path: Path) -> None:
    flow = overdue().arrives(raw_study(patient_id=RR2, study="S2", received_at=NOON + dt.timedelta(days=9)))
    asked = AskedHub(tmp_path, flow)
    known = {alert.site: alert for alert in flow.alerts()}
    everything = asked.get("/v1/alerts")
    assert everything["total"] == 2
    assert [(each["site"], each["state"]) for each in everything["alerts"]] == [("PENM", "open"), ("RDGM", "resolved")]
    assert everything["alerts"][0]["text"] == known["PENM"].text
    assert [each["site"] for each in asked.get("/v1/alerts?state=open")["alerts"]] == ["PENM"]
    assert [each["site"] for each in asked.get("/v1/alerts?state=resolved&site=")["alerts"]] == ["RDGM"]
    assert asked.get("/v1/alerts?site=PENM&state=resolved") == {"alerts": [], "total": 0, "view": VIEW}
    assert [each["site"] for each in asked.get("/v1/alerts", "RDGM")["alerts"]] == ["RDGM"]
    limited = asked.get("/v1/alerts?limit=1")
    assert (len(limited["alerts"]), limited["total"]) == (1, 2)


def test_what_a_chase_list_needs_of_studies_that_no_row_has_claimed(tmp_path: Path) -> None:
    asked = AskedHub(tmp_path, Flow().arrives(raw_row(), raw_study(patient_id=RR2)))
    (match,) = asked.get("/v1/unclaimed", "RDGM")["matches"]
    assert [case["status"]["state"] for case in match["cases"]] == ["awaiting-spreadsheet"]
    assert asked.get("/v1/unclaimed", "PENM")["matches"] == []
    assert asked.get("/v1/unclaimed?site=RDGM")["matches"] == [match]
    assert "site" in asked.get("/v1/unclaimed", status=403)["detail"]


@pytest.mark.parametrize("address", ["/v1/sites", "/v1/alerts", "/v1/unclaimed", "/v1/stream"])
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic bmNjaWQ6eA==", "Bearer " + "x" * 5000, "bearer\tnccid", "Bearer é"],
)
def test_without_a_good_token_there_is_no_answer(asked: AskedHub, address: str, header: str | None) -> None:
    headers = {"Authorization": header.encode()} if header is not None else {}
    answer = asked.client.get(address, headers=headers)  # type: ignore[arg-type]  # bytes, as a stranger would send them
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.json()) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("address", ["/v1/sites", "/v1/alerts", "/v1/unclaimed"])
def test_another_sites_token_is_refused(asked: AskedHub, address: str) -> None:
    answer = asked.get(f"{address}?site=PENM", "RDGM", 403)
    assert answer == {
        "type": "about:blank",
        "title": "Not yours to see",
        "status": 403,
        "detail": "This token is for RDGM alone.",
    }


def test_a_revoked_token_is_worthless_at_once_and_a_new_one_good_at_once(asked: AskedHub) -> None:
    asked.get("/v1/sites", "RDGM")
    revoke(asked.path, scope="RDGM")
    asked.get("/v1/sites", "RDGM", 401)
    asked.get("/v1/sites", "PENM")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"patients": "all"}',
        b'{"patients": [1]}',
        b'{"patients": [null]}',
        b'{"persons": {"a": 1}}',
        b'{"patients": [], "numbers": []}',
        f'{{"patients": ["{ANN}"]}}'.encode(),
        f'{{"persons": ["{ANN}"]}}'.encode(),
        b'{"patients": ["' + NOBODY.encode() + b'\\n"]}',
    ],
)
def test_what_is_not_a_question_is_told_without_repeating_it(asked: AskedHub, body: bytes) -> None:
    answer = asked.client.post("/v1/status", content=body, headers=asked.headers() | {"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert ANN not in answer.text
    assert "/schema" in answer.json()["detail"]


def test_more_than_a_thousand_are_too_many(asked: AskedHub) -> None:
    assert asked.ask({"patients": [NOBODY] * 500, "persons": [NO_PERSON] * 500})["patients"] == {NOBODY: None}
    assert "1000" in asked.ask({"patients": [NOBODY] * 500, "persons": [NO_PERSON] * 501}, status=400)["detail"]
    asked.ask({"patients": [NOBODY] * 1001}, status=400)


def test_a_body_that_is_too_long_is_not_read(asked: AskedHub) -> None:
    answer = asked.ask({"patients": ["x" * 200_000]}, status=413)
    assert answer["title"] == "Too much"


def test_who_asks_too_often_is_told_how_long_to_wait(asked: AskedHub) -> None:
    asked.access.asking.burst = 2
    asked.access.asking.per_second = 0.001
    answers = [asked.client.get("/v1/sites", headers=asked.headers()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    asked.get("/v1/sites", "RDGM")  # another one may


def test_who_guesses_is_stopped_even_with_a_good_token(asked: AskedHub) -> None:
    wrong = {"Authorization": "Bearer nccid_guess"}
    codes = {asked.client.get("/v1/sites", headers=wrong).status_code for _ in range(30)}
    assert codes == {401, 429}
    assert asked.client.get("/v1/sites", headers=asked.headers()).status_code == 429


@pytest.mark.parametrize(
    "query", ["site=rdgm", "site=%0d%0aSet-Cookie:x", "state=maybe", "limit=0", "limit=x", "limit=100000", "sites=RDGM"]
)
def test_a_query_that_is_none_of_ours_is_refused(asked: AskedHub, query: str) -> None:
    answer = asked.client.get(f"/v1/alerts?{query}", headers=asked.headers())
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "address", "status"), [("GET", "/v1/status", 405), ("GET", "/v1/none", 404), ("PUT", "/v1/sites", 405)]
)
def test_an_address_or_method_that_is_not_there_is_a_problem_too(asked: AskedHub, method: str, address: str, status: int) -> None:
    answer = asked.client.request(method, address, headers=asked.headers())
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_health_says_how_far_behind_it_is(asked: AskedHub) -> None:
    assert asked.client.get("/health/live").json() == {"status": "live"}
    assert asked.client.get("/health/ready").json() == VIEW
    asked.hub.progress.took(3, behind=7, newest_ms=int((LATER - dt.timedelta(seconds=5)).timestamp() * 1000))
    asked.hub.progress.caught_up = False
    answer = asked.client.get("/health/ready")
    behind = {"condition": "catching-up", "behind_records": 7, "behind_seconds": 5.0, "as_of": "2020-05-10T11:59:55Z"}
    assert (answer.status_code, answer.json()) == (503, behind)
    assert asked.get("/v1/sites")["view"] == behind
    asked.hub.progress.connected = False
    assert asked.client.get("/health/ready").json()["condition"] == "disconnected"


def test_metrics_are_for_a_national_token_and_count_what_is_known(asked: AskedHub) -> None:
    asked.get("/v1/sites")
    text = asked.client.get("/metrics", headers=asked.headers()).text
    assert 'nccid_hub_cases{site="RDGM",state="complete"} 1.0' in text
    assert 'nccid_hub_oldest_missing_days{site="PENM",state="awaiting-images"} 3.0' in text
    assert 'nccid_hub_requests_total{route="/v1/sites",status="200"} 1.0' in text
    assert "Covid" not in text.replace("COVID", "")
    asked.get("/metrics", "RDGM", 403)
    assert asked.client.get("/metrics").status_code == 401  # the test's client has no address


def test_a_bug_is_told_to_the_log_and_not_to_the_client(asked: AskedHub, caplog: pytest.LogCaptureFixture) -> None:
    asked.hub.following.known.view = None  # type: ignore[assignment]  # a fault that cannot be made otherwise
    answer = asked.client.get("/v1/sites", headers=asked.headers())
    assert (answer.status_code, answer.json()["title"]) == (500, "Our fault")
    assert "NoneType" not in answer.text
    assert "/v1/sites failed" in caplog.text


def test_scopes_of_the_test_are_those_of_the_hub(asked: AskedHub) -> None:
    assert set(asked.tokens) == {NATIONAL, "RDGM", "PENM"}
