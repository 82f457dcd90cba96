"""The watcher: a process that takes DICOM files from a watched folder, in which each site has a folder of its own.

    reads   ``<watched>/<SITE>/...``: files that have stopped growing
    writes  the store's staging folder; what it staged, to the writer
    keeps   nothing: what lies in the folder is still to be taken
    rejects what cannot be taken into ``<watched>/refused/<SITE>/...``, with the reason in a file beside it

The files of a hospital say who the patient is. Each is deleted once its de-identified copy is durable, those of a patient who has
opted out at once. What could not be stored for a reason of ours is left where it is, and tried again.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.images.folders import files
from edge.node.desk import Counted, Desk, WriterGoneError
from edge.node.stager import Brought, Kit, Stager
from edge.node.verdicts import NO_ROOM, Answer, Verdict
from schemas.sites import Site

_log = logging.getLogger(__name__)

REFUSED = "refused"
REASON = ".reason.txt"
_LOOK_SECONDS = 1.0
_GROWN_SECONDS = 2.0  # for which a file's size and time have to stay as they are
_MOST = 64  # files staged before their answers are waited for

_State = tuple[int, int]  # size, time of change


@dataclass
class Ripening:
    """Which files have stopped growing."""

    clock: Callable[[], float]
    _seen: dict[Path, tuple[_State, float]] = field(default_factory=dict)

    def ripe(self, paths: Iterator[Path]) -> list[Path]:
        """Of the files that are there, those that have not changed for a while."""
        now = self.clock()
        before, self._seen = self._seen, {}
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                continue  # gone meanwhile
            state = (status.st_size, status.st_mtime_ns)
            known = before.get(path)
            self._seen[path] = known if known and known[0] == state else (state, now)
        return [path for path, (_, since) in self._seen.items() if now - since >= _GROWN_SECONDS]


class Watcher:
    """Runs in a process of its own."""

    def __init__(self, kit: Kit, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._stager = Stager(kit, desk, "folder")
        self._root = kit.settings.watch
        self._sites = kit.sites
        self._ripening = {code: Ripening(clock) for code in kit.sites}
        self._said = ""

    def run(self, gate: socket.socket) -> None:
        """Looks again and again, until the gate closes."""
        self._make_folders()
        threading.Thread(target=self._listen, daemon=True).start()
        gate.settimeout(_LOOK_SECONDS)
        while True:
            try:
                if not gate.recv(1):
                    return
            except TimeoutError:
                self.look()

    def _make_folders(self) -> None:
        try:
            for code in self._sites:
                (self._root / code).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._say(f"the watched folder {self._root} cannot be used ({error.strerror})")

    def _listen(self) -> None:
        self._desk.listen()
        os._exit(0)  # without the writer there is nothing to be done

    def look(self) -> None:
        """Takes the files that have stopped growing."""
        try:
            for code, site in self._sites.items():
                if (folder := self._root / code).is_dir():
                    self._site(site, folder)
        except WriterGoneError:
            os._exit(0)  # without the writer there is nothing to be done
        except OSError as error:
            self._say(f"the watched folder {self._root} cannot be used ({error.strerror})")

    def _site(self, site: Site, folder: Path) -> None:
        ripe = self._ripening[site.code].ripe(found.path for found in files([folder]) if not (found.excluded or found.failed))
        for start in range(0, len(ripe), _MOST):
            brought = [(path, *self._bring(site, path)) for path in ripe[start : start + _MOST]]
            for path, octets, image in brought:
                began = time.perf_counter()
                answer = image.answer()
                self._finish(path, answer)
                seconds = time.perf_counter() - began
                self._desk.say(Counted(site=site.code, verdict=answer.verdict, octets=octets, seconds=seconds))

    def _bring(self, site: Site, path: Path) -> tuple[int, Brought]:
        octets = path.stat().st_size
        if not self._stager.has_room(octets):
            return octets, Brought(NO_ROOM)
        return octets, self._stager.bring(site, self._stager.deidentifier(site).file(path))

    def _finish(self, path: Path, answer: Answer) -> None:
        match answer.verdict:
            case Verdict.STORED | Verdict.RESENT | Verdict.WITHDRAWN:
                path.unlink()
            case Verdict.REFUSED:
                self._say(answer.problem)
            case _:
                self._refuse(path, answer.problem)

    def _refuse(self, path: Path, problem: str) -> None:
        """Puts a file aside, with the reason beside it; a name that is taken there gets a number."""
        beside = self._root / REFUSED / path.relative_to(self._root)
        beside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, target = 1, beside
        while target.exists():
            number += 1
            target = beside.with_name(f"{beside.name}.{number}")
        path.rename(target)
        target.with_name(target.name + REASON).write_text(problem + "\n", encoding="utf-8")

    def _say(self, what: str) -> None:
        """Logs trouble, the same once."""
        if what != self._said:
            _log.error("%s", what)
            self._said = what
