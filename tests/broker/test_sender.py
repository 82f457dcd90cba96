"""The sender on the embedded broker: everything arrives, in order, whoever is killed in between."""

import contextlib
import itertools
import logging
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2

from edge.sending.broker import Broker, BrokerAwayError
from edge.sending.outbox import Message, Outbox, Stored
from edge.sending.sender import Sender
from schemas.kafka import KafkaSettings
from schemas.topics import PARTITIONS, RAW_IMAGES, RAW_ROWS
from tests.broker.conftest import EmbeddedBroker
from tests.edge_factories import NOON

TOPICS = (RAW_ROWS.name, RAW_IMAGES.name)
KEYS = [f"key-{number}".encode() for number in range(40)]

PROCESS = """
import sys, threading
from pathlib import Path
from edge.sending.outbox import Outbox
from edge.sending.sender import Sender
from schemas.kafka import KafkaSettings
Sender(Outbox(Path(sys.argv[1])), KafkaSettings(bootstrap=sys.argv[2])).run(threading.Event())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.sqlite3"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox(path) as opened:
        yield opened


@pytest.fixture
def run(path: Path, embedded: EmbeddedBroker) -> Iterator[Callable[[], threading.Event]]:
    """Starts a sender in a thread; all are stopped at the end."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def start() -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=Sender(Outbox(path), embedded.settings).run, args=(stop,))
        thread.start()
        running.append((stop, thread))
        return stop

    yield start
    for stop, thread in running:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@contextlib.contextmanager
