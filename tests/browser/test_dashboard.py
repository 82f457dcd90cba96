"""A coordinator at the dashboard while data comes: by mouse, by keyboard, on a phone, and without scripts.

Screenshots of every page are kept in ``tests/browser/screenshots``, to be looked at.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.broker.setups import NCCID, Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import positive, sheet

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = Path(__file__).with_name("screenshots")
CHROMIUM = shutil.which("chromium")
PAGES = {"coverage": "/", "hour": "/?span=hour", "site": "/sites/RDGM", "alerts": "/alerts?state=all", "flow": "/flow"}
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (ROOT / "web/static/pages.css").is_file(), reason="needs the assets: make assets"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Sites with something of everything: complete, awaiting, two spellings, a flag."""
    folder = tmp_path_factory.mktemp("dashboard")
    with installed(folder) as installation:
        installation.up()
        installation.deliver("RDGM", "positive", workbook(folder / "a.xlsx", 0, "RR99912345"))
        installation.deliver("RDGM", "images", film(folder / "a.dcm", "RR99912345", "1.2.3.1"))
        installation.deliver("PENM", "positive", workbook(folder / "b.xlsx", 1, "0999123"))
        installation.deliver("PENM", "images", film(folder / "b.dcm", "999123", "1.2.3.2"))
        installation.deliver("LARK", "images", film(folder / "c.dcm", "RR99900001", "1.2.3.3", StudyDate=""))
        until(lambda: sum(each["cases"] for each in installation.known().values()) == 4, "all of it is known")
        yield installation


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def film(path: Path, patient_id: str, uid: str, **values: Any) -> Path:  # noqa: ANN401  # of any DICOM element
    tags = {"SOPClassUID": DX, "Modality": "DX", "StudyDate": "20200512", "PatientID": patient_id, "StudyInstanceUID": uid}
    return dicom_file(path, **(tags | values))


def workbook(path: Path, index: int, own: str) -> Path:
    return sheet(path, "positive", [positive(index, {"Hospital (Internal) Number": own})])


def token(installation: Installation, *scope: str) -> str:
    command = [NCCID, "tokens", "add", "--dir", str(installation.home.root), *scope]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def hub(installation: Installation) -> str:
    found = re.search(r"hub=(\S+)", installation.stdout.read_text(encoding="utf-8"))
    assert found
    return found[1]


class Visit:
    """One browser window, which complains of nothing and asks no other host."""

    def __init__(self, browser: Browser, installation: Installation, scope: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401  # as Playwright takes them
        self.base = hub(installation)
        context = browser.new_context(base_url=self.base, **options)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: None if request.url.startswith(self.base) else self.elsewhere.append(request.url))
        self.page.goto("/login")
        self.page.get_by_label("Token").fill(token(installation, *scope))
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", level=1)).not_to_contain_text("Log in")

    def close(self) -> None:
        self.page.context.close()
        assert (self.complaints, self.elsewhere) == ([], [])


def serious(page: Page) -> list[str]:
    """All that axe finds against WCAG 2.2 AA, and where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags}).then(result => result.violations)", tags)
    return [f"{each['id']} ({each['impact']}): {node['target']}" for each in found for node in each["nodes"]]


def cell(page: Page, site: str, column: int) -> str:
    return (
        page.locator("#coverage tr", has=page.get_by_role("link", name=site, exact=True))
        .locator("th, td")
        .nth(column)
        .inner_text()
    )


def test_coverage_moves_while_the_coordinator_looks_on(running: Installation, chromium: Browser, tmp_path: Path) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE)
    page = visit.page
    expect(page.locator("#standing")).to_contain_text("Up to date at")
    assert cell(page, "NTHV", 3) == "0"
    link = page.get_by_role("link", name="LARK", exact=True)
    link.focus()
    running.deliver("NTHV", "images", film(tmp_path / "n.dcm", "9994621785", "1.2.3.9"))
    expect(page.locator("#coverage tr", has_text="NTHV").locator("td").nth(2)).to_have_text("Patients 1", timeout=15_000)
    expect(page.locator("[data-summary]")).to_contain_text("5 patients")
    expect(link).to_be_focused()  # nothing was pulled away from under the keyboard
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    visit.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody(running: Installation, chromium: Browser, name: str, size: Any) -> None:  # noqa: ANN401  # Playwright's size
    visit = Visit(chromium, running, ("--national",), viewport=size)
    visit.page.goto(PAGES[name])
    if name in ("coverage", "hour", "site"):
        expect(visit.page.locator("[data-chart] canvas")).to_be_visible()
    visit.page.screenshot(path=SHOTS / f"hub-{name}-{size['width']}.png", full_page=True)
    assert serious(visit.page) == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    visit.close()


def test_by_keyboard_alone_from_the_top_to_a_site_and_its_table(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE)
    page = visit.page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):  # EXMR, LARK, its alerts or the next site
        page.keyboard.press("Tab")
        assert (
            page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            or page.evaluate("getComputedStyle(document.activeElement).boxShadow") != "none"
        )
    page.get_by_role("link", name="RDGM", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ridgemoor Royal")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="By day")).to_be_visible()
    visit.close()


def test_alerts_are_filtered_by_site_kind_and_state(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE)
    page = visit.page
    page.get_by_role("link", name="Alerts", exact=True).click()
    expect(page.locator(".nccid-alert")).to_have_count(2)
    page.get_by_label("Site").select_option("RDGM")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#alerts")).to_contain_text("There is no such alert")
    page.get_by_label("Site").select_option("PENM")
    page.get_by_label("Kind").select_option("probable-id-mismatch")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".nccid-alert")).to_have_count(2)
    expect(page.locator(".nccid-alert").first).to_contain_text("column 2")
    visit.close()


def test_a_sites_token_shows_that_site_alone(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--site", "PENM"), viewport=PHONE)
    expect(visit.page).to_have_url(f"{visit.base}/sites/PENM")
    expect(visit.page.locator("body")).not_to_contain_text("RDGM")
    assert serious(visit.page) == []
    visit.page.goto("/sites/RDGM")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert visit.complaints == ["Failed to load resource: the server responded with a status of 404 (Not Found)"]
    visit.complaints.clear()
    visit.close()


def test_without_scripts_every_number_is_there(running: Installation, chromium: Browser) -> None:
    visit = Visit(chromium, running, ("--national",), viewport=WIDE, java_script_enabled=False)
    assert cell(visit.page, "RDGM", 2).split() == ["100%", "(1)"]
    visit.page.get_by_text("The same as a table").click()
    expect(visit.page.get_by_role("table", name="By day")).to_be_visible()
    visit.page.get_by_role("button", name="Log out").click()
    expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Log in")
    visit.close()


def test_the_way_in_says_what_is_wrong(running: Installation, chromium: Browser) -> None:
    page = chromium.new_page(base_url=hub(running), viewport={"width": 320, "height": 640})
    page.goto("/login")
    page.get_by_label("Token").fill("nccid_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("This token is not good")
    page.screenshot(path=SHOTS / "hub-login-320.png", full_page=True)
    assert serious(page) == []
    page.close()
