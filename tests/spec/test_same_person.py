"""One person under several numbers or at several sites: what each case knows of the others, and where a row stands in the end.

A row moves when a later upload of the site has the same NHS/CHI number under another hospital number.
"""

import pytest

from tests.spec.stories import ORDERS, people_told, table, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_a_person_seen_at_two_sites_keeps_one_case_a_site(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 |
        | 2020-05-06 09:00 | positive row | PENM | 0999123    |
        | 2020-05-07 09:00 | study        | PENM | 0999123    |

        known
        | case       | site | state           | person     | flags |
        | RR99900001 | RDGM | awaiting-images | 9994621785 | -     |
        | 0999123    | PENM | complete        | 9994621785 | -     |

        people
        | nhs        | flags         |
        | 9994621785 | several-sites |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_site_that_goes_by_nhs_numbers_is_the_second_site_by_its_images_alone(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 |
        | 2020-05-07 09:00 | study        | NTHV | 9994621785 |

        known
        | case       | site | state                | person     | flags |
        | RR99900001 | RDGM | awaiting-images      | 9994621785 | -     |
        | 9994621785 | NTHV | awaiting-spreadsheet | 9994621785 | -     |

        people
        | nhs        | flags         |
        | 9994621785 | several-sites |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_later_upload_under_another_hospital_number_moves_the_row(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-05 10:00 | study        | RR99900001 |
        | 2020-05-06 09:00 | positive row | RR99900002 |

        known
        | case       | state                | data | xray | person     | flags |
        | RR99900001 | awaiting-spreadsheet | none | 1 in | none       | -     |
        | RR99900002 | awaiting-images      | main | -    | 9994621785 | -     |

        people
        | nhs | flags |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_case_that_is_left_with_nothing_is_gone(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 09:00 | positive row | RR99900002 |

        known
        | case       | state           | since            | deadline         | flags |
        | RR99900002 | awaiting-images | 2020-05-06 09:00 | 2020-05-13 09:00 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_uploading_the_old_file_again_moves_the_row_back(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 09:00 | positive row | RR99900002 |
        | 2020-05-07 09:00 | positive row | RR99900001 |

        known
        | case       | state           | since            | person     | flags |
        | RR99900001 | awaiting-images | 2020-05-05 09:00 | 9994621785 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_images_under_the_right_number_complete_the_row_that_has_moved_there(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-05 10:00 | study        | RR99900002 |
        | 2020-05-06 09:00 | positive row | RR99900002 |

        known
        | case       | state    | since            | flags |
        | RR99900002 | complete | 2020-05-06 09:00 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_what_is_left_of_a_case_is_judged_by_what_is_left(order: str) -> None:
    """The main row has moved away, so the case is negative by its status row, with the window of that."""
    story = """
        arrived
        | when             | what         | number     | nhs        | swab       | dated      |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 | 2020-05-01 |            |
        | 2020-05-05 09:30 | negative row | RR99900001 | 9995451018 | 2020-05-01 |            |
        | 2020-05-05 10:00 | study        | RR99900001 |            |            | 2019-05-02 |
        | 2020-05-06 09:00 | positive row | RR99900002 | 9994621785 | 2020-05-01 |            |

        known
        | case       | state           | group    | data   | person     | xray  | flags                 |
        | RR99900001 | awaiting-images | negative | status | 9995451018 | 1 out | images-outside-window |
        | RR99900002 | awaiting-images | positive | main   | 9994621785 | -     | -                     |
    """
    assert told(story, order) == written(story)


@each_order
def test_both_rows_of_one_upload_stay_and_are_flagged(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | upload | row |
        | 2020-05-05 09:00 | positive row | RR99900001 | one    | 2   |
        | 2020-05-05 09:00 | positive row | RR99900002 | one    | 3   |

        known
        | case       | state           | person     | flags                    |
        | RR99900001 | awaiting-images | 9994621785 | several-hospital-numbers |
        | RR99900002 | awaiting-images | 9994621785 | several-hospital-numbers |

        people
        | nhs        | flags                    |
        | 9994621785 | several-hospital-numbers |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_later_upload_of_one_of_both_numbers_leaves_that_one(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | upload | row |
        | 2020-05-05 09:00 | positive row | RR99900001 | one    | 2   |
        | 2020-05-05 09:00 | positive row | RR99900002 | one    | 3   |
        | 2020-05-06 09:00 | positive row | RR99900001 | two    | 2   |

        known
        | case       | state           | flags |
        | RR99900001 | awaiting-images | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_main_sheet_under_one_number_and_the_status_sheet_under_another(order: str) -> None:
    """Rows of two sheets do not move each other; a person has to look."""
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 09:00 | negative row | RR99900002 |

        known
        | case       | group    | data   | flags                    |
        | RR99900001 | positive | main   | several-hospital-numbers |
        | RR99900002 | negative | status | several-hospital-numbers |

        people
        | nhs        | flags                                           |
        | 9994621785 | several-hospital-numbers, contradicting-results |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_positive_result_in_the_status_sheet_contradicts_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | result |
        | 2020-05-05 09:00 | positive row | RR99900001 |        |
        | 2020-05-06 09:00 | negative row | RR99900001 | 1      |

        people
        | nhs | flags |
    """
    assert people_told(story, order) == table(story, "people")


@each_order
def test_two_sites_that_contradict_each_other(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 |
        | 2020-05-06 09:00 | negative row | PENM | 0999123    |

        people
        | nhs        | flags                                |
        | 9994621785 | several-sites, contradicting-results |
    """
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_result_that_was_corrected_contradicts_no_more(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     | result |
        | 2020-05-05 09:00 | negative row | RDGM | RR99900001 | 1      |
        | 2020-05-06 09:00 | negative row | PENM | 0999123    | 0      |
        | 2020-05-07 09:00 | negative row | RDGM | RR99900001 | 0      |

        people
        | nhs        | flags         |
        | 9994621785 | several-sites |
    """
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_corrected_nhs_number_leaves_the_person_whom_it_named_by_mistake(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     | nhs        |
        | 2020-05-05 09:00 | positive row | PENM | 0999123    | 9994621785 |
        | 2020-05-05 10:00 | positive row | RDGM | RR99900001 | 9994621785 |
        | 2020-05-06 09:00 | positive row | RDGM | RR99900001 | 9995451018 |

        known
        | case       | site | state           | person     | flags |
        | 0999123    | PENM | awaiting-images | 9994621785 | -     |
        | RR99900001 | RDGM | awaiting-images | 9995451018 | -     |

        people
        | nhs | flags |
    """
    assert told(story, order) == written(story)
    assert people_told(story, order) == table(story, "people")


@each_order
def test_a_row_that_was_taken_away_by_mistake_is_back_when_the_mistake_is_corrected(order: str) -> None:
    """Bob's row first carried Ann's number, and so took hers from the number where it belongs."""
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-06 09:00 | positive row | RR99900002 | 9994621785 |
        | 2020-05-07 09:00 | positive row | RR99900002 | 9995451018 |

        known
        | case       | state           | person     | since            | flags |
        | RR99900001 | awaiting-images | 9994621785 | 2020-05-05 09:00 | -     |
        | RR99900002 | awaiting-images | 9995451018 | 2020-05-06 09:00 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_an_nhs_number_as_patient_id_beside_a_row_without_images_is_a_probable_mismatch_of_both(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 14:30 | study        | 9994621785 |

        known
        | case       | state                | person     | flags                |
        | RR99900001 | awaiting-images      | 9994621785 | probable-id-mismatch |
        | 9994621785 | awaiting-spreadsheet | 9994621785 | probable-id-mismatch |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_mismatch_is_resolved_when_images_come_under_the_right_number(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | study |
        | 2020-05-05 09:00 | positive row | RR99900001 |       |
        | 2020-05-06 14:30 | study        | 9994621785 | S1    |
        | 2020-05-07 14:30 | study        | RR99900001 | S1    |

        known
        | case       | state                | flags |
        | RR99900001 | complete             | -     |
        | 9994621785 | awaiting-spreadsheet | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_corrected_from_the_nhs_number_to_the_hospital_number_leaves_a_mismatch_behind(order: str) -> None:
    """PACS writes the NHS number, as column 2 first did: the correction was the wrong way round."""
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | 9994621785 |
        | 2020-05-06 14:30 | study        | 9994621785 |
        | 2020-05-07 09:00 | positive row | RR99900001 |

        known
        | case       | state                | data | flags                |
        | 9994621785 | awaiting-spreadsheet | none | probable-id-mismatch |
        | RR99900001 | awaiting-images      | main | probable-id-mismatch |
    """
    assert told(story, order) == written(story)


@each_order
def test_at_another_site_the_same_halves_are_no_mismatch(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 |
        | 2020-05-06 14:30 | study        | PENM | 9994621785 |

        known
        | case       | site | state                | flags |
        | RR99900001 | RDGM | awaiting-images      | -     |
        | 9994621785 | PENM | awaiting-spreadsheet | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_process_that_starts_again_knows_where_rows_stand(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        |                  | restart      |            |
        | 2020-05-06 09:00 | positive row | RR99900002 |
        |                  | restart      |            |
        | 2020-05-06 10:00 | study        | RR99900002 |
        |                  | restart      |            |

        known
        | case       | state    | flags |
        | RR99900002 | complete | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_row_that_has_moved_away_is_no_half_of_a_mismatch(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | 99900001   |
        | 2020-05-05 10:00 | study        | RR99900001 |
        | 2020-05-06 09:00 | positive row | RR99900002 |

        known
        | case       | state                | flags |
        | RR99900001 | awaiting-spreadsheet | -     |
        | RR99900002 | awaiting-images      | -     |
    """
    assert told(story, order) == written(story)
