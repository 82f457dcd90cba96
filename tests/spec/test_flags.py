"""What a person should know of a case beside its state."""

import pytest

from tests.spec.stories import ORDERS, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_a_patient_in_both_sheets_is_positive_and_flagged(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | negative row |
        | 2020-05-06 09:00 | positive row |

        known
        | state           | group    | data | flags                | since            | deadline         |
        | awaiting-images | positive | both | in-both-spreadsheets | 2020-05-05 09:00 | 2020-05-12 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_positive_in_status_sheet_stays_while_the_latest_status_row_says_so(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        | result |
        | 2020-05-05 09:00 | negative row | RR99900001 | 9994621785 | 1      |
        | 2020-05-06 09:00 | positive row | RR99900001 | 9994621785 |        |
        | 2020-05-05 09:00 | negative row | RR99900002 | 9995451018 | 1      |
        | 2020-05-06 09:00 | negative row | RR99900002 | 9995451018 | 0      |

        known
        | case       | group    | flags                                          |
        | RR99900001 | positive | in-both-spreadsheets, positive-in-status-sheet |
        | RR99900002 | negative | -                                              |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_without_an_nhs_number(order: str) -> None:
    story = """
        arrived
        | when             | what         | nhs  |
        | 2020-05-05 09:00 | positive row | none |

        known
        | flags         | person | state           |
        | no-nhs-number | none   | awaiting-images |
    """
    assert told(story, order) == written(story)


@each_order
def test_one_row_with_an_nhs_number_is_enough(order: str) -> None:
    story = """
        arrived
        | when             | what         | nhs        |
        | 2020-05-05 09:00 | positive row | none       |
        | 2020-05-06 09:00 | negative row | 9995451018 |

        known
        | flags                | person     |
        | in-both-spreadsheets | 9995451018 |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_alone_are_not_flagged_for_want_of_an_nhs_number(order: str) -> None:
    story = """
        arrived
        | when             | what  |
        | 2020-05-05 09:00 | study |

        known
        | flags | person |
        | -     | none   |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_modality_nobody_asked_for_is_counted_and_flagged_and_completes_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | images |
        | 2020-05-05 09:00 | positive row |        |
        | 2020-05-06 14:30 | study        | US 12  |

        known
        | state           | other | xray | flags               |
        | awaiting-images | 1 in  | -    | unexpected-modality |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_study_of_several_modalities_counts_once_under_each(order: str) -> None:
    story = """
        arrived
        | when             | what         | images                 |
        | 2020-05-05 09:00 | positive row |                        |
        | 2020-05-06 14:30 | study        | CR 1, DX 2, CT 3, SR 1 |

        known
        | state    | xray | ct   | mr | other | flags               |
        | complete | 1 in | 1 in | -  | 1 in  | unexpected-modality |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_study_that_has_not_settled(order: str) -> None:
    story = """
        arrived
        | when             | what         | still    |
        | 2020-05-05 09:00 | positive row |          |
        | 2020-05-06 14:30 | study        | arriving |

        known
        | state    | flags                 |
        | complete | images-still-arriving |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_study_that_has_settled_since(order: str) -> None:
    story = """
        arrived
        | when             | what         | still    | images |
        | 2020-05-05 09:00 | positive row |          |        |
        | 2020-05-06 14:30 | study        | arriving | CT 100 |
        | 2020-05-06 14:40 | study        |          | CT 300 |

        known
        | state    | ct   | flags | since            | updated          |
        | complete | 1 in | -     | 2020-05-06 14:30 | 2020-05-06 14:40 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_study_in_which_more_than_one_patient_id_was_met(order: str) -> None:
    story = """
        arrived
        | when             | what         | patients |
        | 2020-05-05 09:00 | positive row |          |
        | 2020-05-06 14:30 | study        | 2        |

        known
        | state    | flags                        |
        | complete | several-patient-ids-in-study |
    """
    assert told(story, order) == written(story)


@each_order
def test_an_undated_study_lies_outside_every_window_that_a_row_gives(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated |
        | 2020-05-05 09:00 | positive row |       |
        | 2020-05-06 14:30 | study        | none  |

        known
        | state           | xray  | flags                                |
        | awaiting-images | 1 out | images-outside-window, study-undated |
    """
    assert told(story, order) == written(story)


@each_order
def test_an_undated_study_without_a_row_counts_outside_too(order: str) -> None:
    story = """
        arrived
        | when             | what  | dated |
        | 2020-05-06 14:30 | study | none  |

        known
        | state                | xray  | flags                                |
        | awaiting-spreadsheet | 1 out | images-outside-window, study-undated |
    """
    assert told(story, order) == written(story)
