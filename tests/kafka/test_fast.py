"""The fast runner where it could lose or double: a rebalance while it folds, a partition held up, a broker that takes nothing."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from monitoring.reading import read_status
from schemas.home import Home
from schemas.kafka import KafkaSettings
from schemas.topics import IMAGES, PSEUDONYMISED_WIRE, ROWS
from streams import lane
from streams.admin import ensure_topics
from streams.fast import FastRunner
from streams.folding import Around, Folding
from streams.joining import joining
from streams.limits import Limits
from streams.partitions import partition_of
from streams.settings import WorkerSettings
from streams.steps import Message, Worked
from streams.topology import TOPOLOGY
from tests.factories import NOON, given, row, study
from tests.kafka.cluster import KafkaCluster
from tests.kafka.pool import LeasedBroker

PATIENTS = 3_000
SECONDS = 90.0
HELD = 3  # a partition
SLOW = 0.001  # seconds a message


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "SLICE", 50)


def runner(folder: Path, kafka: KafkaSettings, slow: float = 0.0) -> FastRunner:
    settings = WorkerSettings(Home(folder), kafka, ("reconcile",), embedded=False, run_id="")
    step = TOPOLOGY.step("reconcile")
    working = step.build(given())

    def slowly(message: Message) -> Worked:
        """So that there is a middle in which something can happen."""
        time.sleep(slow)
        return working.work(message)

    folding = Folding(step, dataclasses.replace(working, work=slowly), Around(lambda: NOON, Limits(1000), kafka))
    return FastRunner(joining(settings, [folding]), lambda: None)


@asynccontextmanager
async def running(*runners: FastRunner) -> AsyncIterator[None]:
    for each in runners:
        await each.start()
    try:
        yield
    finally:
        for each in runners:
            await each.stop()


def folded(runner: FastRunner) -> int:
    """How many records it has folded since it was last given partitions, if it began with the first ones."""
    return sum(offset for each in runner.lanes.values() for offset in each.folded.values())


def patient(number: int) -> str:
    return f"Covid{number:06}"


async def fill(kafka: KafkaSettings) -> None:
    """Of each patient a row and a study."""
    producer = AIOKafkaProducer(**kafka.aiokafka_settings, linger_ms=50)
    await producer.start()
    for topic, make in ((ROWS, row), (IMAGES, study)):
        for number in range(PATIENTS):
            record = replace(make(patient=patient(number)), match=f"M{number:06}")
            await producer.send(topic.name, PSEUDONYMISED_WIRE.encode(record), record.match.encode())
    await producer.stop()


def complete(kafka: KafkaSettings) -> set[str]:
    return {known.patient for known in read_status(kafka) if known.state == "complete"}


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110  # what is waited for happens in another process
            await asyncio.sleep(0.2)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 2 * SECONDS))


EVERYONE = {patient(number) for number in range(PATIENTS)}


def test_partitions_move_while_they_are_folded(broker: LeasedBroker, tmp_path: Path) -> None:
    async def test() -> None:
        await fill(broker.settings)
        one, other = (runner(tmp_path / name, broker.settings, SLOW) for name in ("one", "other"))
        async with running(one):
            await until(lambda: folded(one) > 0)
            assert folded(one) < 2 * PATIENTS  # it is in the middle
            async with running(other):
                await until(lambda: bool(other.lanes) and bool(one.lanes))
                assert not one.lanes.keys() & other.lanes.keys()
                await until(lambda: complete(broker.settings) == EVERYONE)

    run(test)


def test_a_partition_that_is_held_up_holds_up_no_other_and_loses_nothing(broker: LeasedBroker, tmp_path: Path) -> None:
    async def test() -> None:
        await fill(broker.settings)
        one = runner(tmp_path, broker.settings)
        async with running(one):
            await until(lambda: bool(one.lanes))
            held = one.lanes[HELD]
            async with held._lock:
                before = dict(held.folded)
                others = {patient(number) for number in range(PATIENTS) if partition_of(f"M{number:06}".encode()) != HELD}
                await until(lambda: complete(broker.settings) >= others)
                await until(lambda: all(each.settled == each.folded for each in one.lanes.values() if each is not held))
                assert held.folded == before
            await until(lambda: complete(broker.settings) == EVERYONE)

    run(test)


def test_while_the_broker_takes_nothing_nothing_piles_up_and_after_it_all_is_there(tmp_path: Path) -> None:
    cluster = KafkaCluster(tmp_path / "kafka")
    cluster.start()
    try:
        ensure_topics(cluster.settings)

        async def test() -> None:
            await fill(cluster.settings)
            one = runner(tmp_path / "home", cluster.settings, SLOW)
            async with running(one):
                await until(lambda: folded(one) > 0)
                for each in cluster.brokers:
                    each.pause()
                await asyncio.sleep(1.5)  # less than the broker's own session
                before = folded(one)
                await asyncio.sleep(1)
                assert folded(one) == before < 2 * PATIENTS  # it waits, and takes no more
                for each in cluster.brokers:
                    each.resume()
                await until(lambda: complete(cluster.settings) == EVERYONE)

        run(test)
    finally:
        cluster.end()


def test_started_again_it_reads_only_what_is_new(broker: LeasedBroker, tmp_path: Path) -> None:
    """What was settled lies on disk, the group's offsets are behind it, and the same member gets the same partitions."""

    async def test() -> None:
        await fill(broker.settings)
        async with running(first := runner(tmp_path, broker.settings)):
            await until(lambda: complete(broker.settings) == EVERYONE)
        assert first.lanes == {}  # all let go of
        async with running(again := runner(tmp_path, broker.settings)):
            await until(lambda: bool(again.lanes) and all(each.is_taken for each in again.lanes.values()))
            kept = [part.kept for each in again.lanes.values() for _, part in each.parts()]
            assert sum(1 for each in kept for _ in each.values()) == PATIENTS
            await asyncio.sleep(1)
            assert folded(again) == 0  # nothing came again

    run(test)
