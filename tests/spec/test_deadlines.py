"""When the clock alone changes a state: seven days for either half, by the rules as shipped, to the minute."""

import pytest

from tests.spec.stories import ORDERS, told, written

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
