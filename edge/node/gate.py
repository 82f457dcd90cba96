"""The gate: listens, and hands each caller to the receiver that has the fewest; counts lines, so that their number is bounded."""

import logging
import selectors
import socket
import threading
from collections.abc import Sequence

from edge.node.receiver import FULL, ROOM
from schemas.problems import UnusableInputError

_log = logging.getLogger(__name__)
_BACKLOG = 128
_LOOK_SECONDS = 0.2
_TO_BE_TOLD = 16  # callers beyond the limit who are told so; any others are hung up on


class Gate:
    """Where callers come in."""

    def __init__(self, host: str, port: int, associations: int) -> None:
        """Listens.

        Raises:
            UnusableInputError: the address cannot be listened on.
        """
        self._associations = associations
        self._lines: list[int] = []  # open ones, by receiver
        self._lock = threading.Lock()
        try:
            self.socket = socket.create_server((host, port), backlog=_BACKLOG)
        except OSError as error:
            raise UnusableInputError(
                f"the node cannot listen on {host}:{port} ({error.strerror}); see NCCID_HOST and NCCID_PORT"
            ) from None
        self.address: tuple[str, int] = self.socket.getsockname()[:2]

    @property
    def lines(self) -> int:
        """How many are open."""
        with self._lock:
            return sum(self._lines)

    def closed(self, receiver: int) -> None:
        """A receiver's line is closed."""
        with self._lock:
            self._lines[receiver] -= 1

    def serve(self, receivers: Sequence[socket.socket], stop: threading.Event) -> None:
        """Hands callers over until told to stop."""
        self._lines = [0] * len(receivers)
        self.socket.setblocking(False)  # noqa: FBT003  # the socket module's own
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            while not stop.is_set():
                if selector.select(_LOOK_SECONDS):
                    self._admit(receivers)
        self.socket.close()

    def _admit(self, receivers: Sequence[socket.socket]) -> None:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return  # gone already, or no descriptor left: the next look finds out
        with connection:
            connection.setblocking(True)  # noqa: FBT003  # the socket module's own
            with self._lock:
                lines = sum(self._lines)
                receiver = min(range(len(receivers)), key=self._lines.__getitem__)
                if lines >= self._associations + _TO_BE_TOLD:
                    return
                self._lines[receiver] += 1
            try:
                socket.send_fds(receivers[receiver], [ROOM if lines < self._associations else FULL], [connection.fileno()])
            except OSError:
                self.closed(receiver)  # the receiver has ended, which ends the node
