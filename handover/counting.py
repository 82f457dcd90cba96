"""Which rows are counted: of all on the topic those that count now, each once."""

from collections.abc import Callable, Iterable
from contextlib import closing

import msgspec

from handover.aside import Kept, Patients
from handover.cleaning.units import Units
from handover.completeness import Completeness
from handover.publishable import Counting, counting
from handover.reading import read_cases, read_rows
from schemas.coverage import CasesReconciled
from schemas.kafka import KafkaSettings
from schemas.records import RowPseudonymised

Reading = Callable[[Callable[[Iterable[RowPseudonymised]], None]], None]
"""Reads all rows, and hands them over in pieces."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Counting).decode


def read_completeness(kafka: KafkaSettings, units: Units) -> Completeness:
    """The completeness of all rows that count now.

    Raises:
        TopicsUnavailableError: the topics cannot be read.
    """
    with closing(Waiting()) as waiting:
        read_cases(kafka, waiting.published)
        return count(units, waiting, lambda take: read_rows(kafka, take))


class Waiting:
    """The rows that count and were not counted yet, on disk. To be closed."""

    def __init__(self) -> None:
        self._patients = Patients()

    def published(self, cases: CasesReconciled) -> None:
        """Takes the newest record of a match in place of the one before."""
        open_cases = [each.case for each in cases.cases if each.case.withdrawn_at is None and each.status is not None]
        self.put(cases.match, [row for case in open_cases if (row := counting(case)) is not None])

    def put(self, match: str, rows: Iterable[Counting]) -> None:
        """Waits for these rows of a match, and for no others of it."""
        self._patients.put(match, [Kept(row.patient, None, _encode(row)) for row in rows])

    def is_next(self, record: RowPseudonymised) -> bool:
        """Whether a record is a row that counts; once."""
        kept = self._patients.value(record.patient)
        if kept is None or not _decode(kept).is_of(record):
            return False
        self._patients.drop(record.patient)
        return True

    def close(self) -> None:
        """Lets go of what is on disk."""
        self._patients.close()


def count(units: Units, waiting: Waiting, read: Reading) -> Completeness:
    """Counts the rows that count, each once, of all that are read.

    Args:
        units: the tables of units.
        waiting: the rows that count.
        read: reads all rows, in pieces.
    """
    counted = Completeness(units)

    def take(rows: Iterable[RowPseudonymised]) -> None:
        for row in rows:
            if waiting.is_next(row):
                counted.take(row)

    read(take)
    return counted
