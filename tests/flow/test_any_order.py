"""The promise at the centre: any order, any repetition and any batching of the same records give the same coverage.

The whole path runs, from sealed raw records to statuses; every field is compared, ``since``, ``deadline`` and ``updated_at`` too.
"""

import datetime as dt
from collections.abc import Callable, Sequence

import msgspec
from hypothesis import given, target
from hypothesis import strategies as st

from schemas.coverage import CoverageStatus
from schemas.records import Raw
from schemas.topics import COVERAGE_STATUS
from streams.topology import TOPOLOGY
from tests.factories import NOON, Flow, Sent, statuses_after
from tests.flow.arrivals import events, records
from tests.flow.lagging import lagging_flow

some_records = st.lists(events(), min_size=1, max_size=14)


@st.composite
def two_tellings(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """Some records, and the same ones again: reordered, and some of them repeated, anywhere."""
    first = draw(some_records)
    repeated = draw(st.lists(st.sampled_from(first), max_size=6))
    return first, list(draw(st.permutations(first + repeated)))


@given(two_tellings())
def test_any_order_and_any_repetition(tellings: tuple[list[Sent], list[Sent]]) -> None:
    first, second = tellings
    expected = statuses_after(first)
    target(float(len({status.state for status in expected.values()})), label="states met")
    assert statuses_after(second) == expected


def _site(record: Sent) -> object:
    return getattr(record, "site", None)  # a person has none


@given(some_records, st.lists(st.integers(1, 5), min_size=1, max_size=5), st.sampled_from((_site, type)))
def test_any_batching_by_site_or_by_door(arrived: list[Sent], sizes: list[int], lane_of: Callable[[Sent], object]) -> None:
    """Each lane keeps its order, as a partition does; the lanes are taken from in turn, some records at a time."""
    assert statuses_after(_interleaved(arrived, sizes, lane_of)) == statuses_after(arrived)


@given(some_records)
def test_telling_all_again_changes_nothing_at_all(arrived: list[Sent]) -> None:
    """Down to the bytes of what is published and kept: a replay is invisible."""
    flow = Flow().arrives(*arrived)
    before = dict(flow.broker.topics[COVERAGE_STATUS.name])
    flow.arrives(*arrived)
    assert dict(flow.broker.topics[COVERAGE_STATUS.name]) == before


@given(some_records, st.data())
def test_a_worker_that_starts_again_in_the_middle_folds_the_rest_onto_what_it_published(
    arrived: list[Sent], data: st.DataObject
) -> None:
    """What was published last under each key is all that is needed to go on; records after the last commit come twice."""
    cut = data.draw(st.integers(0, len(arrived)), label="killed after")
    committed = data.draw(st.integers(0, cut), label="committed up to")
    before = Flow().arrives(*arrived[:cut])
    after = Flow()
    for step in TOPOLOGY.steps:
        if step.keeps is not None:
            published = before.broker.topics[step.keeps.name]
            after.broker.topics[step.keeps.name] = list(published)
            after.broker.kept[step.name] = dict(published)
    after.arrives(*arrived[committed:])
    assert after.statuses() == statuses_after(arrived)


@given(two_tellings(), st.lists(st.integers(0, 20 * 24), min_size=2, max_size=2), st.data())
def test_the_clock_may_speak_at_any_moment_as_long_as_it_has_the_last_word(
    tellings: tuple[list[Sent], list[Sent]], hours: list[int], data: st.DataObject
) -> None:
    """Deadlines follow from the case and the clock: how often somebody looked makes no difference."""
    first, second = tellings
    now = NOON + dt.timedelta(hours=max(hours))
    expected = Flow().arrives(*first).ticks(now).statuses()
    target(float(sum(status.state.endswith("missing") for status in expected.values())), label="overdue")
    cut = data.draw(st.integers(0, len(second)), label="the clock speaks after")
    other = Flow().arrives(*second[:cut]).ticks(NOON + dt.timedelta(hours=min(hours))).arrives(*second[cut:]).ticks(now)
    assert other.statuses() == expected


@given(some_records, st.data())
def test_every_topic_may_be_read_at_its_own_speed(arrived: list[Sent], data: st.DataObject) -> None:
    """What one step has said of a person may reach another step long after newer rows have."""
    lagging = lagging_flow(arrived, lambda topics: data.draw(st.integers(0, topics - 1)))
    assert lagging.statuses() == statuses_after(arrived)


@given(st.lists(records(), min_size=1, max_size=14))
def test_rows_and_images_of_other_sites_change_nothing(arrived: list[Raw]) -> None:
    together = statuses_after(arrived)
    alone: dict[str, CoverageStatus] = {}
    for site in {record.site for record in arrived}:
        alone |= statuses_after([record for record in arrived if record.site == site])
    assert alone == together


@given(some_records)
def test_what_is_published_can_be_read_back_as_it_is(arrived: list[Sent]) -> None:
    for status in statuses_after(arrived).values():
        assert msgspec.json.decode(msgspec.json.encode(status), type=CoverageStatus) == status


def _interleaved(arrived: Sequence[Sent], sizes: Sequence[int], lane_of: Callable[[Sent], object]) -> list[Sent]:
    lanes: dict[object, list[Sent]] = {}
    for record in arrived:
        lanes.setdefault(lane_of(record), []).append(record)
    taken: list[Sent] = []
    turn = 0
    while any(lanes.values()):
        for lane in lanes.values():
            size = sizes[turn % len(sizes)]
            taken += lane[:size]
            del lane[:size]
            turn += 1
    return taken
