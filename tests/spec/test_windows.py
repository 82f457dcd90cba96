"""Which images belong to a row: both ends of a window are inside it.

Positive: Study Date from three calendar years before the swab, open above. Negative: 28 days either side of the swab.
Each line of a table below is one patient with one row and one study; the story is the same, only the days differ.
"""

import pytest

from tests.spec.stories import ORDERS, told, written
from tests.spec.tables import Line, tables

CASES = """
    positive: three years to the day, and a day more
    | what         | swab       | dated      | xray  |
    | positive row | 2020-05-01 | 2017-05-01 | 1 in  |
    | positive row | 2020-05-01 | 2017-04-30 | 1 out |

    positive: the last day of a month stays the last day
    | what         | swab       | dated      | xray  |
    | positive row | 2020-05-31 | 2017-05-31 | 1 in  |
    | positive row | 2020-05-31 | 2017-05-30 | 1 out |
    | positive row | 2020-12-30 | 2017-12-29 | 1 out |

    positive: from 29 February, where three years before has none
    | what         | swab       | dated      | xray  |
    | positive row | 2020-02-29 | 2017-02-28 | 1 in  |
    | positive row | 2020-02-29 | 2017-02-27 | 1 out |
    | positive row | 2020-02-29 | 2017-03-01 | 1 in  |

    positive: 1 March and 28 February of a year after a leap year
    | what         | swab       | dated      | xray  |
    | positive row | 2019-03-01 | 2016-03-01 | 1 in  |
    | positive row | 2019-03-01 | 2016-02-29 | 1 out |
    | positive row | 2019-02-28 | 2016-02-28 | 1 in  |
    | positive row | 2019-02-28 | 2016-02-29 | 1 in  |
    | positive row | 2019-02-28 | 2016-02-27 | 1 out |

    positive: nothing is too late
    | what         | swab       | dated      | xray  |
    | positive row | 2020-05-01 | 2020-05-01 | 1 in  |
    | positive row | 2020-05-01 | 2023-12-31 | 1 in  |

    positive without a swab date: three years before the day of the upload
    | what         | when             | swab | dated      | xray  |
    | positive row | 2020-05-05 09:00 | none | 2017-05-05 | 1 in  |
    | positive row | 2020-05-05 09:00 | none | 2017-05-04 | 1 out |
    | positive row | 2020-05-05 23:59 | none | 2017-05-05 | 1 in  |
    | positive row | 2020-05-06 00:00 | none | 2017-05-05 | 1 out |

    negative: 28 days and 29, before and after
    | what         | swab       | dated      | xray  |
    | negative row | 2020-05-01 | 2020-04-03 | 1 in  |
    | negative row | 2020-05-01 | 2020-04-02 | 1 out |
    | negative row | 2020-05-01 | 2020-05-29 | 1 in  |
    | negative row | 2020-05-01 | 2020-05-30 | 1 out |
    | negative row | 2020-05-01 | 2020-05-01 | 1 in  |

    negative: over 29 February
    | what         | swab       | dated      | xray  |
    | negative row | 2020-03-28 | 2020-02-29 | 1 in  |
    | negative row | 2020-03-28 | 2020-02-28 | 1 out |
    | negative row | 2020-02-01 | 2020-02-29 | 1 in  |
    | negative row | 2020-02-01 | 2020-03-01 | 1 out |

    negative without a swab date: 28 days either side of the upload
    | what         | when             | swab | dated      | xray  |
    | negative row | 2020-05-05 09:00 | none | 2020-04-07 | 1 in  |
    | negative row | 2020-05-05 09:00 | none | 2020-04-06 | 1 out |
    | negative row | 2020-05-05 09:00 | none | 2020-06-02 | 1 in  |
    | negative row | 2020-05-05 09:00 | none | 2020-06-03 | 1 out |

    status row with result 1: the positive window from that row's date
    | what         | swab       | result | dated      | xray  |
    | negative row | 2020-05-01 | 1      | 2017-05-01 | 1 in  |
    | negative row | 2020-05-01 | 1      | 2017-04-30 | 1 out |
    | negative row | 2020-05-01 | 1      | 2021-05-01 | 1 in  |
"""

LINES = [(title, line) for title, lines in tables(CASES).items() for line in lines]


@pytest.mark.parametrize(("title", "line"), LINES, ids=[f"{title} [{line['dated']}]" for title, line in LINES])
def test_window(title: str, line: Line) -> None:
    story = f"""
        arrived
        | when | what | swab | result | dated |
        | {line.get("when", "2020-05-05 09:00")} | {line["what"]} | {line.get("swab", "")} | {line.get("result", "")} | |
        | 2020-05-06 14:30 | study | | | {line["dated"]} |

        known
        | xray |
        | {line["xray"]} |
    """
    assert told(story, "as it arrived") == written(story), title


each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_in_both_sheets_the_main_row_gives_the_window(order: str) -> None:
    story = """
        arrived
        | when             | what         | swab       | dated      |
        | 2020-05-05 09:00 | negative row | 2020-03-01 |            |
        | 2020-05-05 10:00 | positive row | 2020-05-01 |            |
        | 2020-05-06 14:30 | study        |            | 2017-06-01 |

        known
        | state    | xray |
        | complete | 1 in |
    """
    assert told(story, order) == written(story)


@each_order
def test_several_studies_each_by_its_own_date(order: str) -> None:
    story = """
        arrived
        | when             | what         | swab       | study | dated      | images |
        | 2020-05-05 09:00 | negative row | 2020-05-01 |       |            |        |
        | 2020-05-06 14:30 | study        |            | a     | 2020-04-03 | DX 1   |
        | 2020-05-06 14:31 | study        |            | b     | 2020-04-02 | DX 1   |
        | 2020-05-06 14:32 | study        |            | c     | 2020-05-29 | CT 80  |
        | 2020-05-06 14:33 | study        |            | d     | 2020-05-30 | MR 80  |

        known
        | state    | xray       | ct   | mr    | flags                 | since            |
        | complete | 1 in 1 out | 1 in | 1 out | images-outside-window | 2020-05-06 14:30 |
    """
    assert told(story, order) == written(story)
