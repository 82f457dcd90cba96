"""The portal's metrics: what people did, on a page of its own that Prometheus can scrape, and nobody in it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from schemas.metrics import PORTAL
from schemas.templates import NHS_KEY
from tests.factories import ANN, Flow
from tests.portals import PortalUnderTest
from tests.sheets import positive, sheet

MAIN = "/upload/covid-data"


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[PortalUnderTest]:
    made = PortalUnderTest(tmp_path, Flow())
    yield made
    made.portal.jobs.close()
    made.portal.database.close()


def page(portal: PortalUnderTest) -> str:
    port = portal.portal.counts.serve("127.0.0.1", 0)
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:  # our own address
        text: str = answer.read().decode()
    return text


def scraped(portal: PortalUnderTest) -> dict[str, float]:
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in page(portal).splitlines())
        if name.startswith("nccid_portal_") and not name.endswith("_created")
    }


def test_uploads_by_outcome_and_the_rows_that_were_sent(portal: PortalUnderTest, tmp_path: Path) -> None:
    anna = portal.anna()
    right = sheet(tmp_path / "right.xlsx", "positive", [positive(0), positive(1)]).read_bytes()
    wrong = sheet(tmp_path / "wrong.xlsx", "positive", [positive(0, {NHS_KEY: "9994621784"})]).read_bytes()
    for content in (right, wrong, b"no sheet"):
        anna.get(MAIN)
        anna.get(anna.send(MAIN, content).headers["location"])
    portal.portal.jobs.close()
    found = scraped(portal)
    uploads = {name: value for name, value in found.items() if name.startswith("nccid_portal_uploads_total")}
    assert uploads == {
        'nccid_portal_uploads_total{kind="positive",outcome="sent",site="RDGM"}': 1,
        'nccid_portal_uploads_total{kind="positive",outcome="refused",site="RDGM"}': 2,
    }
    assert found['nccid_portal_rows_total{kind="positive",site="RDGM"}'] == 2


def test_questions_to_the_checker_and_logins_that_failed(portal: PortalUnderTest) -> None:
    anna = portal.anna()
    anna.get("/checker")
    anna.post("/checker", {"numbers": f"{ANN}\nnonsense"})
    for _ in range(6):
        portal.visitor().login("anna", "wrong")
    text, found = page(portal), scraped(portal)
    assert found['nccid_portal_questions_total{site="RDGM"}'] == 1
    assert found['nccid_portal_numbers_total{site="RDGM"}'] == 2
    assert found['nccid_portal_failed_logins_total{reason="wrong"}'] == 5
    assert found['nccid_portal_failed_logins_total{reason="waiting"}'] == 1
    assert found['nccid_portal_requests_total{route="/checker",status="200"}'] == 2
    assert found['nccid_portal_request_seconds_count{route="/checker"}'] == 2
    assert [each for each in (ANN, "anna") if each in text] == []


def test_the_pages_themselves_show_no_metrics(portal: PortalUnderTest) -> None:
    assert portal.anna().get("/metrics").status_code == 404


def test_every_declared_metric_is_on_the_page(portal: PortalUnderTest) -> None:
    text = page(portal)
    assert [metric.name for metric in PORTAL if f"# TYPE {metric.name.removesuffix('_total')}" not in text] == []
