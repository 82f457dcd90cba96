"""What an export reads is held in small pieces, however much lies on the topics."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator

import pytest

from bench.cases import case_record
from bench.complete import publish
from bench.servers import broker
from handover.reading import read_cases, read_rows
from schemas.coverage import CasesReconciled
from schemas.kafka import KafkaSettings
from schemas.records import RowPseudonymised

PATIENTS = 10_000
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """An embedded broker with some 20 MiB of rows, and a third of that of cases."""
    with broker(tmp_path_factory.mktemp("memory")) as address:
        publish(address, [case_record(number) for number in range(PATIENTS)])
        yield KafkaSettings(bootstrap=address)


def most_held(read: Callable[[], None]) -> int:
    """Bytes that Python's objects took at most meanwhile."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_are_never_many_at_once(kafka: KafkaSettings) -> None:
    """An answer of the embedded broker grows with the topic, unless it is told how large it may be in all."""
    read = 0

    def take(rows: Iterable[RowPseudonymised]) -> None:
        nonlocal read
        read += sum(1 for _ in rows)

    assert most_held(lambda: read_rows(kafka, take)) < 4 * MIB
    assert read == PATIENTS


def test_cases_are_never_many_at_once(kafka: KafkaSettings) -> None:
    read = 0

    def take(_: CasesReconciled) -> None:
        nonlocal read
        read += 1

    assert most_held(lambda: read_cases(kafka, take)) < 4 * MIB
    assert read == PATIENTS
