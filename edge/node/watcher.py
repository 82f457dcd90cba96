"""The watcher: a process that takes DICOM files from a watched folder, in which each site has a folder of its own.

    reads   ``<watched>/<SITE>/...``: files that have stopped growing
    writes  the store's staging folder; what it staged, to the writer
    keeps   nothing: what lies in the folder is still to be taken
    rejects what cannot be taken into ``<watched>/refused/<SITE>/...``, with the reason in a file beside it

The files of a hospital say who the patient is. One is deleted once its de-identified copy is durable, and that of a patient who has
opted out at once. What could not be stored for a reason of ours is left where it is, and tried again.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from edge.deidentify.deidentify import Deidentified, Deidentifier
from edge.images.folders import files
from edge.node.desk import Counted, Desk, WriterGoneError
from edge.node.receiver import Kit
from edge.node.verdicts import NO_ROOM, TROUBLE, Answer, Verdict, answer_to
from edge.store.folder import StoreError, StoreFullError
from edge.store.intake import Taken, stage

_log = logging.getLogger(__name__)

REFUSED = "refused"
REASON = ".reason.txt"
_LOOK_SECONDS = 1.0
_GROWN_SECONDS = 2.0  # for which a file's size and time have to stay as they are
_MOST = 64  # files staged before their answers are waited for

_State = tuple[int, int]  # size, time of change
_VERDICTS = {Taken.STORED: Verdict.STORED, Taken.RESENT: Verdict.RESENT, Taken.WITHDRAWN: Verdict.WITHDRAWN}


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
        self._kit = kit
        self._desk = desk
        self._root = kit.settings.watch
        self._sites = {site.code: site for site in kit.callers.values()}
        self._ripening = {code: Ripening(clock) for code in self._sites}
        self._deidentifiers: dict[str, Deidentifier] = {}
        self._said = ""

    def run(self, gate: socket.socket) -> None:
        """Looks again and again, until the gate closes."""
        gate.settimeout(_LOOK_SECONDS)
        while True:
            try:
                if not gate.recv(1):
                    return
            except TimeoutError:
                self.look()

    def look(self) -> None:
        """Takes the files that have stopped growing."""
        try:
            for code in self._sites:
                folder = self._root / code
                if folder.is_dir():
                    self._site(code, folder)
        except WriterGoneError:
            os._exit(0)  # without the writer there is nothing to be done
        except OSError as error:
            self._say(f"the watched folder {self._root} cannot be used ({error.strerror})")

    def _site(self, code: str, folder: Path) -> None:
        ripe = self._ripening[code].ripe(found.path for found in files([folder]) if not (found.excluded or found.failed))
        for start in range(0, len(ripe), _MOST):
            handed = [(path, self._bring(code, path), path.stat().st_size) for path in ripe[start : start + _MOST]]
            for path, brought, size in handed:
                self._finish(code, path, brought, size)

    def _bring(self, code: str, path: Path) -> "Answer | Future[Taken | None]":
        """Stages a file and hands it in; or says why not."""
        if code not in self._deidentifiers:
            self._deidentifiers[code] = Deidentifier(self._sites[code], self._kit.pseudonymiser)
        if self._kit.store.free() < self._kit.settings.free_bytes:
            return NO_ROOM
        found = self._deidentifiers[code].file(path)
        if not isinstance(found, Deidentified):
            return answer_to(found)
        try:
            return self._desk.hand_in(code, "folder", stage(found, self._kit.staging))
        except StoreFullError:
            return NO_ROOM
        except StoreError as error:
            self._say(str(error))
            return TROUBLE

    def _finish(self, code: str, path: Path, brought: "Answer | Future[Taken | None]", size: int) -> None:
        began = time.perf_counter()
        if isinstance(brought, Future):
            taken = brought.result()
            answer = TROUBLE if taken is None else Answer(_VERDICTS[taken])
        else:
            answer = brought
        match answer.verdict:
            case Verdict.STORED | Verdict.RESENT | Verdict.WITHDRAWN:
                path.unlink()
            case Verdict.REFUSED:
                self._say(answer.problem)
            case _:
                self._refuse(code, path, answer.problem)
        self._desk.say(Counted(site=code, verdict=answer.verdict, octets=size, seconds=time.perf_counter() - began))

    def _refuse(self, code: str, path: Path, problem: str) -> None:
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
