"""The writer: takes what the stagers bring, as many images in one commit as wait; says when studies have settled; counts.

reads   what receivers and watcher say
writes  the outbox and the store, through the intake
keeps   nothing of its own: which studies are open stands in the outbox, so it knows them after a restart
rejects nothing; what cannot be taken is told to be sent again
"""

import contextlib
import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeVar

from edge.node.counting import Counting
from edge.node.desk import DECODE, ENCODE, Brought, Closed, Done
from edge.sending.outbox import Outbox
from edge.store.intake import Delivery, Intake, Staged, Taken
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.rules import Rules
from schemas.sites import Sites

_log = logging.getLogger(__name__)
_MOST = 256  # images in one commit
_LOOK_SECONDS = 0.5  # between looks for studies that have settled
_SAY_AGAIN = 60.0  # seconds before the same is logged again

Clock = Callable[[], dt.datetime]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An image that was brought, and who waits for the answer."""

    brought: Brought
    who: Connection


class Writer:
    """The one thread that takes images, and a thread for each process that brings some."""

    def __init__(self, outbox: Outbox, intake: Intake, sites: Sites, rules: Rules, counting: Counting, clock: Clock) -> None:
        self._outbox = outbox
        self._intake = intake
        self._sites = sites
        self._rules = rules
        self._books = {code: intake.book(site, "node") for code, site in sites.items()}
        self._counting = counting
        self._clock = clock
        self._waiting: queue.Queue[_Waiting] = queue.Queue()
        self._said: dict[str, float] = {}

    def hear(self, connection: Connection, line_closed: Callable[[], None]) -> None:
        """Listens to one process until it ends; passes on that one of its lines is closed."""
        while True:
            try:
                said = DECODE.decode(connection.recv_bytes())
            except (EOFError, OSError):
                return
            if isinstance(said, Brought):
                self._waiting.put(_Waiting(said, connection))
            else:
                self._counting.count(said)
                if isinstance(said, Closed):
                    line_closed()

    def run(self, stop: threading.Event) -> None:
        """Takes, and settles, until told to stop and nobody waits any more."""
        look_at = 0.0
        while True:
            batch = self._next()
            if batch:
                self._take(batch)
            if time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + _LOOK_SECONDS
            if not batch:
                self._guarded(lambda: self._intake.tidy(self._clock()))
                if stop.is_set():
                    return

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        try:
            batch.append(self._waiting.get(timeout=_LOOK_SECONDS))
            while len(batch) < _MOST:
                batch.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _take(self, batch: Sequence[_Waiting]) -> None:
        """Takes a batch; when that fails, each alone, so that one that cannot be taken harms no other."""
        deliveries = [self._delivery(each.brought) for each in batch]
        taken = self._guarded(lambda: self._intake.take(deliveries, self._clock(), settled=False))
        if taken is not None:
            for each, came_of_it in zip(batch, taken, strict=True):
                _answer(each, came_of_it)
        elif len(batch) == 1:
            _answer(batch[0], None)
        else:
            for each in batch:
                self._take([each])

    def _delivery(self, brought: Brought) -> Delivery:
        staged = Staged(
            instance=brought.instance, patient=brought.patient, study=brought.study, file=brought.file, staged=brought.staged
        )
        return Delivery(self._sites[brought.site], brought.origin, staged)

    def _look(self) -> None:
        """Settles studies, and looks how things are."""
        for code in self._books:
            self._guarded(lambda code=code: self._settle(code))  # type: ignore[misc]  # the loop's own variable
        self._counting.look({code: self._open(code) for code in self._books})

    def _settle(self, code: str) -> None:
        if self._open(code):
            with self._outbox.transaction(self._clock()) as transaction:
                self._books[code].settle(transaction, self._rules.at(code).settling)

    def _open(self, code: str) -> int:
        ((count,),) = self._outbox.query("SELECT count(*) FROM study WHERE site = ? AND open_since IS NOT NULL", code)
        return int(count)

    def _guarded(self, work: Callable[[], T]) -> T | None:
        """What the work answers; None where it failed, which is logged and to be tried again."""
        try:
            return work()
        except (WorkFailedError, UnusableInputError) as error:
            self._say(str(error))
        except Exception as error:  # noqa: BLE001  # whoever waits must have an answer; the words may quote what was to be taken
            self._say(f"taking images failed, please report: {type(error).__name__}")
        return None

    def _say(self, trouble: str) -> None:
        """Logs trouble, the same only now and then."""
        now = time.monotonic()
        if now - self._said.get(trouble, -_SAY_AGAIN) >= _SAY_AGAIN:
            _log.error("%s", trouble)
            self._said[trouble] = now


def _answer(waiting: _Waiting, taken: Taken | None) -> None:
    """Tells who waits; who has ended meanwhile will send again."""
    with contextlib.suppress(OSError):
        waiting.who.send_bytes(ENCODE.encode(Done(number=waiting.brought.number, taken=taken)))
