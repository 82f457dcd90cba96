"""The demonstration: a set-up of its own, invented sites that send over about a minute, coverage moving in the terminal.

Knows neither the edge nor the monitoring: the front door hands it what they can do (``Parts``).
"""

import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.live import Live

from local.children import ChildError, die_with_parent, own_command
from local.homes import HomeError
from local.running import Running, find_running
from schemas.home import Home

PLAY_SECONDS = 60.0
ONCE_PLAY_SECONDS = 0.0  # nobody watches: as fast as the sites can send
_SETTLE_SECONDS = 60.0
_QUIET_SECONDS = 1.5
_FRAME_SECONDS = 0.25
_READY_SECONDS = 60.0
ANY_PORTS = ("--broker-port", "0", "--portal-port", "0", "--hub-port", "0", "--node-port", "0")


class Watched(Protocol):
    """What is known so far, kept up to date."""

    changes: int

    def tables(self) -> RenderableType:
        """The coverage, to be shown."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the other rooms do for the demonstration."""

    make_world: Callable[[Path], None]  # writes spreadsheets, images, registry, rules, deliveries.json and truth.json
    make_home: Callable[[Home, Path], None]  # home, world: by its registry and rules
    deliver: Callable[[Home, str, str, Path], None]  # home, site, kind, path
    watch: Callable[[Home], AbstractContextManager[Watched]]
    differences: Callable[[Home, Mapping[str, Any]], Sequence[str]]  # home, truth
    visitors: Callable[[Home, Mapping[str, str]], Sequence[str]]  # home, addresses by role: who may look, told in lines
    longest_wait: float  # seconds after the last delivery in which deadlines of the world still pass


def run_demo(parts: Parts, directory: Path | None, *, once: bool, console: Console) -> int:
    """Plays the demonstration; with ``once`` to its end, else until Ctrl-C.

    Returns:
        0 when the outcome equals the truth (or somebody pressed Ctrl-C), 1 when it does not.

    Raises:
        HomeError: the folder is not empty.
        ChildError: the set-up does not come up.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with everything that was started
    with ExitStack() as stack:
        root = _folder(directory, stack)
        world, home = root / "world", Home(root / "home")
        console.print(f"Inventing sites and their patients in {world} ...")
        parts.make_world(world)
        parts.make_home(home, world)
        console.print("Starting the broker, the sender and the workers ...")
        running = stack.enter_context(_set_up(home))
        if not once:
            for line in parts.visitors(home, running.listeners):
                console.print(line, highlight=False)
        watched = stack.enter_context(parts.watch(home))
        try:
            return _play(parts, home, world, watched, once=once, console=console)
        except KeyboardInterrupt:
            return 0


def _folder(directory: Path | None, stack: ExitStack) -> Path:
    if directory is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nccid-demo-")))
    if directory.exists() and any(directory.iterdir()):
        raise HomeError(f"{directory} is not empty; choose another --dir, nothing was changed")
    return directory


@contextmanager
def _set_up(home: Home) -> Iterator[Running]:
    """``nccid up`` on any free port, as its own process; stopped at the end."""
    home.logs.mkdir(parents=True, exist_ok=True)
    with (home.logs / "up.log").open("wb") as output:
        command = own_command("up", "--dir", str(home.root), *ANY_PORTS)
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # the demonstration has one thread
        )
    try:
        until = time.monotonic() + _READY_SECONDS
        while (running := find_running(home)) is None:
            if process.poll() is not None or time.monotonic() > until:
                raise ChildError(f"the set-up did not come up:\n{(home.logs / 'up.log').read_text(errors='replace')}")
            time.sleep(0.1)
        yield running
    finally:
        process.terminate()
        process.wait()


def _play(parts: Parts, home: Home, world: Path, watched: Watched, *, once: bool, console: Console) -> int:
    deliveries = json.loads((world / "deliveries.json").read_text(encoding="utf-8"))
    with Live(console=console, auto_refresh=False, transient=once) as live:
        began = time.monotonic()
        for delivery in deliveries:
            due = began + delivery["at"] * (ONCE_PLAY_SECONDS if once else PLAY_SECONDS)
            _show_until(due, watched, live)
            parts.deliver(home, delivery["site"], delivery["kind"], world / delivery["path"])
        _settle(watched, live, time.monotonic() + parts.longest_wait)
    differences = _compared(parts, home, world)
    if once:
        console.print(watched.tables())
    _say(differences, len(deliveries), time.monotonic() - began, console)
    if not once:
        console.print(f"Everything goes on running; the home is {home.root}. Press Ctrl-C to end.")
        while True:
            time.sleep(1)
    return 1 if differences else 0


def _show_until(due: float, watched: Watched, live: Live) -> None:
    while True:
        live.update(watched.tables(), refresh=True)
        left = due - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _FRAME_SECONDS))


def _settle(watched: Watched, live: Live, earliest: float) -> None:
    """Waits until nothing new has come for a moment; a deadline may pass until ``earliest``, and be told a moment later."""
    until, seen, quiet_since = time.monotonic() + _SETTLE_SECONDS, watched.changes, earliest
    while time.monotonic() < until and time.monotonic() - quiet_since < _QUIET_SECONDS:
        if watched.changes != seen:
            seen, quiet_since = watched.changes, max(earliest, time.monotonic())
        _show_until(time.monotonic() + _FRAME_SECONDS, watched, live)


def _compared(parts: Parts, home: Home, world: Path) -> Sequence[str]:
    truth = json.loads((world / "truth.json").read_text(encoding="utf-8"))
    until = time.monotonic() + _SETTLE_SECONDS
    while (differences := parts.differences(home, truth)) and time.monotonic() < until:
        time.sleep(_QUIET_SECONDS)
    return differences


def _say(differences: Sequence[str], deliveries: int, seconds: float, console: Console) -> None:
    if not differences:
        console.print(
            f"{deliveries} deliveries in {seconds:.0f} s: the outcome equals the truth, for every site and every patient."
        )
        return
    console.print(f"The outcome differs from the truth in {len(differences)} places:")
    for difference in differences[:50]:
        console.print(f"  {difference}")
