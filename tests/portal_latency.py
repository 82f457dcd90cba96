"""How long the portal's pages take while it checks a large sheet: run with ``python -m tests.portal_latency [ROWS]``."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from edge.portal.opened import accounts_of
from schemas.templates import HOSPITAL_KEY, NHS_KEY
from tests.browser.test_portal import numbers
from tests.portals import PASSWORD, make_home
from tests.sheets import positive, sheet

PAGE = "/upload/covid-data"
PORT = 8399


def client() -> httpx.Client:
    """Somebody who is logged in."""
    made = httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=600, trust_env=False)
    made.post("/login", data={"token": token(made, "/login"), "username": "anna", "password": PASSWORD})
    return made


def token(asking: httpx.Client, path: str) -> str:
    """The token of a page's form."""
    found = re.search(r'name="token" value="(\w+)"', asking.get(path).text)
    assert found
    return found[1]


def latencies(asking: httpx.Client, go_on: Callable[[int], bool]) -> str:
    """Asks for a page every 50 ms; answers how long that took."""
    taken: list[float] = []
    while go_on(len(taken)):
        began = time.perf_counter()
        asking.get(PAGE).raise_for_status()
        taken.append(1000 * (time.perf_counter() - began))
        time.sleep(0.05)
    taken.sort()
    middle, late = taken[len(taken) // 2], taken[int(0.95 * len(taken))]
    return f"{len(taken)} pages, p50 {middle:.0f} ms, p95 {late:.0f} ms, most {taken[-1]:.0f} ms"


def measure(file: Path, rows: int) -> None:
    """Prints it, without and with an upload under way."""
    asking, sending, done = client(), client(), threading.Event()
    print(f"idle: {latencies(asking, lambda count: count < 100)}")  # noqa: T201  # a measurement for a person

    def send() -> None:
        began = time.perf_counter()
        with file.open("rb") as content:
            sending.post(PAGE, data={"token": token(sending, PAGE)}, files={"file": ("x.xlsx", content)})
        print(f"{rows:,} rows took {time.perf_counter() - began:.1f} s")  # noqa: T201
        done.set()

    threading.Thread(target=send).start()
    print(f"meanwhile: {latencies(asking, lambda _: not done.is_set())}")  # noqa: T201


def main() -> None:
    """A portal on a new home, and a sheet of so many rows."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder))
        with accounts_of(home) as accounts:
            accounts.add("anna", "RDGM", PASSWORD, must_change=False)
        patients = [positive(0, {NHS_KEY: number, HOSPITAL_KEY: f"RR{10**7 + n}"}) for n, number in enumerate(numbers(rows))]
        file = sheet(Path(folder) / "large.xlsx", "positive", patients, "xlsxwriter")
        command = [sys.executable, "-P", "-m", "nccid", "portal", "--dir", str(home.root)]
        process = subprocess.Popen(command, env={**os.environ, "NCCID_PORT": str(PORT)}, stderr=subprocess.DEVNULL)
        try:
            time.sleep(8)
            measure(file, rows)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
