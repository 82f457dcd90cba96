"""Which state a patient is in, since when, and until when the missing half may come (seven days, by the rules as shipped)."""

import pytest

from tests.spec.stories import ORDERS, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_a_row_alone_awaits_its_images(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |

        known
        | state           | group    | data | flags | xray | since            | deadline         | updated          |
        | awaiting-images | positive | main | -     | -    | 2020-05-05 09:00 | 2020-05-12 09:00 | 2020-05-05 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_status_row_alone_awaits_its_images_too(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | negative row |

        known
        | state           | group    | data   | flags | since            | deadline         |
        | awaiting-images | negative | status | -     | 2020-05-05 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_alone_await_their_row_and_count_as_in_the_window(order: str) -> None:
    story = """
        arrived
        | when             | what  | dated      |
        | 2020-05-06 14:30 | study | 1999-01-01 |

        known
        | state                | group   | data | flags | xray | person | since            | deadline         |
        | awaiting-spreadsheet | unknown | none | -     | 1 in | none   | 2020-05-06 14:30 | 2020-05-13 14:30 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_and_a_chest_xray_are_complete_since_the_second_of_them_came(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-06 14:30 | study        |

        known
        | state    | group    | data | flags | xray | since            | deadline | updated          | person     |
        | complete | positive | main | -     | 1 in | 2020-05-06 14:30 | -        | 2020-05-06 14:30 | 9994621785 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_first_then_the_row(order: str) -> None:
    story = """
        arrived
        | when             | what         | images |
        | 2020-05-05 09:00 | study        | CT 300 |
        | 2020-05-08 10:00 | positive row |        |

        known
        | state    | ct   | xray | since            | deadline |
        | complete | 1 in | -    | 2020-05-08 10:00 | -        |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_negative_patient_is_complete_by_the_status_row_alone(order: str) -> None:
    story = """
        arrived
        | when             | what         | images |
        | 2020-05-05 09:00 | negative row |        |
        | 2020-05-06 14:30 | study        | CR 2   |

        known
        | state    | group    | data   | xray | since            |
        | complete | negative | status | 1 in | 2020-05-06 14:30 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_positive_result_in_the_status_sheet_awaits_the_main_row_whatever_images_are_there(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | negative row | 1      |
        | 2020-05-06 14:30 | study        |        |

        known
        | state                | group    | data   | flags                    | xray | since            | deadline         |
        | awaiting-spreadsheet | positive | status | positive-in-status-sheet | 1 in | 2020-05-05 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_deadline_of_a_main_row_counts_from_the_first_record_of_the_side_that_is_there(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | study        |        |
        | 2020-05-06 14:30 | negative row | 1      |

        known
        | state                | since            | deadline         |
        | awaiting-spreadsheet | 2020-05-05 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_main_row_completes_what_a_positive_result_announced(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | negative row | 1      |
        | 2020-05-06 14:30 | study        |        |
        | 2020-05-07 08:00 | positive row |        |

        known
        | state    | group    | data | flags                                          | since            |
        | complete | positive | both | in-both-spreadsheets, positive-in-status-sheet | 2020-05-07 08:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_second_sheet_does_not_move_the_time_of_completion(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | negative row |
        | 2020-05-06 14:30 | study        |
        | 2020-05-08 09:00 | positive row |

        known
        | state    | group    | data | since            | updated          |
        | complete | positive | both | 2020-05-06 14:30 | 2020-05-08 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_magnetic_resonance_alone_completes_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | images |
        | 2020-05-05 09:00 | positive row |        |
        | 2020-05-06 14:30 | study        | MR 120 |

        known
        | state           | mr   | xray | ct | flags | since            | deadline         |
        | awaiting-images | 1 in | -    | -  | -     | 2020-05-05 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_outside_the_window_complete_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated      |
        | 2020-05-05 09:00 | positive row |            |
        | 2020-05-06 14:30 | study        | 2016-01-01 |

        known
        | state           | xray  | flags                 | deadline         |
        | awaiting-images | 1 out | images-outside-window | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_one_image_inside_is_enough_beside_any_outside(order: str) -> None:
    story = """
        arrived
        | when             | what         | study | dated      |
        | 2020-05-05 09:00 | positive row |       |            |
        | 2020-05-06 14:30 | study        | old   | 2016-01-01 |
        | 2020-05-07 10:00 | study        | new   | 2020-05-02 |

        known
        | state    | xray       | flags                 | since            |
        | complete | 1 in 1 out | images-outside-window | 2020-05-07 10:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_more_images_do_not_move_the_time_of_completion(order: str) -> None:
    story = """
        arrived
        | when             | what         | study  | images |
        | 2020-05-05 09:00 | positive row |        |        |
        | 2020-05-06 14:30 | study        | first  | DX 1   |
        | 2020-05-09 11:00 | study        | second | CT 90  |

        known
        | state    | xray | ct   | since            | updated          |
        | complete | 1 in | 1 in | 2020-05-06 14:30 | 2020-05-09 11:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_two_patients_do_not_touch_each_other(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-05 09:01 | positive row | RR99900002 | 9995451018 |
        | 2020-05-06 14:30 | study        | RR99900002 |            |

        known
        | case       | state           | person     | updated          |
        | RR99900001 | awaiting-images | 9994621785 | 2020-05-05 09:00 |
        | RR99900002 | complete        | 9995451018 | 2020-05-06 14:30 |
    """
    assert told(story, order) == written(story)
