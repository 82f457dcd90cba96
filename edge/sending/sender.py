"""The sender: the process that carries messages from the outbox to the broker, at least once, in order, for as long as it takes.

    reads   the outbox
    writes  the topic that each message names: nccid.raw.*
    keeps   in the outbox, how far this cluster has acknowledged
    rejects nothing

A message is marked as sent only when the cluster that acknowledged it is, after the acknowledgement, still the one that was asked
before: an embedded broker that was killed and started again in between has another id, and is sent everything from the first on.
"""

import logging
import threading
import time
from collections.abc import Sequence

from edge.sending.broker import Broker, BrokerAwayError
from edge.sending.counting import SenderMetrics
from edge.sending.outbox import Outbox, Stored
from schemas.kafka import KafkaSettings

_log = logging.getLogger(__name__)
_BATCH = 2_000  # messages sent before the acknowledgements are waited for
_IDLE = 0.02  # seconds between looks into the outbox
_SAME_CLUSTER = 0.5  # seconds between questions to an idle broker whether it is still the same
_NO_TOPIC = 0.2  # seconds between questions for a topic that is not there yet
_BACKOFF = (0.1, 2.0)  # seconds before connecting again: first, at most
_SAY_AGAIN = 10.0  # seconds before the same is logged again


class Sender:
    """Drains one outbox into one cluster."""

    def __init__(self, outbox: Outbox, settings: KafkaSettings, metrics: SenderMetrics | None = None) -> None:
        self._outbox = outbox
        self._settings = settings
        self._metrics = metrics or SenderMetrics()
        self._said: dict[str, float] = {}

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
                self._metrics.away()
                self._say("the broker at %s is away (%s); nothing is lost, trying again", self._settings.bootstrap, error)
            stop.wait(pause)
            pause = min(2 * pause, _BACKOFF[1])

    def _serve(self, broker: Broker, stop: threading.Event) -> None:
        """Sends as long as the cluster stays the same one."""
        cluster = broker.cluster_id()
        depth = self._outbox.depth(cluster)
        self._metrics.connected(depth)
        self._say("connected; %d messages to send", depth)
        there: set[str] = set()
        asked = time.monotonic()
        while not stop.is_set():
            messages = self._outbox.unsent(cluster, _BATCH)
            if missing := broker.missing({message.topic for message in messages} - there):
                self._say("waiting for the topics %s", ", ".join(missing))
                stop.wait(_NO_TOPIC)
                _expect(broker, cluster)
                continue
            there |= {message.topic for message in messages}
            if messages:
                self._send(broker, cluster, messages)
            elif time.monotonic() - asked < _SAME_CLUSTER:
                stop.wait(_IDLE)
            else:
                _expect(broker, cluster)
                self._metrics.connected(self._outbox.depth(cluster))
                asked = time.monotonic()

    def _send(self, broker: Broker, cluster: str, messages: Sequence[Stored]) -> None:
        """Sends one batch and marks what is safe."""
        acknowledged = broker.publish(messages)
        _expect(broker, cluster)
        if acknowledged:
            self._outbox.mark_sent(cluster, messages[acknowledged - 1].id)
            self._metrics.sent(acknowledged, self._outbox.depth(cluster))
        if acknowledged < len(messages):
            raise BrokerAwayError(f"{len(messages) - acknowledged} messages were not acknowledged")

    def _say(self, words: str, *values: object) -> None:
        """Logs a line, one of the same words only now and then."""
        now = time.monotonic()
        if now - self._said.get(words, -_SAY_AGAIN) >= _SAY_AGAIN:
            _log.info(words, *values)
            self._said[words] = now


def _expect(broker: Broker, cluster: str) -> None:
    if broker.cluster_id() != cluster:
        raise BrokerAwayError("it was started anew, as another cluster")
