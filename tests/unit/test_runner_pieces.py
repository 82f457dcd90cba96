"""Pieces of the runner that need no broker: when a message is acknowledged, and where a key lies."""

from collections import defaultdict
from collections.abc import Sequence
from types import SimpleNamespace

from aiokafka.partitioner import DefaultPartitioner as WorkersPartitioner
from faust.transport.consumer import Consumer
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import DefaultPartitioner as SendersPartitioner

from schemas.topics import PARTITIONS
from streams.acknowledging import Acknowledgement, InOrder
from streams.partitions import partition_of

keys = st.one_of(
    st.binary(min_size=1, max_size=64),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=26, max_size=26).map(lambda text: f"M{text}".encode()),
)


class Cluster:
    """As much of a cluster as a partitioner looks at."""

    def topics(self) -> set[str]:
        return {"topic"}

    def partitions_for_topic(self, _: str) -> set[int]:
        return set(range(PARTITIONS))

    available_partitions_for_topic = partitions_for_topic


def calls_after(writes: int, acknowledged: Sequence[int], *, sent_after: int) -> list[int]:
    """How often the message has been acknowledged after each step; all is handed over after ``sent_after`` of the writes."""
    called: list[None] = []
    acknowledge = Acknowledgement(lambda: called.append(None))
    done = [acknowledge.one_more() for _ in range(writes)]
    seen = []
    for step, write in enumerate(acknowledged):
        if step == sent_after:
            acknowledge.all_sent()
        done[write]()
        seen.append(len(called))
    if sent_after >= len(acknowledged):
        acknowledge.all_sent()
    return [*seen, len(called)]


def test_a_message_of_which_nothing_follows_is_acknowledged_at_once() -> None:
    assert calls_after(0, [], sent_after=0) == [1]


def test_it_is_not_acknowledged_before_the_last_write_is() -> None:
    assert calls_after(3, [0, 1, 2], sent_after=0) == [0, 0, 1, 1]
    assert calls_after(3, [2, 0], sent_after=0) == [0, 0, 0]


def test_it_is_not_acknowledged_while_there_is_more_to_send() -> None:
    """The first write is through before the second one is handed over."""
    called: list[None] = []
    acknowledge = Acknowledgement(lambda: called.append(None))
    acknowledge.one_more()()
    assert called == []
    acknowledge.one_more()()
    assert called == []
    acknowledge.all_sent()
    assert called == [None]


@given(st.integers(1, 6).flatmap(lambda writes: st.tuples(st.permutations(range(writes)), st.integers(0, writes))))
def test_it_is_acknowledged_once_in_whatever_order_writes_are(case: tuple[list[int], int]) -> None:
    order, sent_after = case
    counts = calls_after(len(order), order, sent_after=sent_after)
    last = len(order) - 1 if sent_after < len(order) else len(order)
    assert counts == [1 if step >= last else 0 for step in range(len(counts))]


def test_faust_would_commit_past_a_message_that_is_still_open() -> None:
    """Why they are kept in order: 10 is open, 11 is done. When this fails, Faust has been mended, and ``InOrder`` may go."""
    place = TP("topic", 0)
    consumer = SimpleNamespace(
        _acked={place: [11]}, _acked_index={place: {11}}, _gap=defaultdict(list), _committed_offset={place: 10}
    )
    assert Consumer._new_offset(consumer, place) == 12


@given(st.integers(1, 8).flatmap(lambda messages: st.permutations(range(messages))))
def test_messages_are_acknowledged_in_the_order_in_which_they_were_taken(finished: list[int]) -> None:
    acknowledged: list[int] = []
    order = InOrder()
    done = [order.take(lambda number=number: acknowledged.append(number)) for number in range(len(finished))]  # type: ignore[misc]
    for count, number in enumerate(finished, 1):
        done[number]()
        over = set(finished[:count])
        assert acknowledged == [each for each in range(len(finished)) if all(before in over for before in range(each + 1))]
    assert len(order) == 0


@given(keys)
def test_a_key_lies_where_the_partitioners_of_both_clients_put_it(key: bytes) -> None:
    everywhere = list(range(PARTITIONS))
    assert partition_of(key) == WorkersPartitioner()(key, everywhere, everywhere)
    assert partition_of(key) == SendersPartitioner().partition("topic", None, key, None, b"", Cluster())


def test_keys_are_spread() -> None:
    counts = [[partition_of(f"M{number}".encode()) for number in range(4000)].count(number) for number in range(PARTITIONS)]
    assert min(counts) > 800
