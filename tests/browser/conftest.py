"""A whole set-up in which people work with a browser: Debian's Chromium, driven by Playwright.

Every test's pages are photographed into ``screenshots``, which is not part of the repository; look at them after a change.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from edge.portal.opened import accounts_of
from tests.broker.setups import Installation, installed

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).with_name("screenshots")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PASSWORD = "three words of nonsense"  # noqa: S105  # of nobody


@dataclass(frozen=True)
class Running:
    """A running set-up and where its pages are."""

    installation: Installation
    portal: str
    hub: str


@pytest.fixture(scope="module")  # not of the session: the event loop of Playwright must not outlive its tests
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """``nccid up`` on a home with a nurse and an administrator of RDGM, and a nurse of PENM."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with installed(tmp_path_factory.mktemp("browser")) as installation:
        with accounts_of(installation.home) as accounts:
            accounts.add("anna", "RDGM", PASSWORD, must_change=False)
            accounts.add("petra", "PENM", PASSWORD, must_change=False)
            accounts.add("boss", "RDGM", PASSWORD, administrator=True, must_change=False)
        installation.up()
        addresses = dict(re.findall(r"(\w+)=(\S+)", installation.stdout.read_text(encoding="utf-8")))
        yield Running(installation, addresses["portal"], addresses["hub"])


@pytest.fixture(scope="module")  # not of the session: the event loop of Playwright must not outlive its tests
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Tab:
    """A page that is watched: what it complains of, and whom it asks."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message: Any) -> None:  # noqa: ANN401  # Playwright's
        refused = "Failed to load resource" in message.text  # an answer with another status, which tests expect or not
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Opens a page of the program."""
        self.page.goto(self.address + path)

    @property
    def heading(self) -> str:
        """What the page says that it is."""
        return self.page.locator("h1").inner_text()

    def photograph(self, name: str) -> None:
        """Keeps how the page looks."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def violations(self) -> list[str]:
        """What axe finds that is serious or critical: rule and places."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules}).then(found => found.violations)", RULES)
        serious = [each for each in found if each["impact"] in {"serious", "critical"}]
        return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in serious]

    def is_sound(self, name: str) -> None:
        """Photographs the page and claims that it is accessible, complains of nothing, and asks no other host.

        Raises:
            AssertionError: it is not so.
        """
        self.photograph(name)
        assert self.violations() == []
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith((self.address, "blob:", "data:"))] == []


MakeTab = Callable[..., Tab]


@pytest.fixture
def tab(running: Running, chromium: Browser) -> Iterator[MakeTab]:
    """Makes tabs: ``tab("anna")`` is logged in to the portal; keywords are those of a browser's context."""
    contexts: list[BrowserContext] = []

    def make(name: str | None = None, *, beside: Tab | None = None, **how: Any) -> Tab:  # noqa: ANN401  # as Playwright
        context = beside.page.context if beside else chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | how))
        if not beside:
            contexts.append(context)
        made = Tab(context.new_page(), running.portal)
        if name is not None:
            login(made, name)
        return made

    yield make
    for context in contexts:
        context.close()


def login(tab: Tab, name: str, password: str = PASSWORD) -> None:
    """As a person does it."""
    tab.go("/login")
    tab.page.get_by_label("Username").fill(name)
    tab.page.get_by_label("Password", exact=True).fill(password)
    tab.page.get_by_role("main").get_by_role("button", name="Login").click()
    tab.page.wait_for_url(tab.address + "/")
