"""A receiver: a process that talks to callers. It de-identifies each object in memory, stages it, and answers once it is taken.

    reads   connections that the gate hands over, each with whether there is room for it
    writes  the store's staging folder; what it staged, to the writer
    rejects callers whose AE title is no site's, or who call another node (A-ASSOCIATE-RJ); objects with a status and a comment
"""

import logging
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from edge.deidentify.deidentify import Deidentified, Deidentifier
from edge.node.classes import BELONGING, contexts
from edge.node.desk import Closed, Counted, Desk, WriterGoneError
from edge.node.line import Line, Received, Terms
from edge.node.settings import NodeSettings, Tls
from edge.node.verdicts import (
    NO_ROOM,
    NOT_BELONGING,
    OPTED_OUT,
    OTHER_OBJECT,
    TOO_LONG,
    TROUBLE,
    Answer,
    Verdict,
    answer_to,
)
from edge.store.folder import Staging, Store, StoreError, StoreFullError
from edge.store.intake import Staged, Taken, stage
from identity.pseudonyms import Pseudonymiser
from schemas.sites import Site

_log = logging.getLogger(__name__)

ROOM, FULL = b"r", b"f"
"""What the gate sends along with a connection."""

_ANSWERS = {Taken.STORED: Answer(Verdict.STORED), Taken.RESENT: Answer(Verdict.RESENT), Taken.WITHDRAWN: OPTED_OUT, None: TROUBLE}
_REJECT_FULL = (0x02, 0x03, 0x02)  # transient, presentation, local limit exceeded: PS3.8 table 9-21
_PATIENCE = 2.0  # seconds for objects that are being stored when the node stops
_PLAIN = re.compile(r"[^A-Za-z0-9_. -]")


@dataclass(frozen=True, slots=True)
class Kit:
    """What stagers work with."""

    settings: NodeSettings
    store: Store
    staging: Staging
    pseudonymiser: Pseudonymiser
    callers: Mapping[str, Site]  # by AE title


class Receiver:
    """Runs in a process of its own."""

    def __init__(self, kit: Kit, desk: Desk) -> None:
        settings = kit.settings
        self._kit = kit
        self._desk = desk
        self._deidentifier: Callable[[str], Deidentifier] = cache(self._of_site)
        ae = AE(settings.ae_title)
        ae.require_called_aet = True
        ae.require_calling_aet = list(kit.callers)
        ae.maximum_associations = settings.associations + len(kit.callers) + 1_000  # the gate counts
        tls = None if settings.tls is None else tls_context(settings.tls)
        limits = (settings.pdu_bytes, settings.object_bytes, settings.idle_seconds)
        self._terms = Terms(ae, settings.ae_title, contexts(), *limits, tls)
        self._busy = 0
        self._lock = threading.Lock()

    def run(self, gate: socket.socket) -> None:
        """Serves callers until the gate closes; what is being stored then is finished."""
        listening = threading.Thread(target=self._listen, daemon=True)
        listening.start()
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
            self.closed(admitted=False, reason="gone")
        else:
            line.start()

    def closed(self, *, admitted: bool, reason: str) -> None:
        """A line is closed."""
        self._say(Closed(admitted=admitted, reason=reason))

    def store(self, site: Site, event: evt.Event) -> Dataset:
        """Answers a C-STORE: de-identifies, stages, waits until it is taken."""
        began = time.perf_counter()
        with self._lock:
            self._busy += 1
        try:
            received = event.request.DataSet
            answer = self._answer(site, event, received)
            seconds = time.perf_counter() - began
            self._say(Counted(site=site.code, verdict=answer.verdict, octets=received.length, seconds=seconds))
        finally:
            with self._lock:
                self._busy -= 1
        return answer.dataset()

    def _answer(self, site: Site, event: evt.Event, received: Received) -> Answer:
        if event.request.AffectedSOPClassUID not in BELONGING:
            return NOT_BELONGING
        if received.is_too_long:
            return TOO_LONG
        if self._kit.store.free() - received.length < self._kit.settings.free_bytes:
            return NO_ROOM
        with received.getbuffer() as encoded:
            found = self._deidentifier(site.code).object(encoded, str(event.context.transfer_syntax))
            if not isinstance(found, Deidentified):
                return answer_to(found)
            if found.instance.instance_uid != str(event.request.AffectedSOPInstanceUID).strip(" \0"):
                return OTHER_OBJECT
            try:
                staged = stage(found, self._kit.staging)
            except StoreFullError:
                return NO_ROOM
            except StoreError as error:
                _log.error("%s", error)  # noqa: TRY400  # its words say it all
                return TROUBLE
            finally:
                del found  # it holds views of the buffer
        return _ANSWERS[self._taken(site, staged)]

    def _taken(self, site: Site, staged: Staged) -> Taken | None:
        try:
            return self._desk.hand_in(site.code, "node", staged).result()
        except WriterGoneError:
            return None

    def _say(self, what: Counted | Closed) -> None:
        try:
            self._desk.say(what)
        except WriterGoneError:
            pass  # this process is about to end

    def _of_site(self, code: str) -> Deidentifier:
        site = next(site for site in self._kit.callers.values() if site.code == code)
        return Deidentifier(site, self._kit.pseudonymiser)

    def site_of(self, title: str) -> Site | None:
        """The site of an AE title."""
        return self._kit.callers.get(title.strip())


class _Caller(Line):
    """A line, and whose it is."""

    def __init__(self, terms: Terms, connection: socket.socket, receiver: Receiver, *, full: bool) -> None:
        handlers = (
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_C_STORE, self._store),
        )
        super().__init__(terms, connection, handlers, self._closed)
        self._receiver = receiver
        self._full = full
        self._reason = ""

    def _requested(self, _: evt.Event) -> None:
        if self._full:
            self._reason = "full"
            _log.warning("a caller at %s was refused: as many are being served as are allowed", self.requestor.address)
            self.acse.send_reject(*_REJECT_FULL)
            self.kill()

    def _rejected(self, _: evt.Event) -> None:
        asked = self.requestor.primitive
        calling, called = (_PLAIN.sub("?", title or "") for title in (asked.calling_ae_title, asked.called_ae_title))
        if self._receiver.site_of(calling) is None:
            self._reason = "unknown-caller"
            what = "no site in sites.toml has this AE title"
        else:
            self._reason = "other-node"
            what = f"it called {called}, and this node is {self._terms.title}"
        _log.warning("%s at %s was refused: %s", calling, self.requestor.address, what)

    def _store(self, event: evt.Event) -> Dataset:
        site = self._receiver.site_of(self.requestor.ae_title)
        assert site is not None, "the association was accepted"  # noqa: S101  # what pynetdicom has checked
        return self._receiver.store(site, event)

    def _closed(self) -> None:
        self._receiver.closed(admitted=bool(self._accepted_cx), reason=self._reason)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """TLS for lines: 1.2 or newer, callers with a certificate of the authority where one is given (PS3.15 annex B).

    Raises:
        OSError: a file is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.authority)
    context.load_cert_chain(tls.certificate, tls.key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
