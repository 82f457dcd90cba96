"""A cluster of Apache Kafka for a test: from the pool where it is left whole, of the test's own where it is hurt."""

from collections.abc import Iterator

import pytest

from schemas.topics import TOPICS
from tests.kafka.play import kept, table
from tests.kafka.pool import LeasedBroker, Pool


@pytest.fixture
def broker(pool: Pool) -> Iterator[LeasedBroker]:
    """One broker with our topics, empty."""
    leased = LeasedBroker(pool)
    leased.start([topic.name for topic in TOPICS])
    yield leased
    leased.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was hurt, and what became of it."""
    if rows := kept():
        terminalreporter.section("faults on Apache Kafka")
        terminalreporter.write_line(table(rows))
