"""The fold itself, for programs that run it without our runner: the one place where a benchmark looks inside the engine."""

from collections.abc import Callable
from pathlib import Path

from schemas import sites
from schemas.rules import default_rules
from schemas.sites import read_sites
from schemas.topics import COVERAGE_STATUS
from streams.partitions import partition_of
from streams.steps import Emitted, Given, Message
from streams.topology import TOPOLOGY
from streams.working import reconcile_working

__all__ = ["STATUS", "WORKERS", "Emitted", "Fold", "partition_of", "the_fold"]

STATUS = COVERAGE_STATUS.name
WORKERS = TOPOLOGY.workers
"""The steps of each worker process of ours."""

Fold = Callable[[bytes, bytes, bytes | None], tuple[Emitted, ...]]
"""Key and value of a message, and what is kept under the key, to what is written; a status is what is kept next."""


def the_fold() -> Fold:
    """That of the step ``reconcile``, with the usual rules."""
    registry = read_sites(Path(sites.__file__).with_name("sites.example.toml"))
    work = reconcile_working(Given(sites=registry, rules=default_rules(), keyring=None)).work

    def fold(key: bytes, value: bytes, kept: bytes | None) -> tuple[Emitted, ...]:
        return work(Message(key, value, kept)).emitted

    return fold
