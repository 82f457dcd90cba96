"""Reading the status topic: all of it, once, from the first record to the last."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from monitoring.view import StatusView
from schemas.coverage import CasesReconciled
from schemas.kafka import KafkaSettings
from schemas.problems import WorkFailedError
from schemas.topics import COVERAGE_STATUS
from schemas.wire import UndecodableError

_FETCH_WAIT_MS = 20


class StatusUnavailableError(WorkFailedError):
    """The status cannot be had; says why and what to do."""


def read_status(kafka: KafkaSettings, patience: float = 10.0) -> StatusView:
    """The view of all that the status topic holds now.

    Args:
        kafka: the cluster.
        patience: seconds after which a broker that does not answer counts as away.

    Raises:
        StatusUnavailableError: nobody answers, or the topic is not there.
    """
    try:
        return asyncio.run(asyncio.wait_for(_read(kafka), patience))
    except (KafkaError, OSError, TimeoutError) as error:
        raise StatusUnavailableError(
            f"the status cannot be read from {kafka.bootstrap} ({type(error).__name__}); is `nccid up` running?"
        ) from None


class StatusReader:
    """The status topic from its first record on, in pieces; an async context manager."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._partitions = [TopicPartition(COVERAGE_STATUS.name, number) for number in range(COVERAGE_STATUS.partitions)]

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._kafka.servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            **client_security(self._kafka),
        )
        try:
            await self._consumer.start()
            await self._require_topic()
        except BaseException:
            await self._consumer.stop()
            raise
        self._consumer.assign(self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def _require_topic(self) -> None:
        if COVERAGE_STATUS.name not in await self._consumer.topics():
            raise StatusUnavailableError(f"there is no topic {COVERAGE_STATUS.name} on this cluster; start `nccid up` first")

    async def poll(self) -> list[CasesReconciled]:
        """The records that have come since; none when nothing came for a moment."""
        batches = await self._consumer.getmany(timeout_ms=2 * _FETCH_WAIT_MS)
        return list(records_in(message.value for messages in batches.values() for message in messages))

    async def to_the_end(self) -> StatusView:
        """The view of all records up to the end as it is at the start of the call.

        The embedded broker reports as the end the first offset of the last batch plus one. A fetch returns whole batches, so the
        rest of that batch is in hand when its first record is.
        """
        view = StatusView()
        ends = await self._consumer.end_offsets(self._partitions)
        while not await self._reached(ends):
            for record in await self.poll():
                view.apply(record)
        return view

    async def _reached(self, ends: dict[TopicPartition, int]) -> bool:
        return all([await self._consumer.position(partition) >= end for partition, end in ends.items()])


async def _read(kafka: KafkaSettings) -> StatusView:
    async with StatusReader(kafka) as reader:
        return await reader.to_the_end()


def records_in(payloads: Iterable[bytes | None]) -> Iterator[CasesReconciled]:
    """The records among the payloads. What is none of ours hides no answer; ``alerts`` quarantines it, the audit tells of it."""
    wire = COVERAGE_STATUS.wire
    for payload in payloads:
        if payload is not None:
            with contextlib.suppress(UndecodableError):
                yield wire.decode(payload)


def client_security(kafka: KafkaSettings) -> dict[str, Any]:
    """SASL and TLS as aiokafka's clients take them."""
    return {
        "security_protocol": kafka.security_protocol,
        "sasl_mechanism": kafka.sasl_mechanism or "PLAIN",
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": kafka.sasl_password,
        "ssl_context": kafka.tls_context,
    }
