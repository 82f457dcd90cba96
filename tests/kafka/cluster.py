"""Apache Kafka for tests: one or three KRaft brokers on loopback, each broker and controller at once, that can be hurt."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from local.children import die_with_parent
from schemas.kafka import KafkaSettings

FOLDER = Path(__file__).parent
JARS = FOLDER / "target" / "jars"
READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_JAVA = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # small, and quick to start

_QUICK = {  # a cluster of production waits longer everywhere; nothing here changes what is kept
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1500",
    "replica.lag.time.max.ms": "4000",
    "auto.create.topics.enable": "false",
    "log.retention.check.interval.ms": "300000",
}


class KafkaMissingError(Exception):
    """Apache Kafka cannot be had; says what to install."""


def bring_jars() -> None:
    """Has Maven lay Apache Kafka's jars into ``target/jars``, unless they are there for this very ``pom.xml``.

    Raises:
        KafkaMissingError: there is no Java or no Maven, or Maven cannot get them.
    """
    if shutil.which("java") is None:
        raise KafkaMissingError("Apache Kafka needs Java 17: apt-get install openjdk-17-jre-headless")
    JARS.parent.mkdir(exist_ok=True)
    with (JARS.parent / "lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        _bring(FOLDER / "pom.xml", JARS.parent / "pom.done")


def _bring(pom: Path, done: Path) -> None:
    if done.exists() and done.read_bytes() == pom.read_bytes():
        return
    if shutil.which("mvn") is None:
        raise KafkaMissingError("Apache Kafka's jars are brought by Maven: apt-get install maven")
    command = ["mvn", "--batch-mode", "--quiet", "--file", str(pom), "dependency:copy-dependencies"]
    shutil.rmtree(JARS, ignore_errors=True)
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise KafkaMissingError(f"Maven could not bring Apache Kafka's jars:\n{ran.stdout}\n{ran.stderr}")
    done.write_bytes(pom.read_bytes())


@dataclass(frozen=True)
class Guarded:
    """A cluster that asks who we are: listeners with SASL, TLS or both, users, and rights for those who have them."""

    protocol: str = "SASL_PLAINTEXT"
    users: Mapping[str, str] = field(default_factory=dict)  # name -> password; SCRAM-SHA-512
    superuser: str = "admin"
    settings: Mapping[str, str] = field(default_factory=dict)
    cafile: str | None = None


class KafkaBroker:
    """One process: broker and controller."""

    def __init__(self, folder: Path, number: int, ports: tuple[int, int]) -> None:
        self.folder, self.number = folder / f"broker-{number}", number
        self.port, self.controller_port = ports
        self.log = self.folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self, settings: Mapping[str, str], cluster_id: str, *formatting: str) -> None:
        """Writes the settings and formats the storage."""
        self.folder.mkdir(parents=True)
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        _java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties), *formatting)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _command("kafka.Kafka", str(self.folder / "server.properties")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # also when the tests are killed
            )

    def kill(self) -> None:
        """Kill -9."""
        self._send(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to stop, and kills it when it does not."""
        self._send(signal.SIGTERM)

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _send(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class KafkaCluster:
    """Some brokers; made with ``start``, gone with ``end``."""

    def __init__(self, folder: Path, brokers: int = 1, guarded: Guarded | None = None) -> None:
        bring_jars()
        self._guarded = guarded
        ports = _free_ports(2 * brokers)
        self.brokers = [KafkaBroker(folder, n + 1, (ports[2 * n], ports[2 * n + 1])) for n in range(brokers)]
        self.cluster_id = "n" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]  # a leading minus would be a flag
        for broker in self.brokers:
            broker.prepare(self._settings(broker), self.cluster_id, *self._formatting())

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def settings(self) -> KafkaSettings:
        """How to reach it; as the superuser where it asks."""
        if self._guarded is None:
            return KafkaSettings(bootstrap=self.bootstrap)
        return self.settings_of(self._guarded.superuser)

    def settings_of(self, user: str) -> KafkaSettings:
        """How to reach it as a user."""
        assert self._guarded is not None
        return KafkaSettings(
            bootstrap=self.bootstrap,
            security_protocol=self._guarded.protocol,  # type: ignore[arg-type]  # one of the literals
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username=user,
            sasl_password=self._guarded.users[user],
            ssl_cafile=self._guarded.cafile,
        )

    def start(self) -> None:
        for broker in self.brokers:
            broker.start()
        self.wait()

    def wait(self) -> None:
        """Until all brokers that run are known to the cluster."""
        running = sum(broker.is_running for broker in self.brokers)
        give_up = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self._known() >= running:
                    return
            except (KafkaError, OSError):
                pass
            if time.monotonic() > give_up or not any(broker.is_running for broker in self.brokers):
                logs = "\n".join(broker.log.read_text(errors="replace")[-3000:] for broker in self.brokers)
                raise AssertionError(f"Apache Kafka did not come up within {READY_SECONDS:.0f} s:\n{logs}")
            time.sleep(0.1)

    def _known(self) -> int:
        return asyncio.run(asyncio.wait_for(_brokers(self.settings), 10))

    def end(self) -> None:
        for broker in self.brokers:
            broker.kill()

    def _formatting(self) -> list[str]:
        if self._guarded is None:
            return []
        users = self._guarded.users.items()
        return [word for name, secret in users for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={secret}]")]

    def _settings(self, broker: KafkaBroker) -> dict[str, str]:
        protocol = self._guarded.protocol if self._guarded else "PLAINTEXT"
        voters = ",".join(f"{each.number}@127.0.0.1:{each.controller_port}" for each in self.brokers)
        copies = str(len(self.brokers))
        quorum = str(max(1, len(self.brokers) - 1))
        return {
            "process.roles": "broker,controller",
            "node.id": str(broker.number),
            "controller.quorum.voters": voters,
            "listeners": f"CLIENTS://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port}",
            "advertised.listeners": f"CLIENTS://127.0.0.1:{broker.port}",
            "listener.security.protocol.map": f"CLIENTS:{protocol},CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLIENTS",
            "log.dirs": str(broker.folder / "data"),
            "default.replication.factor": copies,
            "min.insync.replicas": quorum,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": quorum,
            **_QUICK,
            **(self._guarded.settings if self._guarded else {}),
        }


async def _brokers(kafka: KafkaSettings) -> int:
    """By aiokafka: kafka-python 3.0 may wait for ever for a broker that is only coming up and asks for SASL."""
    admin = AIOKafkaAdminClient(**kafka.aiokafka_settings)
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    finally:
        await admin.close()


def _command(main: str, *arguments: str) -> Sequence[str]:
    logging = f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.properties'}"
    return ["java", *_JAVA, logging, "-cp", f"{JARS}{os.sep}*", main, *arguments]


def _java(main: str, *arguments: str) -> None:
    ran = subprocess.run(_command(main, *arguments), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{main}: {ran.stdout}\n{ran.stderr}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
