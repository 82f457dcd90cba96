"""The page of completeness in a browser: counted while somebody looks on, wide and on a phone, by keyboard, without scripts."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.broker.setups import Installation, installed, until
from tests.browser.test_dashboard import CHROMIUM, PHONE, ROOT, SHOTS, WIDE, Visit, serious
from tests.sheets import positive, sheet

COUNTED_MS = 120_000  # between two counts the hub rests

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (ROOT / "web/static/pages.css").is_file(), reason="needs the assets: make assets"),
]


def workbook(path: Path, numbers: range, prefix: str) -> Path:
    """Rows of which a third has an implausible age and a third a sex that is repaired."""
    kinds: list[dict[str, Any]] = [{"Age": 40, "Sex": 1, "Ethnicity": "A"}, {"Age": 200, "Sex": 0}, {"Age": 40, "Sex": "F"}]
    rows = [positive(0, {NHS_KEY: "", HOSPITAL_KEY: f"{prefix}{number}", **kinds[number % 3]}) for number in numbers]
    return sheet(path, "positive", rows)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two sites with enough patients to tell of, and one with too few."""
    folder = tmp_path_factory.mktemp("completeness")
    with installed(folder) as installation:
        installation.up()
        installation.deliver("RDGM", "positive", workbook(folder / "a.xlsx", range(99900000, 99900045), "RR"))
        installation.deliver("PENM", "positive", workbook(folder / "b.xlsx", range(9990000, 9990030), ""))
        installation.deliver("LARK", "positive", workbook(folder / "c.xlsx", range(99900000, 99900003), "RR"))
        until(lambda: sum(each["cases"] for each in installation.known().values()) == 78, "all of it is known")
        yield installation


def test_the_cells_are_counted_while_somebody_looks_on(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE)
    visit.page.get_by_role("link", name="Clinical data").click()
    row = visit.page.locator("#filled tr", has_text="Demographic")
    expect(row).to_contain_text("Of these implausible 25", timeout=COUNTED_MS)
    expect(row).to_contain_text("Of these repaired 25")
    expect(visit.page.locator("#compared tr", has_text="LARK")).to_contain_text("not told")
    visit.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("chosen", ["all", "RDGM"])
def test_it_can_be_read_by_everybody(running: Installation, chromium: Browser, chosen: str, size: Any) -> None:  # noqa: ANN401  # Playwright's size
    visit = Visit(chromium, running, ("--national",), viewport=size)
    visit.page.goto(f"/completeness?site={'' if chosen == 'all' else chosen}")
    expect(visit.page.locator("#filled .nccid-bar").first).to_be_visible(timeout=COUNTED_MS)
    visit.page.screenshot(path=SHOTS / f"hub-completeness-{chosen}-{size['width']}.png", full_page=True)
    assert serious(visit.page) == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    visit.close()


def test_by_keyboard_a_site_is_chosen_and_its_counts_are_downloaded(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE)
    page = visit.page
    page.goto("/completeness")
    page.get_by_label("Site", exact=True).focus()
    page.keyboard.type("RDGM")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ridgemoor Royal")
    expect(page).to_have_url(re.compile("site=RDGM"))
    link = page.get_by_role("link", name="Download these counts as CSV")
    expect(link).to_be_visible(timeout=COUNTED_MS)
    link.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert {line["site"] for line in lines} == {"RDGM"}
    assert next(line for line in lines if line["group"] == "demographic")["implausible"] == "15"
    visit.close()


def test_a_sites_token_and_no_scripts(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--site", "PENM"), viewport=PHONE, java_script_enabled=False)
    visit.page.goto("/completeness")
    expect(visit.page.locator("body")).not_to_contain_text("RDGM")
    expect(visit.page.get_by_role("table").first).to_contain_text("Of these implausible 10")
    visit.close()
