"""Reading the status topic: what is none of ours hides no answer."""

from monitoring.reading import records_in
from schemas.coverage import empty_cases
from schemas.topics import COVERAGE_STATUS


def test_garbage_and_tombstones_are_passed_over() -> None:
    first, last = empty_cases("M1"), empty_cases("M2")
    encode = COVERAGE_STATUS.wire.encode
    assert list(records_in([encode(first), b"garbage", None, b"{}", encode(last)])) == [first, last]
