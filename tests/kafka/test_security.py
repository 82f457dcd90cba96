"""SASL/SCRAM over TLS: each role does its work with the rights of its file, and can do nothing else."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from monitoring.coverage import coverage
from monitoring.forgetting.forget import forget
from monitoring.reading import StatusUnavailableError, read_status
from schemas.completeness import decode
from schemas.kafka import KafkaSettings, to_environment
from schemas.topics import COVERAGE_STATUS, RAW_IMAGES, RAW_ROWS, ROWS, AnyTopic
from streams.access import COUNTER, EXPORTER, KEEPER, OPERATOR, READER, SENDER, rights
from streams.admin import BrokerUnreachableError, ensure_topics
from streams.topology import TOPOLOGY
from tests.broker.setups import NCCID, Installation, environment, installed, until
from tests.edge_factories import dicom_file
from tests.kafka.cluster import KafkaCluster
from tests.kafka.guarded import grant, guarded_cluster
from tests.sheets import positive, sheet

ROLES = list(rights(TOPOLOGY))
SECRETS = {role: f"secret of {role}" for role in ROLES}
KEYLESS = [role for role in ROLES if role not in {"worker-pseudonymise", OPERATOR}]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    cluster = guarded_cluster(tmp_path_factory.mktemp("guarded"), SECRETS)
    try:
        cluster.start()
        for role in ROLES:
            grant(cluster, role)
        ensure_topics(cluster.settings_of(OPERATOR))
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        yield installation


def process(home: Installation, kafka: KafkaSettings, *command: str) -> "subprocess.Popen[bytes]":
    """A role of ours, told by its environment how to reach the cluster; the password is in a file, as secrets are."""
    secret = home.root / f"{kafka.sasl_username}.secret"
    secret.write_text(kafka.sasl_password or "", encoding="utf-8")
    told = to_environment(msgspec.structs.replace(kafka, sasl_password=None))
    told |= {"NCCID_HOME": str(home.home.root), "NCCID_KAFKA_SASL_PASSWORD_FILE": str(secret)}
    with (home.root / f"{kafka.sasl_username}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "nccid", *command],
            env={**environment(), **told},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def test_each_role_does_its_work_with_its_own_rights(guarded: KafkaCluster, home: Installation) -> None:
    home.deliver("RDGM", "positive", sheet(home.root / "sheet.xlsx", "positive", [positive()]))
    home.deliver("RDGM", "images", dicom_file(home.root / "film.dcm"))
    with ExitStack() as stack:
        commands = {SENDER: ["sender"]} | {
            f"worker-{'-'.join(names)}": ["worker", *(word for name in names for word in ("--step", name))]
            for names in TOPOLOGY.workers
        }
        running = {role: process(home, guarded.settings_of(role), *command) for role, command in commands.items()}
        for each in running.values():
            stack.callback(each.wait)
            stack.callback(each.kill)
        reader = guarded.settings_of(READER)
        until(lambda: sum(site.cases for site in coverage(read_status(reader)).values()) == 2, "both halves are known", 60)
        assert {role: each.poll() for role, each in running.items()} == dict.fromkeys(running)
        assert process(home, guarded.settings_of(EXPORTER), "export", "--to", str(home.root / "out")).wait(60) == 0
        counts = home.root / "counts.json"
        assert process(home, guarded.settings_of(COUNTER), "completeness", "--to", str(counts)).wait(60) == 0
        assert {line.site for line in decode(counts.read_bytes()).lines} == {"RDGM", "all"}
        audited = audit(home, guarded.settings_of(OPERATOR))
    assert forget(guarded.settings_of(KEEPER)).patients == 0
    assert json.loads(audited.stdout)["ok"], audited.stdout + audited.stderr


def test_who_reads_for_the_hub_reads_no_row_and_who_counts_hands_nothing_over(guarded: KafkaCluster, home: Installation) -> None:
    assert process(home, guarded.settings_of(COUNTER), "export", "--to", str(home.root / "out")).wait(60) == 1
    assert "nccid.withdrawals and nccid.person-withdrawals cannot be seen" in (home.root / f"{COUNTER}.log").read_text()
    assert process(home, guarded.settings_of(READER), "completeness", "--json").wait(60) == 1
    assert "nccid.rows cannot be seen" in (home.root / f"{READER}.log").read_text()


def audit(home: Installation, kafka: KafkaSettings) -> "subprocess.CompletedProcess[bytes]":
    command = [NCCID, "audit", "--dir", str(home.home.root), "--json"]
    return subprocess.run(command, env={**environment(), **to_environment(kafka)}, capture_output=True, check=False)


@pytest.mark.parametrize("role", KEYLESS)
@pytest.mark.parametrize("topic", [RAW_ROWS, RAW_IMAGES], ids=lambda topic: str(topic.name))
def test_without_keys_nobody_reads_raw_topics(guarded: KafkaCluster, role: str, topic: AnyTopic) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(read_one(guarded.settings_of(role), topic))


def test_with_keys_they_are_read(guarded: KafkaCluster) -> None:
    for topic in (RAW_ROWS, RAW_IMAGES):
        asyncio.run(write_one(guarded.settings_of(SENDER), topic))
        asyncio.run(read_one(guarded.settings_of("worker-pseudonymise"), topic))


@pytest.mark.parametrize(("role", "topic"), [(SENDER, COVERAGE_STATUS), (READER, COVERAGE_STATUS), ("worker-alerts", ROWS)])
def test_nobody_writes_what_is_not_theirs(guarded: KafkaCluster, role: str, topic: AnyTopic) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(write_one(guarded.settings_of(role), topic))


def test_with_a_wrong_password_or_an_unknown_authority_nobody_gets_in(guarded: KafkaCluster) -> None:
    kafka = guarded.settings_of(READER)
    for other in (
        msgspec.structs.replace(kafka, sasl_password="guessed"),  # noqa: S106  # a wrong one
        msgspec.structs.replace(kafka, ssl_cafile=None),
        msgspec.structs.replace(kafka, security_protocol="PLAINTEXT"),
    ):
        with pytest.raises(StatusUnavailableError):
            read_status(other, patience=8)
        with pytest.raises((BrokerUnreachableError, KafkaError)):
            ensure_topics(other, patience=2)


async def read_one(kafka: KafkaSettings, topic: AnyTopic) -> None:
    """Reads a record, of which there are some."""
    require_known(kafka, topic)
    consumer = AIOKafkaConsumer(**kafka.aiokafka_settings, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, number) for number in range(topic.partitions)])
        await consumer.seek_to_beginning()
        await asyncio.wait_for(consumer.getone(), 30)
    finally:
        await consumer.stop()


async def write_one(kafka: KafkaSettings, topic: AnyTopic) -> None:
    require_known(kafka, topic)
    producer = AIOKafkaProducer(**kafka.aiokafka_settings)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(topic.name, b"forged", b"k", 0), 30)
    finally:
        await producer.stop()


def require_known(kafka: KafkaSettings, topic: AnyTopic) -> None:
    """Who may neither read nor write a topic may not know of it; aiokafka then asks for ever, so it is asked for here."""
    admin = KafkaAdminClient(**kafka.client_settings)
    try:
        (described,) = admin.describe_topics([topic.name])
    finally:
        admin.close()
    if described["error_code"] == TopicAuthorizationFailedError.errno:
        raise TopicAuthorizationFailedError(topic.name)
