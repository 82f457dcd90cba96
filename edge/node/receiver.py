"""A receiver: a process that talks to callers. It de-identifies each object in memory, stages it, and answers once it is taken.

reads   connections that the gate hands over, each with whether there is room for it
writes  the store's staging folder; what it staged, to the writer
rejects callers whose AE title is no site's, or who call another node (A-ASSOCIATE-RJ); objects with a status and a comment
"""

import contextlib
import gc
import logging
import os
import re
import socket
import threading
import time
from typing import cast

from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import A_ASSOCIATE

from edge.deidentify.deidentify import Deidentified
from edge.node.classes import BELONGING, acceptable
from edge.node.desk import Closed, Counted, Desk, WriterGoneError
from edge.node.line import Line, Received, Terms
from edge.node.settings import tls_context
from edge.node.stager import Kit, Stager
from edge.node.verdicts import INCOMPLETE, NO_ROOM, NOT_BELONGING, OTHER_OBJECT, TOO_LONG, TROUBLE, Answer
from schemas.sites import Site

_log = logging.getLogger(__name__)

ROOM, FULL = b"r", b"f"
"""What the gate sends along with a connection."""

_REJECT_FULL = (0x02, 0x03, 0x02)  # transient, presentation, local limit exceeded: PS3.8 table 9-21
_PATIENCE = 2.0  # seconds for objects that are being stored when the node stops
_STRANGE = re.compile(r"[^A-Za-z0-9_. -]")


class Receiver:
    """Runs in a process of its own."""

    def __init__(self, kit: Kit, desk: Desk) -> None:
        settings = kit.settings
        self._callers = kit.callers
        self._desk = desk
        self._stager = Stager(kit, desk, "node")
        ae = AE(settings.ae_title)
        ae.require_called_aet = True
        ae.require_calling_aet = list(kit.callers)
        ae.maximum_associations = 1_000_000  # the gate counts
        limits = (settings.pdu_bytes, settings.object_bytes, settings.idle_seconds)
        self._terms = Terms(ae, settings.ae_title, *limits, None if settings.tls is None else tls_context(settings.tls))
        self._busy = 0
        self._lock = threading.Lock()

    def run(self, gate: socket.socket) -> None:
        """Serves callers until the gate closes; what is being stored then is finished."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            message, descriptors, _, _ = socket.recv_fds(gate, 1, 1)
            if not message:
                break
            for descriptor in descriptors:
                self._admit(socket.socket(fileno=descriptor), full=message == FULL)
        until = time.monotonic() + _PATIENCE
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)

    def _listen(self) -> None:
        self._desk.listen()
        os._exit(0)  # without the writer there is nothing to be done

    def _admit(self, connection: socket.socket, *, full: bool) -> None:
        try:
            line = _Caller(self._terms, connection, self, full=full)
        except OSError:  # gone already
            connection.close()
            self.say(Closed(reason=""))
        else:
            line.start()

    def store(self, title: str, request: C_STORE, syntax: str) -> Answer:
        """Does what a C-STORE asks, whose caller was let in by this title: de-identifies, stages, waits until it is taken."""
        began = time.perf_counter()
        site = self._callers[title.strip()]
        received = cast("Received", request.DataSet or Received(0))
        with self._lock:
            self._busy += 1
        try:
            answer = self._answer(site, request, received, syntax)
            seconds = time.perf_counter() - began
            self.say(Counted(site=site.code, verdict=answer.verdict, octets=received.length, seconds=seconds))
        finally:
            with self._lock:
                self._busy -= 1
        return answer

    def _answer(self, site: Site, request: C_STORE, received: Received, syntax: str) -> Answer:
        if not request.is_valid_request:
            return INCOMPLETE
        if request.AffectedSOPClassUID not in BELONGING:
            return NOT_BELONGING
        if received.is_too_long:
            return TOO_LONG
        if not self._stager.has_room(received.length):
            return NO_ROOM
        found = self._stager.deidentifier(site).object(received.getbuffer(), syntax)
        if isinstance(found, Deidentified) and found.instance.instance_uid != str(request.AffectedSOPInstanceUID).strip(" \0"):
            return OTHER_OBJECT
        return self._stager.bring(site, found).answer()

    def say(self, what: Counted | Closed) -> None:
        """Tells what is only counted."""
        with contextlib.suppress(WriterGoneError):  # this process is about to end
            self._desk.say(what)

    def knows(self, title: str) -> bool:
        """Whether a site has this AE title."""
        return title.strip() in self._callers


class _Caller(Line):
    """A line, and whose it is."""

    def __init__(self, terms: Terms, connection: socket.socket, receiver: Receiver, *, full: bool) -> None:
        handlers = (
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
        )
        super().__init__(terms, connection, handlers, self._stored, self._closed)
        self._receiver = receiver
        self._full = full
        self._reason = ""

    @property
    def _asked(self) -> A_ASSOCIATE:
        """What the caller has asked for."""
        return cast("A_ASSOCIATE", self.requestor.primitive)

    def _requested(self, _: evt.Event) -> None:
        if not self._full:
            self.acceptor.supported_contexts = acceptable(self._asked.presentation_context_definition_list)
            return
        self._reason = "full"
        _log.warning("a caller at %s was refused: as many are being served as are allowed", self.requestor.address)
        self.acse.send_reject(*_REJECT_FULL)
        self.kill()

    def _rejected(self, _: evt.Event) -> None:
        calling, called = (
            _STRANGE.sub("?", title or "") for title in (self._asked.calling_ae_title, self._asked.called_ae_title)
        )
        if not self._receiver.knows(calling):
            self._reason = "unknown-caller"
            what = "no site in sites.toml has this AE title"
        else:
            self._reason = "other-node"
            what = f"it called {called}, and this node is {self.acceptor.ae_title}"
        _log.warning("%s at %s was refused: %s", calling, self.requestor.address, what)

    def _stored(self, request: C_STORE, syntax: str) -> tuple[int, str]:
        try:
            return self._receiver.store(self.requestor.ae_title, request, syntax).told()
        except Exception as error:  # noqa: BLE001  # the caller must have an answer; the words may quote what was sent
            _log.error("storing an object failed, please report: %s", type(error).__name__)
            return TROUBLE.told()

    def _closed(self) -> None:
        gc.collect()  # closed lines are rings of references, and so few that Python by itself would come to them too late
        self._receiver.say(Closed(reason=self._reason))
