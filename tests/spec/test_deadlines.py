"""When the clock alone changes a state: seven days for either half, by the rules as shipped, to the minute."""

import datetime as dt

import pytest

from schemas.rules import parse_rules
from schemas.topics import COVERAGE_STATUS
from tests.spec.stories import ORDERS, flow_of, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_a_minute_before_its_deadline_a_row_still_awaits_its_images(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-12 08:59 | clock        |

        known
        | state           | since            | deadline         | updated          |
        | awaiting-images | 2020-05-05 09:00 | 2020-05-12 09:00 | 2020-05-05 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
@pytest.mark.parametrize("now", ["2020-05-12 09:00", "2020-05-12 09:01", "2021-01-01 00:00"])
def test_from_the_deadline_on_images_are_missing_whenever_somebody_looks(order: str, now: str) -> None:
    story = f"""
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | {now}            | clock        |

        known
        | state          | since            | deadline         | updated          |
        | images-missing | 2020-05-12 09:00 | 2020-05-12 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_that_never_came(order: str) -> None:
    story = """
        arrived
        | when             | what  |
        | 2020-05-05 09:00 | study |
        | 2020-05-13 00:00 | clock |

        known
        | state               | since            | deadline         |
        | spreadsheet-missing | 2020-05-12 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_positive_result_without_its_main_row(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | negative row | 1      |
        | 2020-05-06 14:30 | study        |        |
        | 2020-05-13 00:00 | clock        |        |

        known
        | state               | group    | since            | flags                    |
        | spreadsheet-missing | positive | 2020-05-12 09:00 | positive-in-status-sheet |
    """
    assert told(story, order) == written(story)


@each_order
def test_what_comes_after_the_deadline_completes_the_case(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-13 00:00 | clock        |
        | 2020-05-14 10:00 | study        |

        known
        | state    | since            | deadline | updated          |
        | complete | 2020-05-14 10:00 | -        | 2020-05-14 10:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_outside_the_window_do_not_stop_the_clock(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated      |
        | 2020-05-05 09:00 | positive row |            |
        | 2020-05-06 14:30 | study        | 2016-01-01 |
        | 2020-05-13 00:00 | clock        |            |

        known
        | state          | xray  | flags                 | since            |
        | images-missing | 1 out | images-outside-window | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_complete_case_has_no_deadline(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-06 14:30 | study        |
        | 2021-01-01 00:00 | clock        |

        known
        | state    | deadline | since            | updated          |
        | complete | -        | 2020-05-06 14:30 | 2020-05-06 14:30 |
    """
    assert told(story, order) == written(story)


SHORT = parse_rules('[site.PENM.grace]\nimages = "2d"\nspreadsheet = "12h"\n')
"""At PENM images may take two days and a spreadsheet half a day; elsewhere a week each."""


@each_order
def test_each_site_has_its_own_grace(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 | 9994621785 |
        | 2020-05-05 09:00 | positive row | PENM | 0999123    | 9995451018 |
        | 2020-05-07 02:00 | study        | PENM | 0999124    |            |
        | 2020-05-07 14:00 | clock        |      |            |            |

        known
        | case       | site | state               | since            | deadline         |
        | RR99900001 | RDGM | awaiting-images     | 2020-05-05 09:00 | 2020-05-12 09:00 |
        | 0999123    | PENM | images-missing      | 2020-05-07 09:00 | 2020-05-07 09:00 |
        | 0999124    | PENM | spreadsheet-missing | 2020-05-07 14:00 | 2020-05-07 14:00 |
    """
    assert told(story, order, SHORT) == written(story)


@each_order
def test_a_correction_that_asks_for_the_other_half_asks_by_another_deadline(order: str) -> None:
    """A negative result waits for images; corrected to positive it waits for the main row, half a day instead of two."""
    story = """
        arrived
        | when             | what         | site | number  | result |
        | 2020-05-05 09:00 | negative row | PENM | 0999123 | 0      |
        | 2020-05-05 11:00 | negative row | PENM | 0999123 | 1      |
        | 2020-05-05 21:00 | clock        |      |         |        |

        known
        | case    | site | state               | since            | deadline         |
        | 0999123 | PENM | spreadsheet-missing | 2020-05-05 21:00 | 2020-05-05 21:00 |
    """
    assert told(story, order, SHORT) == written(story)


@each_order
def test_a_correction_can_take_a_case_back_from_missing_to_awaiting(order: str) -> None:
    """The deadline for the main row has passed; corrected to negative, the same patient has until the deadline for images."""
    story = """
        arrived
        | when             | what         | site | number  | result |
        | 2020-05-05 09:00 | negative row | PENM | 0999123 | 1      |
        | 2020-05-06 09:00 | clock        |      |         |        |
        | 2020-05-06 10:00 | negative row | PENM | 0999123 | 0      |
        | 2020-05-06 11:00 | clock        |      |         |        |

        known
        | case    | site | state           | since            | deadline         |
        | 0999123 | PENM | awaiting-images | 2020-05-05 09:00 | 2020-05-07 09:00 |
    """
    assert told(story, order, SHORT) == written(story)


@each_order
def test_an_older_record_that_comes_late_moves_the_deadline_forward(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-06 09:00 | positive row |
        | 2020-05-12 10:00 | clock        |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-12 10:00 | clock        |

        known
        | state          | since            | deadline         |
        | images-missing | 2020-05-12 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_half_that_comes_late_but_outside_the_window_leaves_images_missing_since_the_deadline(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated      |
        | 2020-05-05 09:00 | positive row |            |
        | 2020-05-13 00:00 | clock        |            |
        | 2020-05-14 10:00 | study        | 2016-01-01 |

        known
        | state          | xray  | since            | updated          |
        | images-missing | 1 out | 2020-05-12 09:00 | 2020-05-14 10:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_of_before_the_deadline_that_arrive_after_it_are_complete_since_they_were_received(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-13 00:00 | clock        |
        | 2020-05-06 14:30 | study        |

        known
        | state    | since            | deadline |
        | complete | 2020-05-06 14:30 | -        |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_that_comes_after_its_deadline_begins_to_wait_for_images_within_the_window(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated      |
        | 2020-05-05 09:00 | study        | 2016-01-01 |
        | 2020-05-12 09:00 | clock        |            |
        | 2020-05-14 10:00 | positive row |            |

        known
        | state           | since            | deadline         |
        | awaiting-images | 2020-05-14 10:00 | 2020-05-21 10:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_how_often_and_how_late_somebody_looks_makes_no_difference(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-01 00:00 | clock        |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-05 09:00 | clock        |
        | 2020-05-12 08:59 | clock        |
        | 2020-05-12 09:00 | clock        |
        | 2020-05-12 09:00 | clock        |
        | 2022-02-02 22:22 | clock        |

        known
        | state          | since            | deadline         | updated          |
        | images-missing | 2020-05-12 09:00 | 2020-05-12 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_process_that_starts_again_knows_its_deadlines(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        |                  | restart      |            |            |
        | 2020-05-12 08:59 | clock        |            |            |
        |                  | restart      |            |            |
        | 2020-05-05 09:01 | positive row | RR99900002 | 9995451018 |
        | 2020-05-12 09:00 | clock        |            |            |
        |                  | restart      |            |            |

        known
        | case       | state           | since            | deadline         |
        | RR99900001 | images-missing  | 2020-05-12 09:00 | 2020-05-12 09:00 |
        | RR99900002 | awaiting-images | 2020-05-05 09:01 | 2020-05-12 09:01 |
    """
    assert told(story, order) == written(story)


def test_a_missing_half_stays_missing_when_a_process_starts_again() -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-13 00:00 | clock        |
    """
    flow = flow_of(story, "as it arrived")
    assert flow.restarted().statuses() == flow.statuses()
    assert {status.state for status in flow.statuses().values()} == {"images-missing"}


def test_a_tick_that_changes_nothing_publishes_nothing() -> None:
    flow = flow_of("""
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-13 00:00 | clock        |
    """, "as it arrived")  # fmt: skip
    before = len(flow.broker.topics[COVERAGE_STATUS.name])
    flow.ticks(dt.datetime(2020, 5, 13, tzinfo=dt.UTC)).ticks(dt.datetime(2020, 5, 1, tzinfo=dt.UTC))
    assert len(flow.broker.topics[COVERAGE_STATUS.name]) == before
