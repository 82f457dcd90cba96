"""The index of deadlines: which keys of a partition are due, whatever has been noted before."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from schemas.topics import PARTITIONS
from streams.deadlines import Deadlines
from streams.partitions import partition_of
from tests.factories import NOON

HOUR = dt.timedelta(hours=1)
KEY = b"MONE"
HERE = partition_of(KEY)
KEYS = tuple(f"M{number}".encode() for number in range(12))


def index(*noted: tuple[bytes, dt.datetime | None]) -> Deadlines:
    made = Deadlines()
    for key, deadline in noted:
        made.note(key, deadline)
    return made


def test_nothing_is_due_of_nothing() -> None:
    assert not Deadlines().is_due(0, NOON)
    assert Deadlines().due(0, NOON) == []


def test_a_key_is_due_at_its_deadline_and_not_a_microsecond_before() -> None:
    deadlines = index((KEY, NOON))
    before = NOON - dt.timedelta(microseconds=1)
    assert (deadlines.is_due(HERE, before), deadlines.due(HERE, before)) == (False, [])
    assert (deadlines.is_due(HERE, NOON), deadlines.due(HERE, NOON)) == (True, [KEY])


def test_it_is_due_in_its_own_partition_only() -> None:
    deadlines = index((KEY, NOON))
    assert [number for number in range(PARTITIONS) if deadlines.is_due(number, NOON)] == [HERE]


def test_it_stays_due_until_something_else_is_noted() -> None:
    """A tick may be read twice, or by a process that ends before it has written."""
    deadlines = index((KEY, NOON))
    assert [deadlines.due(HERE, NOON) for _ in range(3)] == [[KEY]] * 3
    deadlines.note(KEY, None)
    assert deadlines.due(HERE, NOON) == []


def test_a_deadline_that_has_moved_counts_where_it_is_now() -> None:
    later = index((KEY, NOON), (KEY, NOON + HOUR))
    assert (later.due(HERE, NOON), later.due(HERE, NOON + HOUR)) == ([], [KEY])
    earlier = index((KEY, NOON + HOUR), (KEY, NOON))
    assert earlier.due(HERE, NOON) == [KEY]


def test_a_deadline_that_has_moved_there_and_back_is_due_once() -> None:
    deadlines = index((KEY, NOON), (KEY, NOON + HOUR), (KEY, NOON))
    assert deadlines.due(HERE, NOON + HOUR) == [KEY]


def test_noting_the_same_again_takes_no_room() -> None:
    deadlines = index(*[(KEY, NOON)] * 100)
    assert sum(map(len, deadlines._heaps.values())) == 1


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.one_of(st.none(), st.integers(0, 9))), max_size=40),
    st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.integers(0, 9)), max_size=10),
)
def test_it_says_what_a_list_of_all_deadlines_would_say(
    noted: list[tuple[bytes, int | None]], asked: list[tuple[int, int]]
) -> None:
    deadlines, known = Deadlines(), dict[bytes, int | None]()
    for key, hours in noted:
        deadlines.note(key, None if hours is None else NOON + hours * HOUR)
        known[key] = hours
    for partition, hours in asked:
        due = {key for key, hour in known.items() if hour is not None and hour <= hours and partition_of(key) == partition}
        found = deadlines.due(partition, NOON + hours * HOUR)
        assert sorted(found) == sorted(due)
        assert [known[key] for key in found] == sorted(known[key] or 0 for key in found)
        assert deadlines.is_due(partition, NOON + hours * HOUR) == bool(due)
