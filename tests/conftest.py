"""How many examples Hypothesis tries: HYPOTHESIS_PROFILE=ci (the default) or nightly. And on which broker: ``--kafka``."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.broker import setups
from tests.kafka.pool import Pool

settings.register_profile("ci", max_examples=50, deadline=None, print_blob=True)
settings.register_profile(
    "nightly",
    max_examples=10_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # a loaded machine at night is no failure
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

KAFKA_TESTS = Path(__file__).parent / "kafka"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kafka", action="store_true", help="tests/broker on Apache Kafka, and tests/kafka too: `make test-kafka`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "embedded_only: is about the embedded broker; left out on Apache Kafka")
    os.environ.setdefault("NCCID_FAULTS_DIR", tempfile.mkdtemp(prefix="nccid-faults-") if config.getoption("--kafka") else "")
    config.addinivalue_line("markers", "long: minutes of faults; left out unless NCCID_LONG=1")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is about Apache Kafka is not collected without it."""
    return True if collection_path == KAFKA_TESTS and not config.getoption("--kafka") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {"embedded_only"} if config.getoption("--kafka") else set()
    left_out |= set() if os.environ.get("NCCID_LONG") == "1" else {"long"}
    out = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Clusters of Apache Kafka; a missing Java or Maven is an error, not a skip."""
    made = Pool(tmp_path_factory.mktemp("kafka"))
    yield made
    made.end()


@pytest.fixture(scope="session", autouse=True)
def _kafka(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--kafka``, every set-up of a test runs on a cluster from the pool."""
    if request.config.getoption("--kafka"):
        setups.CLUSTERS = request.getfixturevalue("pool")
    yield
    setups.CLUSTERS = None
