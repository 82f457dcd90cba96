"""A partition has one owner: who had it before can write no more, and who has it now knows all that was kept."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.coverage import empty_cases
from schemas.kafka import KafkaSettings
from schemas.topics import COVERAGE_STATUS, REVIEWS
from streams import writing
from streams.changelog import BeyondTheEndError, read_kept
from streams.keeping import InMemory
from streams.steps import Emitted
from streams.working import reconcile_working
from streams.writing import OwnersWriter
from tests.factories import given
from tests.kafka.pool import LeasedBroker

NAME = "nccid-reconcile-0"
WORKING = reconcile_working(given())


class EndedError(Exception):
    """The worker would have ended."""


@pytest.fixture(autouse=True)
def _no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(what: str, error: BaseException) -> None:
        raise EndedError(f"{what}: {type(error).__name__}")

    monkeypatch.setattr(writing, "end_worker", end)


def state(key: bytes, text: str) -> Emitted:
    """A record that can be told from others by ``text``."""
    return Emitted(COVERAGE_STATUS, key, COVERAGE_STATUS.wire.encode(empty_cases(text)))


def texts(kept: dict[bytes, bytes]) -> dict[bytes, str]:
    return {key: COVERAGE_STATUS.wire.decode(value).match for key, value in kept.items()}


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


class Read(InMemory):
    """What was read, by key."""

    def texts(self) -> dict[bytes, str]:
        return texts(self._values)


async def kept(kafka: KafkaSettings) -> dict[bytes, str]:
    into = Read(0)
    await read_kept(kafka, COVERAGE_STATUS, WORKING, into, (0, 0))
    return into.texts()


async def everything(kafka: KafkaSettings) -> list[str]:
    """As readers see it, who do not wait for commits."""
    consumer = AIOKafkaConsumer(**kafka.aiokafka_settings, enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(COVERAGE_STATUS.name, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        found: list[str] = []
        while await consumer.position(place) < end:
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                found += [COVERAGE_STATUS.wire.decode(message.value).match for message in messages]
        return found
    finally:
        await consumer.stop()


async def write(writer: OwnersWriter, emitted: Emitted) -> list[str]:
    done: list[str] = []
    await writer.send(emitted, 0, lambda: done.append("done"))
    assert done == []
    await writer.commit()
    return done


def test_without_a_name_a_late_write_lands_behind_newer_state(broker: LeasedBroker) -> None:
    """What this is all about: two plain producers, as workers had before; the one that slept writes last."""

    async def test() -> None:
        one, other = (AIOKafkaProducer(**broker.settings.aiokafka_settings) for _ in range(2))
        await one.start()
        await other.start()
        for producer, text in ((other, "with row and images"), (one, "with row")):
            emitted = state(b"k", text)
            await producer.send_and_wait(emitted.topic.name, emitted.value, emitted.key, 0)
        assert await kept(broker.settings) == {b"k": "with row"}
        await one.stop()
        await other.stop()

    run(test)


def test_who_was_owner_before_can_write_no_more(broker: LeasedBroker) -> None:
    async def test() -> None:
        one, other = OwnersWriter(broker.settings, NAME), OwnersWriter(broker.settings, NAME)
        await one.take_over()
        assert await write(one, state(b"k", "with row")) == ["done"]
        await other.take_over()
        assert await kept(broker.settings) == {b"k": "with row"}
        assert await write(other, state(b"k", "with row and images")) == ["done"]
        with pytest.raises(EndedError):
            await write(one, state(b"k", "with row, late"))
        assert await kept(broker.settings) == {b"k": "with row and images"}
        assert await everything(broker.settings) == ["with row", "with row and images"]
        await one.close()
        await other.close()

    run(test)


@pytest.mark.parametrize("topic", [COVERAGE_STATUS, REVIEWS], ids=lambda topic: str(topic.name))
def test_who_slept_in_the_middle_of_a_transaction_is_refused_too(broker: LeasedBroker, topic: Any) -> None:  # noqa: ANN401  # a topic
    async def test() -> None:
        one, other = OwnersWriter(broker.settings, NAME), OwnersWriter(broker.settings, NAME)
        await one.take_over()
        await one.send(state(b"k", "begun"), 0, lambda: None)
        await asyncio.sleep(0.3)  # it is on the broker
        await other.take_over()
        assert await kept(broker.settings) == {}  # never committed
        assert await write(other, state(b"k", "with row and images")) == ["done"]
        with pytest.raises(EndedError):
            await write(one, Emitted(topic, b"k", state(b"k", "late").value))
        assert await kept(broker.settings) == {b"k": "with row and images"}
        assert await everything(broker.settings) == ["begun", "with row and images"]
        await one.close()
        await other.close()

    run(test)


def test_garbage_among_what_was_kept_hides_nothing(broker: LeasedBroker) -> None:
    async def test() -> None:
        producer = AIOKafkaProducer(**broker.settings.aiokafka_settings)
        await producer.start()
        good = state(b"k", "with row")
        for value in (good.value, b"garbage", b"{}"):
            await producer.send_and_wait(COVERAGE_STATUS.name, value, b"k", 0)
        await producer.stop()
        assert await kept(broker.settings) == {b"k": "with row"}

    run(test)


def test_much_is_read_to_its_end(broker: LeasedBroker) -> None:
    async def test() -> None:
        writer = OwnersWriter(broker.settings, NAME)
        await writer.take_over()
        for number in range(3000):
            await writer.send(state(b"%d" % (number % 1000), f"{number}"), 0, lambda: None)
            if number % 700 == 0:
                await writer.commit()
        await writer.commit()
        await writer.close()
        assert await kept(broker.settings) == {b"%d" % (number - 2000): f"{number}" for number in range(2000, 3000)}

    run(test)


def test_only_what_is_new_is_read_behind_a_copy(broker: LeasedBroker) -> None:
    async def test() -> None:
        writer = OwnersWriter(broker.settings, NAME)
        await writer.take_over()
        for key, text in ((b"old", "before"), (b"new", "behind")):
            await write(writer, state(key, text))
        into = Read(0)
        await read_kept(broker.settings, COVERAGE_STATUS, WORKING, into, (0, 2))  # a record and its commit
        assert into.texts() == {b"new": "behind"}
        with pytest.raises(BeyondTheEndError):
            await read_kept(broker.settings, COVERAGE_STATUS, WORKING, into, (0, 5))
        await writer.close()

    run(test)
