"""Nothing is lost, nothing is doubled, nothing is wrongly joined, whatever is hurt while a world is given in: on Apache Kafka.

Each test ends with ``nccid audit`` and a comparison with the truth, and adds a line to the table that is printed at the end.
NCCID_LONG=1 hurts more, and more often.
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka import KafkaProducer

from schemas.topics import TOPICS
from streams.settings import RUNNER
from tests.kafka.cluster import KafkaCluster
from tests.kafka.play import more_workers, playing, workers_of

LONG = os.environ.get("NCCID_LONG") == "1"
PATIENTS = 300 if LONG else 40
KILLS = 40 if LONG else 6
SESSION_SECONDS = 10.0  # streams.joining, streams.app

pytestmark = pytest.mark.timeout(900 if LONG else 240)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[KafkaCluster]:
    """One broker to be hurt."""
    cluster = KafkaCluster(tmp_path / "kafka")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[KafkaCluster]:
    """Three brokers, three copies of everything, two of which have to be written."""
    cluster = KafkaCluster(tmp_path / "kafka", 3)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


@pytest.mark.parametrize("runner", ["fast", "stock"])
def test_workers_are_killed_again_and_again(tmp_path: Path, runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNNER, runner)
    chance, killed = random.Random(1), 0
    with playing(tmp_path, PATIENTS, 1) as play:

        def kill() -> None:
            nonlocal killed
            alive = workers_of(play.installation)
            if alive:
                chance.choice(alive).kill()
                killed += 1

        every = max(1, len(play.deliveries) // KILLS)

        def between(number: int) -> None:
            if number % every == 0 and killed < KILLS:
                kill()
                time.sleep(chance.uniform(1, 4) if LONG else chance.uniform(0.2, 1.5))

        play.through(between)
        while killed < KILLS:
            time.sleep(chance.uniform(1, 4))
            kill()
        assert play.outcome(f"kill -9 of a worker, {runner} runner", killed, killed).is_sound


def test_workers_join_and_leave(tmp_path: Path) -> None:
    most = 3 if LONG else 1  # besides those of `nccid up`
    with playing(tmp_path, PATIENTS, 2) as play, more_workers(play.installation) as workers:
        turn = max(1, len(play.deliveries) // (2 * most + 1))
        changes = [*((workers.join, n) for n in range(most)), *((workers.leave, n) for n in range(most))]
        done = 0

        def between(number: int) -> None:
            nonlocal done
            if number % turn == 0 and done < len(changes):
                change, which = changes[done]
                change(which)
                done += 1
                time.sleep(4 if LONG else 2)

        play.through(between)
        assert done == len(changes)
        assert play.outcome(f"workers join and leave, up to {most + 1} of each", done, len(workers.statuses)).is_sound
        assert workers.statuses == []


def test_a_paused_worker_wakes_up_after_others_have_taken_over(tmp_path: Path) -> None:
    pauses = 5 if LONG else 1
    with playing(tmp_path, PATIENTS, 3) as play, more_workers(play.installation) as workers:
        workers.join(0)
        time.sleep(SESSION_SECONDS / 2)  # both have partitions
        turn = max(1, len(play.deliveries) // (2 * pauses + 1))
        asleep: list[psutil.Process] = []

        def wake() -> None:
            while asleep:
                asleep.pop().resume()

        def between(number: int) -> None:
            if number % (2 * turn) == turn and not asleep:
                asleep.extend([workers.of("reconcile"), workers.of("alerts")])
                for each in asleep:
                    each.suspend()
            elif number % (2 * turn) == 0 and asleep:
                time.sleep(SESSION_SECONDS + 3)
                wake()
                time.sleep(2)

        try:
            play.through(between)
            if asleep:
                time.sleep(SESSION_SECONDS + 3)
        finally:
            wake()
        assert play.outcome("SIGSTOP of workers beyond their session, then SIGCONT", pauses, len(workers.statuses)).is_sound


def test_the_broker_is_killed_and_comes_back(tmp_path: Path, own: KafkaCluster) -> None:
    kills = 6 if LONG else 1
    with playing(tmp_path, PATIENTS, 4, own.bootstrap) as play:
        turn = max(1, len(play.deliveries) // (kills + 1))

        def between(number: int) -> None:
            if number % turn == 0 and number // turn <= kills:
                own.brokers[0].kill()
                time.sleep(2)
                own.brokers[0].start()
                own.wait()

        play.through(between)
        assert play.outcome("kill -9 of the only broker, and its return", kills).is_sound


def test_the_leader_is_lost(tmp_path: Path, three: KafkaCluster) -> None:
    losses = 6 if LONG else 1
    with playing(tmp_path, PATIENTS, 5, three.bootstrap) as play:
        turn = max(1, len(play.deliveries) // (2 * losses + 1))
        down = None

        def between(number: int) -> None:
            nonlocal down
            if number % turn == 0 and number // turn <= 2 * losses:
                if down is None:
                    down = three.brokers[number // turn % 3]
                    down.kill()
                else:
                    down.start()
                    three.wait()
                    down = None

        play.through(between)
        assert play.outcome("three brokers: kill -9 of one, with all it leads", losses).is_sound


def test_poison_on_every_topic(tmp_path: Path) -> None:
    with playing(tmp_path, PATIENTS, 6) as play:
        producer = KafkaProducer(bootstrap_servers=play.installation.address)
        poisons = (b"\x00garbage", b"{}", b"")
        times = 0

        def between(number: int) -> None:
            nonlocal times
            if number % 5 == 0:
                times += 1
                for topic in TOPICS:
                    for value in poisons:
                        producer.send(topic.name, value, key=b"poison")
                producer.flush()

        play.through(between)
        producer.close()
        published = sum(topic.compacted for topic in TOPICS)  # where nobody may write but the owner: the audit says so
        row = play.outcome("poison on every topic", times * len(poisons) * len(TOPICS), named=times * len(poisons) * published)
        assert row.is_sound


def test_a_corrupt_folder_of_local_state(tmp_path: Path) -> None:
    with playing(tmp_path, PATIENTS, 7) as play:

        def between(number: int) -> None:
            if number == len(play.deliveries) // 2:
                for path in (play.installation.home.state, *play.installation.home.state.rglob("*")):
                    if path.is_dir():
                        (path / "CURRENT").write_bytes(os.urandom(1000))
                    else:
                        path.write_bytes(os.urandom(1000))
                for worker in workers_of(play.installation):
                    worker.kill()

        play.through(between)
        assert play.outcome("garbage in the local state, all workers killed", 1, 3).is_sound
