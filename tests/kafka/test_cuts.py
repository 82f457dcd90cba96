"""Brokers that do not reach each other, while everybody else reaches them: nothing is lost, doubled or wrongly joined."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from local.apache.broker import KafkaBroker
from tests.broker.setups import until
from tests.kafka.links import CutCluster
from tests.kafka.play import playing

LONG = os.environ.get("NCCID_LONG") == "1"
PATIENTS = 300 if LONG else 30
CUTS = 6 if LONG else 2
CUT_SECONDS = 12.0  # beyond the 4 s after which a broker that is not heard of counts as gone
GONE_SECONDS = 30.0  # at most, until the others have gone on without it: first they choose a controller, where it was it

pytestmark = pytest.mark.timeout(1200 if LONG else 300)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[CutCluster]:
    cluster = CutCluster(tmp_path / "kafka")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def known_leaders(broker: KafkaBroker) -> set[int]:
    """Who leads our partitions, as this broker has it."""
    admin = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{broker.port}", bootstrap_timeout_ms=5000)
    try:
        return {part["leader_id"] for topic in admin.describe_topics(["nccid.raw.rows"]) for part in topic["partitions"]}
    finally:
        admin.close()


def cut_again_and_again(root: Path, three: CutCluster, cut: Callable[[KafkaBroker], None], fault: str, seed: int) -> None:
    with playing(root, PATIENTS, seed, three.bootstrap) as play:
        turn = max(1, len(play.deliveries) // (2 * CUTS + 1))
        victims: list[KafkaBroker] = []

        def between(number: int) -> None:
            step, rest = divmod(number, turn)
            if rest == 0 and step <= 2 * CUTS:
                if step % 2:
                    victims.append(three.brokers[step // 2 % 3])
                    cut(victims[-1])
                    time.sleep(CUT_SECONDS / 2)
                else:
                    time.sleep(CUT_SECONDS / 2)
                    gone, other = victims[-1].number, three.brokers[victims[-1].number % 3]
                    until(lambda: gone not in known_leaders(other), f"the others go on without broker {gone}", GONE_SECONDS)
                    three.mend()

        play.through(between)
        three.mend()
        row = play.outcome(fault, len(victims))
        assert len(victims) == CUTS
        assert row.is_sound


def test_one_of_three_reaches_nobody(tmp_path: Path, three: CutCluster) -> None:
    cut_again_and_again(tmp_path, three, three.cut_off, "three brokers: one cut off from the others, both ways", 11)


def test_one_of_three_is_not_reached(tmp_path: Path, three: CutCluster) -> None:
    with playing(tmp_path, PATIENTS, 12, three.bootstrap) as play:
        turn = max(1, len(play.deliveries) // (CUTS + 1))
        cuts = 0

        def between(number: int) -> None:
            nonlocal cuts
            if number % turn == 0 and cuts < CUTS:
                three.make_deaf(three.brokers[cuts % 3])
                cuts += 1
                time.sleep(CUT_SECONDS)
                three.mend()

        play.through(between)
        assert play.outcome("three brokers: one reaches the others and is not reached", cuts).is_sound
        assert cuts == CUTS
