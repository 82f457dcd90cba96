"""How a number is written, and where: what is one patient, what is two, and what looks like a slip.

RDGM goes by hospital numbers (RR and eight digits), NTHV by NHS numbers, PENM by seven digits.
"""

import pytest

from tests.spec.stories import ORDERS, told, written

each_order = pytest.mark.parametrize("order", ORDERS)


@each_order
def test_letter_case_and_outer_spaces_make_no_difference(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | rr99900001 |
        | 2020-05-06 14:30 | study        | RR99900001 |

        known
        | case       | state    |
        | RR99900001 | complete |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_prefix_left_out_makes_two_cases_that_are_flagged_and_not_joined(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | 99900001   |
        | 2020-05-06 14:30 | study        | RR99900001 |

        known
        | case       | state                | data | xray | flags                |
        | 99900001   | awaiting-images      | main | -    | probable-id-mismatch |
        | RR99900001 | awaiting-spreadsheet | none | 1 in | probable-id-mismatch |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_lost_zero_is_seen_too(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number  |
        | 2020-05-05 09:00 | negative row | PENM | 999123  |
        | 2020-05-06 14:30 | study        | PENM | 0999123 |

        known
        | case    | site | state                | flags                |
        | 999123  | PENM | awaiting-images      | probable-id-mismatch |
        | 0999123 | PENM | awaiting-spreadsheet | probable-id-mismatch |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_corrected_row_completes_the_case_and_the_wrong_one_is_no_longer_complementary(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs  |
        | 2020-05-05 09:00 | positive row | 99900001   | none |
        | 2020-05-06 14:30 | study        | RR99900001 |      |
        | 2020-05-08 09:00 | positive row | RR99900001 | none |

        known
        | case       | state           | flags         |
        | 99900001   | awaiting-images | no-nhs-number |
        | RR99900001 | complete        | no-nhs-number |
    """
    assert told(story, order) == written(story)


@each_order
def test_two_rows_of_the_same_digits_are_not_complementary(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | 99900001   | 9994621785 |
        | 2020-05-06 09:00 | positive row | RR99900001 | 9995451018 |

        known
        | case       | flags |
        | 99900001   | -     |
        | RR99900001 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_same_hospital_number_at_two_sites_is_two_patients(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number  | nhs        |
        | 2020-05-05 09:00 | positive row | PENM | 0999123 | 9994621785 |
        | 2020-05-06 14:30 | study        | RDGM | 0999123 |            |

        known
        | case    | site | state                | person     | flags |
        | 0999123 | PENM | awaiting-images      | 9994621785 | -     |
        | 0999123 | RDGM | awaiting-spreadsheet | none       | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_one_person_at_two_sites_keeps_one_case_at_each(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 |
        | 2020-05-06 09:00 | positive row | PENM | 0999123    |

        known
        | case       | site | state           | person     |
        | RR99900001 | RDGM | awaiting-images | 9994621785 |
        | 0999123    | PENM | awaiting-images | 9994621785 |
    """
    assert told(story, order) == written(story)


@each_order
def test_where_pacs_uses_nhs_numbers_the_images_link_by_it_whatever_the_hospital_number_is(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | nhs         | number       |
        | 2020-05-05 09:00 | positive row | NTHV | 9994621785  | X999123      |
        | 2020-05-06 14:30 | study        | NTHV |             | 999 462 1785 |

        known
        | case       | site | state    | person     | flags |
        | 9994621785 | NTHV | complete | 9994621785 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_where_pacs_uses_nhs_numbers_the_person_of_images_alone_is_known(order: str) -> None:
    story = """
        arrived
        | when             | what  | site | number     |
        | 2020-05-06 14:30 | study | NTHV | 9995451018 |

        known
        | case       | site | state                | person     |
        | 9995451018 | NTHV | awaiting-spreadsheet | 9995451018 |
    """
    assert told(story, order) == written(story)


@each_order
def test_where_pacs_uses_nhs_numbers_a_patient_id_that_is_none_is_a_case_of_its_own_and_no_mismatch(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | nhs        | number     |
        | 2020-05-05 09:00 | positive row | NTHV | 9994621785 | X999123    |
        | 2020-05-06 14:30 | study        | NTHV |            | X999123    |
        | 2020-05-06 14:35 | study        | NTHV |            | X9994621785 |

        known
        | case        | site | state                | person     | flags |
        | 9994621785  | NTHV | awaiting-images      | 9994621785 | -     |
        | X999123     | NTHV | awaiting-spreadsheet | none       | -     |
        | X9994621785 | NTHV | awaiting-spreadsheet | none       | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_an_nhs_number_as_patient_id_at_a_site_with_hospital_numbers_is_its_own_case_of_the_same_person(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 14:30 | study        | 9994621785 |

        known
        | case       | state                | person     |
        | RR99900001 | awaiting-images      | 9994621785 |
        | 9994621785 | awaiting-spreadsheet | 9994621785 |
    """
    assert told(story, order) == written(story)
