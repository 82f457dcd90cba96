"""The sender on Apache Kafka: a broker that goes and comes back loses nothing and reorders nothing."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition

from edge.sending.outbox import Message, Outbox
from edge.sending.sender import Sender
from schemas.topics import RAW_ROWS
from streams.admin import ensure_topics
from tests.broker.setups import until
from tests.factories import NOON
from tests.kafka.cluster import KafkaCluster

KEYS = [b"key%d" % number for number in range(7)]
COUNT = 20_000


@pytest.fixture
def own(tmp_path: Path) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path / "kafka")
    try:
        cluster.start()
        ensure_topics(cluster.settings)
        yield cluster
    finally:
        cluster.end()


@pytest.mark.parametrize("how", ["kill", "stop", "pause"])
def test_everything_arrives_in_order_whatever_the_broker_does(tmp_path: Path, own: KafkaCluster, how: str) -> None:
    path, (broker,) = tmp_path / "data" / "outbox.sqlite3", own.brokers
    with Outbox(path) as outbox:
        keys = itertools.cycle(KEYS)
        with outbox.transaction(NOON) as transaction:
            transaction.add(Message(f"{number}", RAW_ROWS.name, next(keys), b"%d" % number) for number in range(COUNT))
        stop = threading.Event()
        thread = threading.Thread(target=Sender(Outbox(path), own.settings).run, args=(stop,))
        thread.start()
        try:
            until(lambda: outbox.depth(own.cluster_id) < COUNT, "it is sending")
            getattr(broker, how)()
            stop.wait(8 if how == "pause" else 2)
            if how == "pause":
                broker.resume()
            else:
                broker.start()
            own.wait()
            until(lambda: outbox.depth(own.cluster_id) == 0, "all is sent", 90)
        finally:
            stop.set()
            thread.join()
    expected = {key: [b"%d" % number for number in range(place, COUNT, len(KEYS))] for place, key in enumerate(KEYS)}
    assert {key: list(dict.fromkeys(values)) for key, values in on_topic(own).items()} == expected


def on_topic(cluster: KafkaCluster) -> dict[bytes, list[bytes]]:
    """All values by key, in order, up to the ends that the broker tells."""
    consumer = KafkaConsumer(bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest")
    places = [TopicPartition(RAW_ROWS.name, number) for number in range(RAW_ROWS.partitions)]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    values: dict[bytes, list[bytes]] = defaultdict(list)
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(500, max_records=5000).values():
            for record in records:
                values[record.key].append(record.value)
    consumer.close()
    return values
