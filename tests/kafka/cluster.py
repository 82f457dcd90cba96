"""Apache Kafka for tests: one or three KRaft brokers on loopback, each broker and controller at once, that can be hurt."""

import asyncio
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from local.apache.broker import KafkaBroker, settings_of
from local.ports import free_ports
from schemas.kafka import KafkaSettings

READY_SECONDS = 60.0

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
    "log.retention.check.interval.ms": "300000",
}


@dataclass(frozen=True)
class Guarded:
    """A cluster that asks who we are: listeners with SASL, TLS or both, users, and rights for those who have them."""

    protocol: str = "SASL_PLAINTEXT"
    users: Mapping[str, str] = field(default_factory=dict)  # name -> password; SCRAM-SHA-512
    superuser: str = "admin"
    settings: Mapping[str, str] = field(default_factory=dict)
    cafile: str | None = None


class KafkaCluster:
    """Some brokers; made with ``start``, gone with ``end``."""

    def __init__(self, folder: Path, brokers: int = 1, guarded: Guarded | None = None) -> None:
        self._guarded = guarded
        ports = free_ports(2 * brokers)
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
        return {
            **settings_of(broker, self.brokers, protocol),
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
