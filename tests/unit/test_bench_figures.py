"""Figures of benchmarks: medians, ranges, ratios within a run, percentiles, rates without the start."""

import pytest

from bench.figures import percentile, ratios, spread
from bench.outcome import Outcome, Written, rate


def test_a_spread_is_median_least_and_most() -> None:
    assert spread([3.0, 1.0, 2.004]) == {"median": 2.0, "least": 1.0, "most": 3.0}


def test_a_ratio_is_taken_within_its_run() -> None:
    assert ratios([10.0, 20.0], [5.0, 20.0]) == {"median": 1.5, "least": 1.0, "most": 2.0}


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_percentiles_by_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 101)], share) == expected


def test_of_one_value_every_percentile_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_what_the_first_write_held_is_not_counted() -> None:
    assert rate([[1000, 1000], [2000, 3000]], 4) == 1.0  # two of four came after the first write, within two seconds


def test_events_that_share_a_status_are_counted() -> None:
    assert rate([[1000, 3000]], 4) == 1.0  # four events, two statuses: half of them came after the first write


COMPLETE, KNOWS = b'{"state":"complete"}', b'{"case":{"main":{},"has_studies":true}}'


def outcome(statuses: dict[bytes, bytes], persons: dict[bytes, bytes]) -> Outcome:
    return Outcome(Written([], statuses), Written([], persons))


def test_nothing_is_wrong_when_every_patient_is_complete_and_every_person_knows() -> None:
    assert outcome({b"a": COMPLETE, b"b": COMPLETE}, {b"p": KNOWS, b"q": KNOWS}).wrong(2) == ""


@pytest.mark.parametrize(
    ("statuses", "persons"),
    [
        ({b"a": COMPLETE}, {b"p": KNOWS, b"q": KNOWS}),  # a patient is missing
        ({b"a": COMPLETE, b"b": b'{"state":"awaiting-images"}'}, {b"p": KNOWS, b"q": KNOWS}),  # a study was lost
        ({b"a": COMPLETE, b"b": COMPLETE}, {b"p": KNOWS}),  # a person was not told
        ({b"a": COMPLETE, b"b": COMPLETE, b"c": b"{}"}, {b"p": KNOWS, b"q": KNOWS}),  # somebody is there who should not be
    ],
)
def test_whoever_loses_or_adds_something_has_lost(statuses: dict[bytes, bytes], persons: dict[bytes, bytes]) -> None:
    assert outcome(statuses, persons).wrong(2) != ""
