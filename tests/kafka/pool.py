"""Clusters for tests that come and go: each has one to itself, with our topics new and empty, and no consumer group of before.

Kafka's topics have fixed names, so two tests cannot share a cluster at the same time; one after the other they can. With
KAFKA_BOOTSTRAP there is that one cluster only: ITS nccid.* TOPICS AND GROUPS ARE DELETED, again and again.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from schemas.kafka import KafkaSettings
from schemas.topics import PARTITIONS, TOPICS
from streams.admin import ensure_topics
from tests.kafka.cluster import KafkaCluster

GIVEN = "KAFKA_BOOTSTRAP"
_PREFIX = "nccid"
_EMPTY_SECONDS = 8.0


@dataclass
class Pool:
    """The clusters of a test session."""

    folder: Path
    _own: dict[str, KafkaCluster] = field(default_factory=dict)
    _free: list[str] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        if given := os.environ.get(GIVEN):
            self._free.append(given)

    def take(self) -> str:
        """The address of an empty cluster, for the caller alone until ``give_back``."""
        while self._free:
            address = self._free.pop()
            if _emptied(address):
                return address
            self.discard(address)
        if os.environ.get(GIVEN):
            pytest.skip(f"needs a cluster of its own, and {GIVEN} names one, which is in use")
        self._made += 1
        cluster = KafkaCluster(self.folder / f"cluster-{self._made}")
        self._own[cluster.bootstrap] = cluster
        cluster.start()
        return cluster.bootstrap

    def give_back(self, address: str) -> None:
        if address in self._own or os.environ.get(GIVEN):
            self._free.append(address)

    def discard(self, address: str) -> None:
        """Kills a cluster of our own."""
        if address in self._own:
            self._own.pop(address).end()

    def end(self) -> None:
        for cluster in self._own.values():
            cluster.end()
        self._own.clear()


def _emptied(address: str) -> bool:
    """Deletes what is ours there; whether it went (members of a group that were killed linger for a while)."""
    admin = KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=5000)
    try:
        until = time.monotonic() + _EMPTY_SECONDS
        while time.monotonic() < until:
            if not (_groups_left(admin) or _topics_left(admin)):
                return True
            time.sleep(0.2)
    except KafkaError:
        return False
    else:
        return False
    finally:
        admin.close()


def _topics_left(admin: KafkaAdminClient) -> bool:
    names = [name for name in admin.list_topics() if name.startswith(_PREFIX)]
    if names:
        admin.delete_topics(names, raise_errors=False)
    return bool(names)


def _groups_left(admin: KafkaAdminClient) -> bool:
    groups = [each["group_id"] for each in admin.list_groups() if each["group_id"].startswith(_PREFIX)]
    if groups:
        admin.delete_groups(groups)
    return bool(groups)


class LeasedBroker:
    """Apache Kafka in place of the embedded broker, for tests that only want a broker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.address = "127.0.0.1:1"  # nobody answers there
        self.cluster = ""

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(bootstrap=self.address)

    def start(self, topics: "list[str] | tuple[str, ...]" = ()) -> None:
        self.address = self._pool.take()
        admin = KafkaAdminClient(bootstrap_servers=self.address)
        self.cluster = admin.describe_cluster()["cluster_id"]
        admin.close()
        if topics:
            self.create(topics)

    def create(self, topics: "list[str] | tuple[str, ...]") -> None:
        others = [NewTopic(name, PARTITIONS, 1) for name in topics if name not in {topic.name for topic in TOPICS}]
        if len(others) < len(topics):
            ensure_topics(self.settings)  # with their settings
        if others:
            admin = KafkaAdminClient(bootstrap_servers=self.address)
            admin.create_topics(others)
            admin.close()

    def kill(self) -> None:
        """Kill -9, for good."""
        self._pool.discard(self.address)

    def end(self) -> None:
        self._pool.give_back(self.address)
