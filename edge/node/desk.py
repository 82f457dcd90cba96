"""Between the processes that stage images and the writer that takes them: what is said, and the stager's end of it."""

import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection

import msgspec

from edge.images.headers import Instance
from edge.node.verdicts import Verdict
from edge.store.intake import Staged, Taken
from schemas.records import Origin


class Brought(msgspec.Struct, frozen=True, tag=True):
    """An image is staged: take it. ``number`` is repeated in the answer."""

    number: int
    site: str
    origin: Origin
    instance: Instance
    patient: str
    study: str
    file: str
    staged: str


class Counted(msgspec.Struct, frozen=True, tag=True):
    """An object is done with."""

    site: str
    verdict: Verdict
    octets: int
    seconds: float


class Closed(msgspec.Struct, frozen=True, tag=True):
    """A line is closed."""

    reason: str  # why it had been refused; empty where it was not


class Done(msgspec.Struct, frozen=True):
    """What came of a staged image; None where it could not be taken."""

    number: int
    taken: Taken | None


Said = Brought | Counted | Closed

DECODE = msgspec.msgpack.Decoder(Said)
ENCODE = msgspec.msgpack.Encoder()
_ANSWER = msgspec.msgpack.Decoder(Done)


class WriterGoneError(Exception):
    """The writer's process has ended: nothing can be taken any more."""


class Desk:
    """A stager's end: any number of threads hand in images, and wait for what came of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Taken | None]] = {}
        self._last = 0

    def hand_in(self, site: str, origin: Origin, staged: Staged) -> "Future[Taken | None]":
        """Asks for an image to be taken.

        Returns:
            What will have come of it; None where it could not be taken, and should be sent again.

        Raises:
            WriterGoneError: nobody takes it any more.
        """
        future: Future[Taken | None] = Future()
        with self._lock:
            self._last += 1
            self._waiting[self._last] = future
            self._send(
                Brought(
                    number=self._last,
                    site=site,
                    origin=origin,
                    instance=staged.instance,
                    patient=staged.patient,
                    study=staged.study,
                    file=staged.file,
                    staged=staged.staged,
                )
            )
        return future

    def say(self, what: Counted | Closed) -> None:
        """Tells what is only counted.

        Raises:
            WriterGoneError: nobody counts any more.
        """
        with self._lock:
            self._send(what)

    def _send(self, what: Said) -> None:
        try:
            self._connection.send_bytes(ENCODE.encode(what))
        except OSError:
            raise WriterGoneError from None

    def listen(self) -> None:
        """Passes answers on to those who wait, until the writer is gone."""
        while True:
            try:
                done = _ANSWER.decode(self._connection.recv_bytes())
            except (EOFError, OSError):
                break
            with self._lock:
                future = self._waiting.pop(done.number)
            future.set_result(done.taken)
        with self._lock:
            for future in self._waiting.values():
                future.set_exception(WriterGoneError())
