"""One caller's line: pynetdicom's association, made to carry images fast, and bounded in what it takes.

What differs from pynetdicom as it comes, each found by measuring (decision 16): the socket is read in one go and not 4 kB at a
time; a data PDU is not copied five times; threads wait for what they wait for, and do not look every millisecond; an object
that is too long is read and thrown away, so that the caller can be told, and a PDU that is too long ends the line.
"""

import contextlib
import logging
import os
import queue
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.dimse_primitives import C_STORE, DimseServiceType
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AddressInformation, AssociationSocket

_config.LOG_HANDLER_LEVEL = "none"  # what it would log quotes what the caller sent
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)

_PATIENCE = 0.05  # seconds for which a thread waits before it looks whether it is to end
_P_DATA = 0x04
_PDU_HEAD, _ITEM_HEAD = 6, 5  # PS3.8 section 9.3.5

Handler = tuple[evt.EventType, Callable[..., Any]]
Store = Callable[[C_STORE, str], tuple[int, str]]
"""Does what a C-STORE asks, whose data set came in this transfer syntax; answers with status and comment."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every line."""

    ae: AE
    title: str
    pdu_bytes: int
    object_bytes: int
    idle_seconds: float
    tls: ssl.SSLContext | None


class Received(BytesIO):
    """A data set as it comes in; beyond the limit nothing is kept of it."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self.length = 0

    @property
    def is_too_long(self) -> bool:
        """Whether nothing was kept."""
        return self.length > self._limit

    def write(self, data: Any, /) -> int:  # noqa: ANN401  # as BytesIO
        """Adds what came."""
        self.length += len(data)
        if self.is_too_long:
            self.seek(0)
            self.truncate()
            return len(data)
        return super().write(data)


class Line(Association):
    """One caller."""

    def __init__(
        self,
        terms: Terms,
        connection: socket.socket,
        handlers: Sequence[Handler],
        store: Store,
        when_closed: Callable[[], None],
    ) -> None:
        """Takes over the connection; ``start`` begins to talk."""
        super().__init__(terms.ae, "acceptor")
        self._terms = terms
        self._store = store
        self._when_closed = when_closed
        self.dul = _Upper(self)
        self.dimse = _Messages(self, terms.object_bytes)
        self.acse_timeout = self.network_timeout = terms.idle_seconds
        connection.settimeout(terms.idle_seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = _Wire(self, connection, terms.pdu_bytes)
        self.set_socket(self.wire)
        self.acceptor.maximum_length = terms.pdu_bytes
        self.acceptor.ae_title = terms.title
        self.acceptor.address_info = AddressInformation.from_tuple(connection.getsockname())
        self.requestor.address_info = AddressInformation.from_tuple(connection.getpeername())
        self.acceptor.implementation_class_uid = terms.ae.implementation_class_uid
        self.acceptor.implementation_version_name = terms.ae.implementation_version_name
        for event, handler in handlers:
            self.bind(event, handler)

    def run_reactor(self) -> None:
        """The line's life, in a thread of its own."""
        try:
            if self._terms.tls is not None and self.wire.socket is not None:
                self.wire.socket = self._terms.tls.wrap_socket(self.wire.socket, server_side=True)
            super().run_reactor()
        except OSError:
            pass  # no TLS, or none that we speak: there is nobody to be told
        finally:
            self.kill()
            self.wire.hang_up()
            self._when_closed()

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        """Answers a C-STORE of whatever class, also one that pynetdicom does not know and would cut the line for."""
        context = self._accepted_cx.get(context_id)
        if not isinstance(msg, C_STORE) or context is None or msg.MessageID is None:
            super()._serve_request(msg, context_id)
            return
        answer = C_STORE()
        answer.MessageID = answer.MessageIDBeingRespondedTo = msg.MessageID
        answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID = msg.AffectedSOPClassUID, msg.AffectedSOPInstanceUID
        answer.Status, comment = self._store(msg, str(context.transfer_syntax[0]))
        if comment:
            answer.ErrorComment = comment  # type: ignore[assignment]  # pynetdicom declares no text here, and encodes it
        self.dimse.send_msg(answer, context_id)


