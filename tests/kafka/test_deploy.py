"""The cluster of the compose file, started by its own scripts: three brokers, users, rights. Only addresses are other ones."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from local.apache.jars import LOGGING, bring_jars
from local.ports import free_ports
from schemas.kafka import KafkaSettings
from schemas.topics import RAW_ROWS, ROWS, TOPICS
from streams.access import rights
from streams.admin import ensure_topics
from streams.granting import RightsRefusedError, grant
from streams.topology import TOPOLOGY
from tests.broker.setups import until

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAMS = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
}
USERS = ["broker", *rights(TOPOLOGY)]


class Deployment:
    """Three brokers on loopback, each with the ports that its container would have by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = free_ports(12)
        self.ports = {number: ports[4 * number - 4 : 4 * number] for number in (1, 2, 3)}  # INTAKE, STREAMS, BROKERS, CONTROLLER
        self._started: list[subprocess.Popen[bytes]] = []
        self._make_programs()
        (folder / "secrets").mkdir()
        for user in USERS:
            (folder / "secrets" / f"kafka-{user}").write_text(f"secret-of-{user}")

    def _make_programs(self) -> None:
        """What the image of Apache Kafka has in /opt/kafka/bin, with the jars that Maven brought."""
        binaries = self.folder / "kafka" / "bin"
        binaries.mkdir(parents=True)
        jars = bring_jars()
        for name, main in PROGRAMS.items():
            script = binaries / name
            java = f'exec java -Xmx384m -XX:TieredStopAtLevel=1 {LOGGING} -cp "{jars}/*" {main} "$@"'
            script.write_text(f"#!/bin/bash\n{java}\n")
            script.chmod(0o755)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "KAFKA_HOME": str(self.folder / "kafka"), "SECRETS": str(self.folder / "secrets")}

    def settings_of(self, number: int) -> Path:
        """The settings of the deployment, with addresses of this machine in place of names of containers."""
        text = (DEPLOY / "kafka" / "server.properties").read_text()
        intake, streams, brokers, controller = self.ports[number]
        for each, ports in self.ports.items():
            text = text.replace(f"kafka-{each}:9093", f"127.0.0.1:{ports[3]}")
        for zone, said, port in (
            ("INTAKE", 9092, intake),
            ("STREAMS", 9094, streams),
            ("BROKERS", 9095, brokers),
            ("CONTROLLER", 9093, controller),
        ):
            text = text.replace(f"{zone}://:{said}", f"{zone}://127.0.0.1:{port}")
            text = text.replace(f"{zone}://@NAME@.{zone.lower()}:{said}", f"{zone}://127.0.0.1:{port}")
        path = self.folder / f"server-{number}.properties"
        path.write_text(text)
        return path

    def start(self) -> None:
        for number in self.ports:
            environment = {
                **self.environment(),
                "NODE_ID": str(number),
                "CLUSTER_ID": "bmNjaWQtY292ZXJhZ2UtMQ",
                "SETTINGS": str(self.settings_of(number)),
                "DATA": str(self.folder / f"data-{number}"),
            }
            with (self.folder / f"broker-{number}.log").open("wb") as log:
                start = ["bash", str(DEPLOY / "kafka" / "start.sh")]
                self._started.append(subprocess.Popen(start, env=environment, stdout=log, stderr=log, start_new_session=True))

    def as_user(self, user: str, zone: int) -> KafkaSettings:
        return KafkaSettings(
            bootstrap=",".join(f"127.0.0.1:{ports[zone]}" for ports in self.ports.values()),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username=user,
            sasl_password=f"secret-of-{user}",
        )

    def end(self) -> None:
        for process in self._started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path_factory.mktemp("deployment"))
    deployment.start()
    try:
        broker = deployment.as_user("broker", 2)
        until(lambda: _answers(broker), "the brokers answer", 90.0)
        until(lambda: _granted(broker), "the rights are given; compose starts who gives them again, too", 60.0)
        ensure_topics(deployment.as_user("operator", 0))
        yield deployment
    finally:
        deployment.end()


def _answers(kafka: KafkaSettings) -> bool:
    from kafka import KafkaAdminClient

    try:
        admin = KafkaAdminClient(**kafka.client_settings, bootstrap_timeout_ms=2000)
    except (KafkaError, OSError, ValueError):
        return False
    try:
        return len(admin.describe_cluster()["brokers"]) == 3
    except KafkaError:
        return False
    finally:
        admin.close()


def _granted(kafka: KafkaSettings) -> bool:
    try:
        grant(kafka, rights(TOPOLOGY))
    except RightsRefusedError:
        return False
    return True


def can_write(kafka: KafkaSettings, topic: str) -> bool:
    producer = KafkaProducer(**kafka.client_settings, acks="all", max_block_ms=10_000)
    try:
        producer.send(topic, b"x", key=b"k").get(timeout=15)
    except KafkaError:
        return False
    finally:
        producer.close(timeout=5)
    return True


def can_read(kafka: KafkaSettings, topic: str) -> bool:
    consumer = KafkaConsumer(**kafka.client_settings, auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        consumer.assign([])
        return bool(consumer.partitions_for_topic(topic))
    except KafkaError:
        return False
    finally:
        consumer.close()


def test_all_topics_have_three_copies(deployment: Deployment) -> None:
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(**deployment.as_user("broker", 2).client_settings)
    try:
        described = admin.describe_topics([topic.name for topic in TOPICS])
    finally:
        admin.close()
    copies = {len(partition["replica_nodes"]) for topic in described for partition in topic["partitions"]}
    assert (len(described), copies) == (len(TOPICS), {3})


def test_the_sender_may_write_raw_rows_and_nothing_behind_them(deployment: Deployment) -> None:
    sender = deployment.as_user("sender", 0)
    assert can_write(sender, RAW_ROWS.name)
    assert not can_write(sender, ROWS.name)


def test_a_worker_without_keys_does_not_even_see_the_raw_topics(deployment: Deployment) -> None:
    worker = deployment.as_user("worker-reconcile-people-sites", 1)
    assert can_read(worker, ROWS.name)
    assert not can_read(worker, RAW_ROWS.name)


def test_who_is_no_super_user_gives_no_rights(deployment: Deployment) -> None:
    with pytest.raises(RightsRefusedError, match="super user"):
        grant(deployment.as_user("sender", 2), rights(TOPOLOGY))


def test_a_wrong_password_opens_nothing(deployment: Deployment) -> None:
    from msgspec.structs import replace

    assert not _answers(replace(deployment.as_user("broker", 2), sasl_password=f"not-{USERS[0]}"))
