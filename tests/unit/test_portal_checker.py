"""The NHS/CHI Checker in the browser, the summary and the chase list: what the hub knows in words, or that it does not answer."""

import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from edge.portal.answers import MOST_NUMBERS, split
from edge.portal.hub import Hub, HubAwayError, Tokens, client_of
from edge.portal.limits import QUESTIONS, UPLOADS
from tests.factories import ANN, BOB, CAT, DAN, NOON, RR1, RR2, Flow, patient_withdrawn, raw_row, raw_study
from tests.hubs import AskedHub
from tests.portals import PortalUnderTest, Visitor, flow_of, grant
from tests.sheets import NUMBERS, positive, sheet

WRONG = ANN[:-1] + "4"


def known(portal: PortalUnderTest) -> Flow:
    """Ann is complete, Bob waits for images, of Cat there are images only."""
    keys = portal.keys()
    return flow_of(keys).arrives(
        raw_row(keyring=keys),
        raw_study(keyring=keys),
        raw_row(nhs_number=BOB, hospital_number=RR2, keyring=keys),
        raw_study(patient_id="RR99900003", study="S3", keyring=keys),
    )


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PortalUnderTest]:
    """A portal that has no hub yet."""
    made = PortalUnderTest(tmp_path)
    yield made
    made.portal.hub._client = None  # the test client that knows no closing
    made.portal.close()


def asks(portal: PortalUnderTest, tmp_path: Path, flow: Flow) -> AskedHub:
    """Gives the portal a hub that knows what the flow has published."""
    hub = AskedHub(tmp_path, flow)
    grant(portal.home, {scope: hub.tokens[scope][1] for scope in ("RDGM", "PENM")})
    portal.hub._client = hub.client
    return hub


@pytest.fixture
def hub(portal: PortalUnderTest, tmp_path: Path) -> AskedHub:
    return asks(portal, tmp_path, known(portal))


@pytest.fixture
def anna(portal: PortalUnderTest) -> Visitor:
    visitor = portal.anna()
    visitor.get("/checker")
    return visitor


def answers(visitor: Visitor, numbers: str) -> list[str]:
    """The rows of the table as text."""
    text = visitor.post("/checker", {"numbers": numbers}).text
    rows = re.findall(r'<tr role="row" class="nhsuk-table__row">(.*?)</tr>', text, re.DOTALL)
    return [" ".join(re.sub(r"<span class=.nhsuk-table-responsive.*?</span>|<[^>]+>", " ", row).split()) for row in rows]


# --- the Checker --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hub")
def test_each_number_is_answered_in_words(anna: Visitor) -> None:
    found = answers(anna, f"{ANN}\n{BOB}\n{DAN}\n{WRONG}\n12345")
    assert found[0] == "No. 1 Collected Data received Images received Complete since 7 May 2020. Nothing is missing."
    assert found[1] == (
        "No. 2 Collected Data received Images awaited Awaiting images since 7 May 2020. "
        "PACS: send the chest X-rays or CT by 14 May 2020."
    )
    assert found[2] == "No. 3 Not collected Nothing has arrived for this patient."
    assert found[3] == (
        "No. 4 Not a valid number The last digit does not fit the others, so one digit is wrong or two are swapped."
    )
    assert found[4].startswith("No. 5 Not a valid number ")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    "typed", ["999 462 1785", " 999-462-1785 ", "999\u00a0462\u20091785", "\u200b9994621785", "9994621785;", "\r\n9994621785\r\n"]
)
def test_numbers_are_taken_as_people_type_them(anna: Visitor, typed: str) -> None:
    assert [row.startswith("No. 1 Collected") for row in answers(anna, typed)] == [True]


def test_pasted_lists_are_split() -> None:
    assert split("a\r\nb\n\n c ,d;e\tf\n") == ["a", "b", "c", "d", "e", "f"]
    assert split(" \n\t,;") == []


def test_an_overdue_patient_one_who_opted_out_and_one_at_two_sites(
    portal: PortalUnderTest, tmp_path: Path, anna: Visitor
) -> None:
    keys = portal.keys()
    flow = known(portal).arrives(
        raw_row(site="PENM", nhs_number=ANN, hospital_number="0999123", keyring=keys),
        raw_row(nhs_number=CAT, hospital_number="RR99900009", keyring=keys),
    )
    asks(portal, tmp_path, flow.ticks(NOON + dt.timedelta(days=8)))
    ann, bob = answers(anna, f"{ANN}\n{BOB}")
    assert "PENM: Images missing" in ann
    assert "RDGM: Complete" in ann
    assert "Images missing since" in bob
    assert "PACS: send the chest X-rays or CT now. They were due on 14 May 2020." in bob