class _Bell(queue.Queue[Any]):
    """A queue that wakes who waits for the socket."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ANN401, FBT001, FBT002  # as Queue
        super().put(item, block, timeout)
        with contextlib.suppress(OSError):  # closed: there is nobody to be woken any more
            os.eventfd_write(self.descriptor, 1)

    def heard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.descriptor)

    def close(self) -> None:
        """Lets go of what wakes others."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()


class _Wire(AssociationSocket):
    """The connection, read in long pieces."""

    def __init__(self, line: Line, connection: socket.socket, longest: int) -> None:
        super().__init__(line, client_socket=connection)
        self._longest = longest
        self._bell: _Bell = line.dul.bell  # type: ignore[attr-defined]  # it is our own provider
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._poll.register(self._bell.descriptor, select.POLLIN)

    @property
    def ready(self) -> bool:
        """Whether something has come; waits a moment for it, or until there is something to send."""
        connection = self.socket
        if connection is None or not self._is_connected:
            return False
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        try:
            heard = {descriptor for descriptor, _ in self._poll.poll(_PATIENCE * 1000)}
            if self._bell.descriptor in heard:
                self._bell.heard()
            return connection.fileno() in heard
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # the connection is closed
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """So many bytes; fewer where the connection ends.

        Raises:
            OSError: the connection is broken, or the PDU longer than was agreed.
        """
        if nr_bytes > self._longest + _PDU_HEAD or self.socket is None:
            raise OSError
        whole = bytearray(nr_bytes)
        view, have = memoryview(whole), 0
        while have < nr_bytes:
            came = self.socket.recv_into(view[have:])
            if not came:
                break
            have += came
        view.release()
        del whole[have:]
        return whole

    def hang_up(self) -> None:
        """Closes the connection, whatever state it is in."""
        connection, self.socket = self.socket, None
        if connection is not None:
            connection.close()
        if not self.assoc.dul.is_alive():
            self._bell.close()


@dataclass(frozen=True, slots=True)
class _Data:
    """A P-DATA-TF PDU: its values, not copied."""

    values: list[tuple[int, memoryview]]

    def to_primitive(self) -> P_DATA:
        primitive = P_DATA()
        primitive._presentation_data_value_list = self.values  # type: ignore[assignment]  # noqa: SLF001  # views will do; the setter wants bytes
        return primitive


class _Upper(DULServiceProvider):
    """The upper layer, which cuts data PDUs into views."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.bell = self.to_provider_queue = _Bell()
        self._run_loop_delay = 0  # ``_Wire.ready`` waits
        self.daemon = True

    def _decode_pdu(self, bytestream: bytearray) -> tuple[Any, str]:
        if bytestream[0] != _P_DATA:
            return super()._decode_pdu(bytestream)
        return _Data(_values(memoryview(bytestream))), "Evt10"


def _values(pdu: memoryview) -> list[tuple[int, memoryview]]:
    """The presentation data values of a PDU: context, and control header with fragment (PS3.8 section 9.3.5.1)."""
    values, at = [], _PDU_HEAD
    while at < len(pdu):
        end = at + 4 + int.from_bytes(pdu[at : at + 4], "big")
        if end > len(pdu) or end <= at + _ITEM_HEAD:
            raise ValueError("a presentation data value does not end where it says")
        values.append((pdu[at + 4], pdu[at + _ITEM_HEAD : end]))
        at = end
    return values


class _Messages(DIMSEServiceProvider):
    """The messages, each of which is waited for, and none longer than the limit."""

    def __init__(self, line: Line, limit: int) -> None:
        super().__init__(line)
        self._limit = limit

    def get_msg(self, block: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002  # as pynetdicom
        if block:
            return super().get_msg(block=True)
        try:
            return self.msg_queue.get(timeout=_PATIENCE)
        except queue.Empty:
            return None, None

    def receive_primitive(self, primitive: P_DATA) -> None:
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.data_set = Received(self._limit)
        super().receive_primitive(primitive)
