"""The limits: when a worker stops instead of carrying a whole stream into quarantine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.quarantine import Reason
from schemas.topics import QUARANTINE, ROWS
from streams.limits import DEFAULT, LimitError, Limits, limit_from, reason_of
from streams.steps import Emitted
from tests.factories import Flow

PLACE = ("pseudonymise", "nccid.raw.rows", 0)
BAD, GOOD = Reason.UNDECODABLE, None


def first_stop(limits: Limits, reasons: list[Reason | None], start: int = 0) -> int | None:
    """The index of the message at which the worker stops, if it does."""
    reached = (limits.window(PLACE, at).reached(at, reason) for at, reason in enumerate(reasons, start))
    return next((index for index, stop in enumerate(reached) if stop), None)


def test_more_than_the_limit_in_a_row_stops() -> None:
    assert first_stop(Limits(3), [BAD] * 10) == 3


def test_as_many_as_the_limit_do_not() -> None:
    assert first_stop(Limits(3), [BAD] * 3 + [GOOD] * 10 + [BAD] * 3) is None


def test_every_other_one_never_stops() -> None:
    assert first_stop(Limits(3), [BAD, GOOD] * 100) is None


def test_more_than_half_of_the_window_stops() -> None:
    assert first_stop(Limits(3), [BAD, BAD, GOOD] * 10) == 4


def test_what_was_dropped_after_an_opt_out_does_not_count() -> None:
    assert first_stop(Limits(3), [Reason.WITHDRAWN] * 100) is None


def test_zero_is_no_limit() -> None:
    assert first_stop(Limits(0), [BAD] * 100) is None


def test_partitions_and_steps_are_counted_apart() -> None:
    limits = Limits(3)
    places = [("pseudonymise", "nccid.raw.rows", 0), ("pseudonymise", "nccid.raw.rows", 1), ("people", "nccid.raw.rows", 0)]
    assert not any(limits.window(place, offset).reached(offset, BAD) for offset in range(3) for place in places)


def test_a_worker_that_is_started_again_stops_at_the_same_message_and_eats_no_more() -> None:
    stopped = first_stop(Limits(3), [BAD] * 100)
    assert stopped == 3
    assert first_stop(Limits(3, {PLACE: {0, 1, 2}}), [BAD] * 100, start=stopped) == 0


def test_once_the_cause_is_gone_it_goes_on() -> None:
    assert first_stop(Limits(3, {PLACE: {0, 1, 2}}), [GOOD] * 100, start=3) is None


def test_what_lies_further_back_is_forgotten() -> None:
    assert first_stop(Limits(3, {PLACE: {0, 1, 2}}), [BAD] * 3, start=100) is None


def test_a_partition_that_is_read_again_is_counted_anew() -> None:
    limits = Limits(3)
    assert first_stop(limits, [BAD] * 3) is None
    assert first_stop(limits, [BAD] * 3) is None


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_it_stops_exactly_where_more_than_half_of_the_window_was_rejected(most: int, rejected: list[bool]) -> None:
    expected = next(
        (at for at in range(len(rejected)) if rejected[at] and sum(rejected[max(0, at + 1 - 2 * most) : at + 1]) > most), None
    )
    assert first_stop(Limits(most), [BAD if each else GOOD for each in rejected]) == expected


def test_the_reason_is_read_from_the_quarantine_record() -> None:
    flow = Flow()
    flow.broker.publish(ROWS, b"M", b"garbage")
    ((key, value),) = flow.broker.topics[QUARANTINE.name]
    assert reason_of(Emitted(QUARANTINE, key, value)) is Reason.UNDECODABLE
    assert reason_of(Emitted(ROWS, b"M", b"garbage")) is None


@pytest.mark.parametrize(("text", "limit"), [(None, DEFAULT), ("0", 0), ("7", 7)])
def test_the_limit_comes_from_the_environment(text: str | None, limit: int) -> None:
    assert limit_from({} if text is None else {"NCCID_QUARANTINE_LIMIT": text}) == limit


@pytest.mark.parametrize("text", ["", "-1", "many", "1.5", "²"])
def test_a_limit_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(LimitError, match="whole number"):
        limit_from({"NCCID_QUARANTINE_LIMIT": text})