@pytest.mark.usefixtures("hub")
def test_numbers_are_in_no_answer_no_address_no_log_and_no_file(
    portal: PortalUnderTest, anna: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    answer = anna.post("/checker", {"numbers": f"{ANN}\n{WRONG}\nnot a number at all"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    files = [path for path in portal.home.root.rglob("*") if path.is_file()]
    for word in (ANN, WRONG, "not a number at all"):
        assert word not in answer.text + str(answer.url) + caplog.text
        assert all(word.encode() not in file.read_bytes() for file in files)
    latest = portal.portal.diary.latest("RDGM")[0]
    assert (latest.act, latest.detail) == ("checked numbers", {"numbers": 3})


@pytest.mark.parametrize(
    ("numbers", "words"),
    [("", "Enter at least one"), (" \n ", "Enter at least one"), ("1\n" * (MOST_NUMBERS + 1), "These are 1,001 numbers")],
)
def test_what_cannot_be_checked_is_told(anna: Visitor, numbers: str, words: str) -> None:
    answer = anna.post("/checker", {"numbers": numbers})
    assert (answer.status_code, words in answer.text) == (422, True)


@pytest.mark.usefixtures("hub")
def test_a_thousand_numbers_are_answered(anna: Visitor) -> None:
    assert len(answers(anna, f"{ANN}\n" * MOST_NUMBERS)) == MOST_NUMBERS


@pytest.mark.usefixtures("hub")
def test_too_many_questions_wait(portal: PortalUnderTest, anna: Visitor) -> None:
    for _ in range(QUESTIONS.most):
        portal.portal.attempts.add(QUESTIONS, "anna")
    answer = anna.post("/checker", {"numbers": ANN})
    assert (answer.status_code, "Wait a minute" in answer.text) == (429, True)


def test_a_hub_that_has_not_read_everything_is_said_so(hub: AskedHub, anna: Visitor) -> None:
    hub.hub.progress.caught_up, hub.hub.progress.behind = False, 1234
    assert "still reading what has arrived (1,234 messages to go)" in anna.post("/checker", {"numbers": ANN}).text
    assert "still reading what has arrived" in anna.get("/summary").text
    hub.hub.progress.connected = False
    assert "does not hear of new arrivals" in anna.get("/summary").text


# --- without the hub ----------------------------------------------------------------------------------------------------


def test_without_a_hub_no_answer_is_made_up(anna: Visitor) -> None:
    answer = anna.post("/checker", {"numbers": ANN})
    assert answer.status_code == 503
    assert "was not told where the hub is" in answer.text
    assert "Not collected" not in answer.text


def test_a_number_that_is_none_needs_no_hub(anna: Visitor) -> None:
    assert [row.startswith("No. 1 Not a valid number") for row in answers(anna, WRONG)] == [True]


@pytest.mark.parametrize(
    ("tokens", "words"),
    [({}, "has no key to ask for the patients of RDGM"), ({"RDGM": "nccid_wrong"}, "does not accept this portal's key")],
)
def test_a_token_that_is_missing_or_wrong_is_told(
    portal: PortalUnderTest, hub: AskedHub, anna: Visitor, tokens: dict[str, str], words: str
) -> None:
    assert hub.client is not None
    grant(portal.home, tokens)
    assert words in html.unescape(anna.post("/checker", {"numbers": ANN}).text)
    summary = html.unescape(anna.get("/summary").text)
    assert words in summary
    assert "Last uploads" in summary


def test_another_sites_token_is_refused(portal: PortalUnderTest, hub: AskedHub) -> None:
    grant(portal.home, {"RDGM": hub.tokens["PENM"][1]})
    with pytest.raises(HubAwayError, match="does not let this portal see this site"):
        portal.hub.alerts("RDGM")


def test_a_hub_that_does_not_listen_is_told(portal: PortalUnderTest) -> None:
    grant(portal.home, {"RDGM": "x"})
    hub = Hub(Tokens(portal.home), client_of("http://127.0.0.1:9"))
    with pytest.raises(HubAwayError, match="does not answer at the moment"):
        hub.coverage("RDGM")


def test_one_token_from_a_file_of_its_own(portal: PortalUnderTest, hub: AskedHub, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(hub.tokens["RDGM"][1] + "\n")
    tokens = Tokens.from_environment({"NCCID_HUB_TOKEN_FILE": str(tmp_path / "token")}, portal.home)
    assert Hub(tokens, hub.client).coverage("RDGM").counts.cases == 3


# --- the summary --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hub")
def test_the_summary_counts_the_own_site(anna: Visitor) -> None:
    text = " ".join(anna.get("/summary").text.split())
    assert "1 of 3 patients are complete." in text
    assert 'aria-label="Complete: 1, Awaiting images: 1, Awaiting spreadsheet: 1"' in text
    assert "Studies received: 2 X-ray, 0 CT, 0 MR." in text
    assert "PACS: there is still time" in text


def test_what_is_overdue_and_the_alerts(portal: PortalUnderTest, tmp_path: Path, anna: Visitor) -> None:
    asks(portal, tmp_path, known(portal).ticks(NOON + dt.timedelta(days=8)))
    text = " ".join(anna.get("/summary").text.split())
    assert "for <strong>2 something is overdue</strong>" in text
    alerts = re.findall(r"nhsuk-tag--red\W+>\s*Act", text)
    assert len(alerts) == 2


def test_a_site_of_which_nothing_has_come(portal: PortalUnderTest, tmp_path: Path, anna: Visitor) -> None:
    asks(portal, tmp_path, Flow())
    text = anna.get("/summary").text
    assert "Nothing has arrived from your site yet." in text
    assert "Nothing was uploaded yet." in text


def test_who_has_opted_out(portal: PortalUnderTest, tmp_path: Path, anna: Visitor) -> None:
    asks(portal, tmp_path, Flow().arrives(patient_withdrawn()))
    text = anna.get("/summary").text
    assert "Nobody: the patient has opted out" in text


# --- the chase list -----------------------------------------------------------------------------------------------------


@pytest.fixture
def mine(tmp_path: Path) -> bytes:
    """The site's own sheet: Ann, and Bob."""
    rows = [
        positive(0, {"NHS/CHI Number": ANN, "Hospital (Internal) Number": RR1}),
        positive(1, {"NHS/CHI Number": BOB, "Hospital (Internal) Number": RR2}),
    ]
    return sheet(tmp_path / "mine.xlsx", "positive", rows).read_bytes()


@pytest.mark.usefixtures("hub")
def test_the_own_sheet_comes_back_marked(portal: PortalUnderTest, anna: Visitor, mine: bytes) -> None:
    anna.get("/summary")
    answer = anna.send("/chase", mine)
    assert answer.headers["content-disposition"] == 'attachment; filename="chase-list.xlsx"'
    assert answer.headers["cache-control"] == "no-store"
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    page = book["Covid positive data"]
    headers = [cell.value for cell in page[1]]
    status = headers.index("NCCID status")
    assert [page.cell(row, status + 1).value for row in (2, 3)] == ["complete", "images still to come"]
    assert book.sheetnames == ["Covid positive data", "NCCID summary", "Studies without a row"]
    assert book["Studies without a row"].max_row > 1
    assert portal.portal.diary.latest("RDGM")[0].act == "downloaded a chase list"


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("content", "words"), [(b"not a sheet", "The file is plain text"), (b"", "The file is empty"), (b"\x00" * 99, "What to do")]
)
def test_what_is_no_sheet_is_told(anna: Visitor, content: bytes, words: str) -> None:
    anna.get("/summary")
    answer = anna.send("/chase", content)
    assert answer.status_code == 422
    assert "There is no chase list" in answer.text
    assert words in answer.text
    assert "/proc/" not in answer.text


def test_without_the_hub_there_is_no_chase_list(anna: Visitor, mine: bytes) -> None:
    anna.get("/summary")
    answer = anna.send("/chase", mine)
    assert answer.status_code == 422
    assert "was not told where the hub is" in answer.text


@pytest.mark.usefixtures("hub")
def test_too_many_chase_lists_wait(portal: PortalUnderTest, anna: Visitor, mine: bytes) -> None:
    anna.get("/summary")
    for _ in range(UPLOADS.most):
        portal.portal.attempts.add(UPLOADS, "anna")
    answer = anna.send("/chase", mine)
    assert (answer.status_code, "Wait five minutes" in answer.text) == (429, True)


def test_a_chase_list_needs_a_login(portal: PortalUnderTest, mine: bytes) -> None:
    visitor = portal.visitor()
    visitor.get("/login")
    assert visitor.send("/chase", mine).headers["location"] == "/login"
    assert set(NUMBERS) & {ANN, BOB}
