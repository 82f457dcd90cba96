"""Forgetting on Apache Kafka: the broker's own files hold nothing of who opted out, and everything of everybody else."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from monitoring.audit import run_audit
from monitoring.forgetting.forget import Forgotten, forget
from monitoring.forgetting.plan import SHELVES, record_of
from monitoring.topics import Found, TopicsReader
from schemas.kafka import KafkaSettings
from schemas.topics import IMAGES, PARTITIONS, ROWS
from streams.admin import ensure_topics
from streams.topology import TOPOLOGY
from tests.broker.setups import until
from tests.factories import ANN, BOB, NOON, RR1, RR2, RULES, SITES, Flow, patient_withdrawn, person_withdrawn, raw_row, raw_study
from tests.kafka.cluster import KafkaCluster

OTHERS = [f"RR9991{number:04}" for number in range(40)]
GONE = patient_withdrawn(hospital_number=RR1).patient
DELETED_SECONDS = 30.0  # the broker looks every second, in these tests


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(tmp_path)
    for broker in cluster.brokers:
        with (broker.folder / "server.properties").open("a", encoding="utf-8") as settings:
            settings.write(
                "log.initial.task.delay.ms=1000\nlog.retention.check.interval.ms=1000\nlog.segment.delete.delay.ms=0\n"
            )
    cluster.start()
    try:
        ensure_topics(cluster.settings, 1)
        yield cluster
    finally:
        cluster.end()


def flow() -> Flow:
    """Ann, Bob and forty others; Ann has opted out by her NHS number, which only her row names."""
    return Flow().arrives(
        raw_row(nhs_number=ANN, hospital_number=RR1),
        raw_study(patient_id=RR1),
        raw_row(nhs_number=BOB, hospital_number=RR2, row=3),
        raw_study(patient_id=RR2, study="S2"),
        *(raw_row(nhs_number=None, hospital_number=number, row=10 + row) for row, number in enumerate(OTHERS)),
        *(raw_study(patient_id=number, study=f"S-{number}") for number in OTHERS),
        person_withdrawn(nhs_number=ANN),
    )


def published(kafka: KafkaSettings, flow: Flow) -> None:
    """Puts what lies on the flow's topics on those of a cluster, partitioned as everybody does it."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.servers, acks="all")
        await producer.start()
        try:
            for topic, messages in flow.broker.topics.items():
                for key, value in messages:
                    await producer.send(topic, value, key=key)
        finally:
            await producer.stop()

    asyncio.run(send())


def lying(kafka: KafkaSettings, *topics: str) -> list[Found]:
    """What any reader finds on these topics."""

    async def read() -> list[Found]:
        async with TopicsReader(kafka) as reader:
            await reader.read(topics)
            return [each async for batch in reader.to_the_ends() for each in batch]

    return asyncio.run(read())


def on_disk(cluster: KafkaCluster, text: str) -> list[str]:
    """The broker's files of rows and images that hold these characters."""
    (broker,) = cluster.brokers
    folders = [broker.folder / "data" / f"{topic.name}-{number}" for topic in SHELVES for number in range(PARTITIONS)]
    files = [path for folder in folders for path in folder.glob("*")]
    return [str(path.relative_to(broker.folder)) for path in files if text.encode() in content(path)]


def content(path: Path) -> bytes:
    """Of a file that the broker may be deleting right now."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def events(found: list[Found]) -> set[str]:
    records = [record_of(each) for each in found]
    return {record.event for record in records if record is not None}


def assert_forgotten(cluster: KafkaCluster, flow: Flow) -> None:
    """Nothing of Ann, everything of everybody else, on the topics and on the disk; the audit agrees."""
    found = lying(cluster.settings, ROWS.name, IMAGES.name)
    before = {record.event for record in map(record_of, on_shelves(flow)) if record is not None and record.patient != GONE}
    assert GONE not in {record.patient for record in map(record_of, found) if record is not None}
    assert events(found) == before
    until(lambda: not on_disk(cluster, GONE), "the files are gone", DELETED_SECONDS)
    verdict = run_audit(cluster.settings, TOPOLOGY, RULES, SITES, lambda: NOON, wait=0.0)
    assert verdict.problems == ()
    assert verdict.quarantined["withdrawn"] == 2


def on_shelves(flow: Flow) -> list[Found]:
    shelves = [(topic.name, key, value) for topic in SHELVES for key, value in flow.broker.topics[topic.name]]
    return [Found(topic, 0, offset, 0, key, value, ()) for offset, (topic, key, value) in enumerate(shelves)]


def test_the_brokers_files_hold_nothing_of_who_opted_out(cluster: KafkaCluster) -> None:
    story = flow()
    published(cluster.settings, story)
    assert on_disk(cluster, GONE)
    time.sleep(1.0)  # older than the files that are made new; nobody opts out of what came in the same instant

    done = forget(cluster.settings)

    assert (done.patients, done.erased, done.refused) == (1, 2, False)
    assert done.rewritten > 0
    assert_forgotten(cluster, story)
    assert forget(cluster.settings) == Forgotten(1)


def test_killed_at_any_moment_the_next_turn_goes_on(cluster: KafkaCluster) -> None:
    story = flow()
    published(cluster.settings, story)
    command = "import sys; from monitoring.forgetting.forget import forget; from schemas.kafka import KafkaSettings; "
    command += "print('begun', flush=True); forget(KafkaSettings(bootstrap=sys.argv[1]))"
    for seconds in (0.2, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
        turn = subprocess.Popen([sys.executable, "-c", command, cluster.bootstrap], stdout=subprocess.PIPE)
        assert turn.stdout is not None
        turn.stdout.readline()
        time.sleep(seconds)
        turn.send_signal(signal.SIGKILL)
        turn.wait()
        turn.stdout.close()
    forget(cluster.settings)
    assert_forgotten(cluster, story)
