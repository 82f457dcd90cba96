"""What comes again: the latest upload decides whatever the order of arrival; studies only grow; nothing counts twice."""

import pytest

from tests.spec.stories import ORDERS, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_a_later_upload_corrects_the_swab_date(order: str) -> None:
    story = """
        arrived
        | when             | what         | swab       | dated      |
        | 2020-05-05 09:00 | positive row | 2020-05-01 |            |
        | 2020-05-06 14:30 | study        |            | 2017-03-01 |
        | 2020-05-08 09:00 | positive row | 2020-02-01 |            |

        known
        | state    | xray | data | since            | updated          |
        | complete | 1 in | main | 2020-05-06 14:30 | 2020-05-08 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_an_older_upload_that_arrives_later_changes_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | swab       | dated      |
        | 2020-05-08 09:00 | positive row | 2020-05-01 |            |
        | 2020-05-06 14:30 | study        |            | 2017-03-01 |
        | 2020-05-05 09:00 | positive row | 2020-02-01 |            |

        known
        | state           | xray  | since            | deadline         | updated          |
        | awaiting-images | 1 out | 2020-05-05 09:00 | 2020-05-12 09:00 | 2020-05-08 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_of_two_uploads_of_one_moment_the_greater_upload_id_decides(order: str) -> None:
    story = """
        arrived
        | when             | what         | upload | swab       | dated      |
        | 2020-05-05 09:00 | positive row | b      | 2020-02-01 |            |
        | 2020-05-05 09:00 | positive row | a      | 2020-05-01 |            |
        | 2020-05-06 14:30 | study        |        |            | 2017-03-01 |

        known
        | state    | xray |
        | complete | 1 in |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_sent_again_does_not_move_its_deadline(order: str) -> None:
    story = """
        arrived
        | when             | what         |
        | 2020-05-05 09:00 | positive row |
        | 2020-05-08 09:00 | positive row |

        known
        | state           | since            | deadline         | updated          |
        | awaiting-images | 2020-05-05 09:00 | 2020-05-12 09:00 | 2020-05-08 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_correction_can_take_the_nhs_number_away_and_another_can_bring_it(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-08 09:00 | positive row | RR99900001 | none       |
        | 2020-05-05 09:00 | positive row | RR99900002 | none       |
        | 2020-05-08 09:00 | positive row | RR99900002 | 9995451018 |

        known
        | case       | person     | flags         |
        | RR99900001 | none       | no-nhs-number |
        | RR99900002 | 9995451018 | -             |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_status_row_corrected_from_positive_to_negative(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | negative row | 1      |
        | 2020-05-08 09:00 | negative row | 0      |
        | 2020-05-06 14:30 | study        |        |

        known
        | state    | group    | data   | flags | xray |
        | complete | negative | status | -     | 1 in |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_status_row_corrected_from_negative_to_positive(order: str) -> None:
    story = """
        arrived
        | when             | what         | result |
        | 2020-05-05 09:00 | negative row | 0      |
        | 2020-05-08 09:00 | negative row | 1      |
        | 2020-05-06 14:30 | study        |        |

        known
        | state                | group    | data   | flags                    |
        | awaiting-spreadsheet | positive | status | positive-in-status-sheet |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_study_sent_again_with_more_images_is_one_study(order: str) -> None:
    story = """
        arrived
        | when             | what         | images       |
        | 2020-05-05 09:00 | positive row |              |
        | 2020-05-06 14:30 | study        | CT 1         |
        | 2020-05-06 14:40 | study        | CT 300       |
        | 2020-05-06 14:50 | study        | CT 300, SR 1 |

        known
        | state    | ct   | other | flags               | since            | updated          |
        | complete | 1 in | 1 in  | unexpected-modality | 2020-05-06 14:30 | 2020-05-06 14:50 |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_later_report_can_bring_the_study_date(order: str) -> None:
    story = """
        arrived
        | when             | what         | dated      |
        | 2020-05-05 09:00 | positive row |            |
        | 2020-05-06 14:30 | study        | none       |
        | 2020-05-06 14:40 | study        | 2020-05-02 |

        known
        | state    | xray | flags |
        | complete | 1 in | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_several_patient_ids_are_not_forgotten(order: str) -> None:
    story = """
        arrived
        | when             | what  | patients |
        | 2020-05-06 14:30 | study | 2        |
        | 2020-05-06 14:40 | study | 1        |

        known
        | flags                        |
        | several-patient-ids-in-study |
    """
    assert told(story, order) == written(story)