def process(path: Path, embedded: EmbeddedBroker) -> Iterator[None]:
    """A sender in a process of its own, which ends with SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", PROCESS, str(path), embedded.address]) as victim:
        try:
            yield
        finally:
            victim.kill()


def put(outbox: Outbox, count: int, prefix: str = "event", topic: str = RAW_ROWS.name) -> list[str]:
    events = [f"{prefix}-{number}" for number in range(count)]
    with outbox.transaction(NOON) as transaction:
        transaction.add(Message(event, topic, KEYS[place % len(KEYS)], event.encode()) for place, event in enumerate(events))
    return events


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it took too long"
        time.sleep(0.002)


def sent(outbox: Outbox, embedded: EmbeddedBroker) -> Callable[[], bool]:
    return lambda: outbox.depth(embedded.cluster) == 0


def on_topic(embedded: EmbeddedBroker, topic: str = RAW_ROWS.name) -> dict[bytes, list[str]]:
    """All values of a topic by key, in order; each key's from one partition, the one that murmur2 gives."""
    consumer = KafkaConsumer(bootstrap_servers=embedded.address, auto_offset_reset="earliest", fetch_max_wait_ms=50)
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    values: dict[bytes, list[str]] = defaultdict(list)
    quiet = time.monotonic()
    while time.monotonic() - quiet < 1.0:
        for partition, records in consumer.poll(timeout_ms=200, max_records=5000).items():
            quiet = time.monotonic()
            for record in records:
                assert partition.partition == (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS
                values[record.key].append(record.value.decode())
    consumer.close()
    return values


def once(values: list[str]) -> list[str]:
    """The values in the order in which each came first."""
    return list(dict.fromkeys(values))


def by_key(events: list[str]) -> dict[bytes, list[str]]:
    return {key: events[place :: len(KEYS)] for place, key in enumerate(KEYS)}


def test_what_is_put_in_arrives_in_order_and_at_once(
    outbox: Outbox, embedded: EmbeddedBroker, run: Callable[[], threading.Event]
) -> None:
    embedded.start(TOPICS)
    events = put(outbox, 5000)
    images = put(outbox, 10, "image", RAW_IMAGES.name)
    run()
    until(sent(outbox, embedded))
    assert on_topic(embedded) == by_key(events)
    assert sorted(itertools.chain(*on_topic(embedded, RAW_IMAGES.name).values())) == images

    def latency(number: int) -> float:
        time.sleep(random.uniform(0.05, 0.1))
        began = time.monotonic()
        put(outbox, 1, f"late{number}")
        until(sent(outbox, embedded))
        return time.monotonic() - began

    assert sorted(latency(number) for number in range(11))[5] < 0.1


@pytest.mark.embedded_only
def test_it_waits_for_the_broker_and_for_its_topics(
    outbox: Outbox, embedded: EmbeddedBroker, run: Callable[[], threading.Event], caplog: pytest.LogCaptureFixture
) -> None:
    events = put(outbox, 100)
    with caplog.at_level(logging.INFO):
        run()
        until(lambda: "is away" in caplog.text)
        embedded.start()
        until(lambda: "waiting for the topics nccid.raw.rows" in caplog.text)
        assert outbox.depth(embedded.cluster) == 100
        embedded.create(TOPICS)
        until(sent(outbox, embedded))
    assert on_topic(embedded) == {key: values for key, values in by_key(events).items() if values}
    assert len(caplog.records) == 3
    assert {record.name for record in caplog.records} == {"edge.sending.sender"}


@pytest.mark.embedded_only
def test_a_broker_that_comes_back_empty_is_filled_again(
    outbox: Outbox, embedded: EmbeddedBroker, run: Callable[[], threading.Event]
) -> None:
    embedded.start(TOPICS)
    events = put(outbox, 400)
    run()
    until(sent(outbox, embedded))
    embedded.kill()
    embedded.start(TOPICS)
    until(sent(outbox, embedded), 20)
    assert on_topic(embedded) == by_key(events)


@pytest.mark.embedded_only
def test_a_broker_killed_while_it_is_sent_to_gets_everything_again(
    outbox: Outbox, embedded: EmbeddedBroker, run: Callable[[], threading.Event]
) -> None:
    embedded.start(TOPICS)
    events = put(outbox, 8000)
    run()
    until(lambda: outbox.depth(embedded.cluster) < 8000)
    embedded.kill()
    embedded.start(TOPICS)
    until(sent(outbox, embedded))
    assert {key: once(values) for key, values in on_topic(embedded).items()} == by_key(events)


def test_what_is_not_acknowledged_is_sent_again(
    outbox: Outbox, embedded: EmbeddedBroker, run: Callable[[], threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Broker.publish
    answers: list[int] = [0, 3]

    def forgetful(broker: Broker, messages: Sequence[Stored]) -> int:
        taken = publish(broker, messages)
        return answers.pop(0) if answers else taken

    monkeypatch.setattr(Broker, "publish", forgetful)
    embedded.start(TOPICS)
    events = put(outbox, 80)
    run()
    until(sent(outbox, embedded))
    assert answers == []
    assert {key: once(values) for key, values in on_topic(embedded).items()} == by_key(events)


def test_a_sender_killed_in_the_middle_loses_nothing(outbox: Outbox, path: Path, embedded: EmbeddedBroker) -> None:
    embedded.start(TOPICS)
    events = put(outbox, 12_000)
    for left in (10_000, 6_000, 2_000, 0):
        with process(path, embedded):
            until(lambda left=left: outbox.depth(embedded.cluster) <= left)  # type: ignore[misc]
            time.sleep(random.uniform(0, 0.2))
    assert {key: once(values) for key, values in on_topic(embedded).items()} == by_key(events)


def test_a_sender_without_a_broker_stops_at_once_and_leaves_no_thread(path: Path, embedded: EmbeddedBroker) -> None:
    before = threading.active_count()
    stop = threading.Event()
    thread = threading.Thread(target=Sender(Outbox(path), embedded.settings).run, args=(stop,))
    thread.start()
    time.sleep(4)
    stop.set()
    thread.join(10)
    until(lambda: threading.active_count() == before, 5)


def test_a_broker_that_is_away_is_told_in_words(embedded: EmbeddedBroker) -> None:
    with pytest.raises(BrokerAwayError, match="no answer"):
        Broker(embedded.settings)
    with pytest.raises(BrokerAwayError, match=r"/nowhere/ca\.pem cannot be read"):
        Broker(KafkaSettings(bootstrap=embedded.address, ssl_cafile="/nowhere/ca.pem"))
    with pytest.raises(BrokerAwayError, match=r"/nowhere/key\.pem cannot be read"):
        Broker(KafkaSettings(bootstrap=embedded.address, ssl_cafile=__file__, ssl_keyfile="/nowhere/key.pem"))


def test_only_messages_before_the_first_failure_count(embedded: EmbeddedBroker) -> None:
    embedded.start(["here"])
    with Broker(embedded.settings) as broker:
        assert broker.missing(["here", "there"]) == ["there"]
        messages = [Stored(1, "here", b"k", b"a"), Stored(2, "here", b"k", bytes(2_000_000)), Stored(3, "here", b"k", b"c")]
        assert broker.publish(messages) == 1
        assert broker.cluster_id() == embedded.cluster
        embedded.kill()
        assert broker.publish([Stored(4, "here", b"k", b"d")]) == 0
        with pytest.raises(BrokerAwayError):
            broker.cluster_id()


def test_a_cluster_without_a_name_is_not_sent_to(embedded: EmbeddedBroker) -> None:
    embedded.start()
    with Broker(embedded.settings) as broker:
        broker._admin.describe_cluster = lambda: {"cluster_id": None}
        with pytest.raises(BrokerAwayError, match="which cluster"):
            broker.cluster_id()
