"""The sender's metrics, as ``schemas.metrics`` declares them."""

from schemas.metrics import SENDER
from web.metrics import collectors, new_registry, serve_metrics


class SenderMetrics:
    """Counts for Prometheus; served only where a port is given."""

    def __init__(self) -> None:
        self._registry = new_registry()
        self._of = collectors(SENDER, self._registry)

    def serve(self, host: str, port: int) -> int:
        """Serves ``/metrics``; the port, which the system chose where 0 was asked for."""
        return serve_metrics(self._registry, host, port)

    def connected(self, depth: int) -> None:
        """The broker answers, and so many messages wait for it."""
        self._of["nccid_sender_connected"].set(1)
        self._of["nccid_sender_outbox_messages"].set(depth)

    def sent(self, count: int, depth: int) -> None:
        """The broker has acknowledged some more."""
        self._of["nccid_sender_sent_total"].inc(count)
        self.connected(depth)

    def away(self) -> None:
        """The broker does not answer."""
        self._of["nccid_sender_connected"].set(0)
