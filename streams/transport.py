"""Faust's Kafka transport with two things made settable: how long a fetch waits, and where the pinned version hides it.

faust-streaming 0.15.3 fixes ``fetch_max_wait_ms`` at 1500. A real broker answers as soon as there is data; the embedded one waits
the time out, so there it is set to a few milliseconds.
"""

from typing import Any

from faust.transport.drivers import aiokafka as driver

EMBEDDED_FETCH_WAIT_MS = 60


class _PromptThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust ships no types
    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  # Faust's own type, which it does not export
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = EMBEDDED_FETCH_WAIT_MS  # noqa: SLF001  # read when the consumer starts; aiokafka 0.14
        return consumer


class _PromptConsumer(driver.Consumer):  # type: ignore[misc]  # as above
    def _new_consumer_thread(self) -> Any:  # noqa: ANN401  # as above
        return _PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(driver.Transport):  # type: ignore[misc]  # as above
    """The transport for the embedded broker."""

    Consumer = _PromptConsumer
