"""The sender: the process that carries messages from the outbox to the broker, at least once, in order, for as long as it takes.

    reads   the outbox
    writes  nccid.raw.rows, nccid.raw.images
    keeps   in the outbox, how far this cluster has acknowledged
    rejects nothing

A message is marked as sent only when the cluster that acknowledged it is, after the acknowledgement, still the one that was asked
before: an embedded broker that was killed and started again in between has another id, and is sent everything from the first on.
"""

import logging
import threading
import time
from collections.abc import Sequence

from edge.broker import Broker, BrokerAwayError
from edge.outbox import Outbox
from schemas.kafka import KafkaSettings
from schemas.topics import RAW_IMAGES, RAW_ROWS

TOPICS = (RAW_ROWS.name, RAW_IMAGES.name)

_log = logging.getLogger(__name__)
_BATCH = 2_000  # messages sent before the acknowledgements are waited for
_IDLE = 0.02  # seconds between looks into the outbox
_SAME_CLUSTER = 0.5  # seconds between questions to an idle broker whether it is still the same
_BACKOFF = (0.1, 2.0)  # seconds before connecting again: first, at most
_SAY_AGAIN = 60.0  # seconds before the same trouble is logged again


class Sender:
    """Drains one outbox into one cluster."""

    def __init__(self, outbox: Outbox, settings: KafkaSettings, topics: Sequence[str] = TOPICS) -> None:
        self._outbox = outbox
        self._settings = settings
        self._topics = topics
        self._said: tuple[str, float] = ("", 0.0)

    def run(self, stop: threading.Event) -> None:
        """Sends until told to stop; a broker that is away is waited for. Ends within seconds of ``stop``.

        Raises:
            OutboxError: the outbox cannot be read or written.
        """
        pause = _BACKOFF[0]
        while not stop.is_set():
            try:
                with Broker(self._settings) as broker:
                    pause = _BACKOFF[0]
                    self._serve(broker, stop)
            except BrokerAwayError as error:
                self._say(f"the broker at {self._settings.bootstrap} is away ({error}); nothing is lost, trying again")
            stop.wait(pause)
            pause = min(2 * pause, _BACKOFF[1])

    def _serve(self, broker: Broker, stop: threading.Event) -> None:
        """Sends as long as the cluster stays the same one."""
        cluster = broker.cluster_id()
        if missing := broker.missing(self._topics):
            self._say(f"waiting for the topics {', '.join(missing)}")
            return
        self._say(f"connected; {self._outbox.depth(cluster)} messages to send")
        asked = time.monotonic()
        while not stop.is_set():
            if self._send(broker, cluster):
                asked = time.monotonic()
            elif time.monotonic() - asked > _SAME_CLUSTER:
                _expect(broker, cluster)
                asked = time.monotonic()
            else:
                stop.wait(_IDLE)

    def _send(self, broker: Broker, cluster: str) -> int:
        """Sends one batch and marks what is safe; answers how many messages that were."""
        messages = self._outbox.unsent(cluster, _BATCH)
        if not messages:
            return 0
        acknowledged = broker.publish(messages)
        _expect(broker, cluster)
        if acknowledged:
            self._outbox.mark_sent(cluster, messages[acknowledged - 1].id)
        if acknowledged < len(messages):
            raise BrokerAwayError(f"{len(messages) - acknowledged} messages were not acknowledged")
        return acknowledged

    def _say(self, words: str) -> None:
        """Logs a line, the same one only now and then."""
        now = time.monotonic()
        if words != self._said[0] or now - self._said[1] > _SAY_AGAIN:
            _log.info(words)
            self._said = (words, now)


def _expect(broker: Broker, cluster: str) -> None:
    if broker.cluster_id() != cluster:
        raise BrokerAwayError("it was started anew, as another cluster")
