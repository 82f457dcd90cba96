"""A hub that comes back while much has happened: it answers at once from its snapshot, and says how far behind it is.

The broker is stopped in the middle (SIGSTOP, as a machine that hangs), so that this lasts as long as somebody needs to look.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from playwright.sync_api import Browser, BrowserContext, expect

from bench.cases import case_record, person_of
from bench.servers import Server, broker_server, hub, new_home, until_known
from schemas.topics import COVERAGE_STATUS
from schemas.wire import Wire
from tests.broker.setups import until
from tests.browser.conftest import ROOT, SCREENSHOTS, Tab

KNOWN, LATER = 2_000, 80_000
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}

pytestmark = pytest.mark.skipif(not (ROOT / "web/static/pages.css").is_file(), reason="needs the assets: make assets")


@dataclass(frozen=True)
class Behind:
    """A hub that has read a part, and a broker that can be made to go on."""

    hub: Server
    broker: Server
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.hub.port}"

    def ask(self, *persons: str) -> Any:  # noqa: ANN401  # JSON
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.post(f"{self.address}/v1/status", json={"persons": persons}, headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def view(self) -> Any:  # noqa: ANN401  # JSON
        return self.ask()["view"]

    def stands_still(self) -> bool:
        before = self.view()["behind_records"]
        time.sleep(1)
        return bool(before == self.view()["behind_records"])

    def go_on(self) -> None:
        os.kill(self.broker.pid, signal.SIGCONT)


def publish(bootstrap: str, first: int, last: int) -> None:
    """Publishes invented cases; in a thread of its own, since Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_publish(bootstrap, first, last))).result()


async def _publish(bootstrap: str, first: int, last: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=512 * 1024)
    await producer.start()
    for record in map(case_record, range(first, last)):
        await producer.send(COVERAGE_STATUS.name, Wire.encode(record), key=record.match.encode())
    await producer.stop()


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    home, token = new_home(tmp_path)
    with broker_server(tmp_path) as broker, contextlib.ExitStack() as going:
        bootstrap = f"127.0.0.1:{broker.port}"
        publish(bootstrap, 0, KNOWN)
        with hub(tmp_path, home, bootstrap) as before:
            until_known(before, token, KNOWN, lambda _: None)
        publish(bootstrap, KNOWN, KNOWN + LATER)
        again = going.enter_context(hub(tmp_path, home, bootstrap))
        found = Behind(again, broker, token)
        going.callback(found.go_on)
        until(lambda: found.view()["behind_records"], "the broker has said how much there is")
        os.kill(broker.pid, signal.SIGSTOP)
        until(found.stands_still, "what had come to the hub is read")
        yield found


def look(browser: Browser, behind: Behind, viewport: Any) -> tuple[BrowserContext, Tab]:  # noqa: ANN401  # Playwright's size
    context = browser.new_context(viewport=viewport)
    tab = Tab(context.new_page(), behind.address)
    tab.go("/login")
    tab.page.get_by_label("Token").fill(behind.token)
    tab.page.get_by_role("button", name="Log in").click()
    tab.page.wait_for_url(f"{behind.address}/")
    return context, tab


def ends(tab: Tab, selector: str) -> float:
    """Where something ends on the right."""
    return float(tab.page.locator(selector).evaluate("found => Math.floor(found.getBoundingClientRect().right)"))


def test_it_answers_says_how_far_behind_it_is_and_becomes_live_while_somebody_looks(behind: Behind, chromium: Browser) -> None:
    view = behind.view()
    assert view["condition"] == "catching-up"
    assert 0 < view["behind_records"] <= LATER
    assert len(behind.ask(person_of(0))["persons"][person_of(0)]) == 1  # from the snapshot
    assert httpx.get(f"{behind.address}/health/ready", timeout=10).status_code == 503

    context, tab = look(chromium, behind, WIDE)
    standing = tab.page.locator("#standing")
    expect(standing).to_contain_text("Catching up")
    expect(standing).to_contain_text(f"{behind.view()['behind_records']:,} messages behind")
    tab.is_sound("hub-catching-up")
    assert ends(tab, "#coverage table") <= ends(tab, "#coverage") + 2  # its border; large numbers, too, fit
    small, phone = look(chromium, behind, PHONE)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 320
    phone.is_sound("hub-catching-up-phone")
    small.close()

    behind.go_on()
    expect(standing).to_contain_text("Up to date", timeout=60_000)  # nobody loads the page anew
    assert (behind.view()["condition"], behind.view()["behind_records"]) == ("live", 0)
    last = person_of(KNOWN + LATER - 1)
    assert len(behind.ask(last)["persons"][last]) == 1
    expect(tab.page.get_by_text(f"{KNOWN + LATER:,}").first).to_be_visible()
    assert tab.complaints == []
    context.close()
    assert (SCREENSHOTS / "hub-catching-up.png").is_file()
