"""Patients who opt out: nothing of them is kept but that they did, whatever comes before or after, and wherever."""

import pytest

from monitoring.checker import Question, answers
from monitoring.view import StatusView
from schemas.people import PersonReconciled
from schemas.topics import ALERTS, COVERAGE_STATUS, PEOPLE, QUARANTINE
from tests.factories import ANN, BOB, NOON, Flow, nhs, patient_withdrawn, person_withdrawn, raw_row, raw_study
from tests.spec.stories import NAMES, ORDERS, dropped, flow_of, told, written

each_order = pytest.mark.parametrize("order", ORDERS)

AT_TWO_SITES = """
        arrived
        | when             | what         | site | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 | 9994621785 |
        | 2020-05-05 09:30 | study        | RDGM | RR99900001 |            |
        | 2020-05-05 10:00 | positive row | NTHV | X999123    | 9994621785 |
        | 2020-05-06 09:00 | positive row | RDGM | RR99900002 | 9995451018 |
        | 2020-05-07 09:00 | withdrawal   |      |            | 9994621785 |

        known
        | case       | site | state           | group    | data | xray | person     | since            | flags |
        | RR99900001 | RDGM | withdrawn       | unknown  | none | -    | 9994621785 | 2020-05-07 09:00 | -     |
        | 9994621785 | NTHV | withdrawn       | unknown  | none | -    | 9994621785 | 2020-05-07 09:00 | -     |
        | RR99900002 | RDGM | awaiting-images | positive | main | -    | 9995451018 | 2020-05-06 09:00 | -     |
"""


@each_order
def test_by_nhs_number_at_every_site_and_nobody_else(order: str) -> None:
    assert told(AT_TWO_SITES, order) == written(AT_TWO_SITES)


@each_order
def test_by_hospital_number_at_this_site(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-05 09:30 | study        | RR99900001 |
        | 2020-05-07 09:00 | withdrawal   | RR99900001 |

        known
        | state     | group   | data | xray | person     | since            | updated          | deadline | flags |
        | withdrawn | unknown | none | -    | 9994621785 | 2020-05-07 09:00 | 2020-05-07 09:00 | -        | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_before_anything_has_arrived(order: str) -> None:
    story = """
        arrived
        | when             | what         | site | number     | nhs        |
        | 2020-05-04 09:00 | withdrawal   | RDGM | RR99900001 |            |
        | 2020-05-04 09:00 | withdrawal   |      |            | 9995451018 |
        | 2020-05-05 09:00 | positive row | RDGM | RR99900001 | 9994621785 |
        | 2020-05-05 09:30 | study        | RDGM | RR99900001 |            |
        | 2020-05-05 10:00 | positive row | PENM | 0999123    | 9995451018 |
        | 2020-05-05 10:30 | study        | PENM | 0999123    |            |

        known
        | case       | site | state     | person     | data | xray | since            |
        | RR99900001 | RDGM | withdrawn | 9994621785 | none | -    | 2020-05-04 09:00 |
        | 0999123    | PENM | withdrawn | 9995451018 | none | -    | 2020-05-04 09:00 |
    """
    assert told(story, order) == written(story)


def test_a_patient_of_whom_nothing_has_ever_arrived_is_withdrawn_all_the_same() -> None:
    story = """
        arrived
        | when             | what       | number     |
        | 2020-05-04 09:00 | withdrawal | RR99900001 |

        known
        | state     | person | since            |
        | withdrawn | none   | 2020-05-04 09:00 |
    """
    assert told(story, "as it arrived") == written(story)


@each_order
def test_the_first_time_counts_when_it_is_said_again(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-09 09:00 | withdrawal   | RR99900001 |            |
        | 2020-05-07 09:00 | withdrawal   |            | 9994621785 |
        | 2020-05-08 09:00 | withdrawal   | RR99900001 |            |

        known
        | state     | since            |
        | withdrawn | 2020-05-07 09:00 |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_clock_and_a_restart_change_nothing(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        |                  | restart      |            |
        | 2020-05-06 09:00 | withdrawal   | RR99900001 |
        |                  | restart      |            |
        | 2020-06-05 09:00 | clock        |            |

        known
        | state     | since            | deadline |
        | withdrawn | 2020-05-06 09:00 | -        |
    """
    assert told(story, order) == written(story)


@each_order
def test_the_row_of_a_withdrawn_number_moves_no_other_row(order: str) -> None:
    """The site withdrew a number that the person has no more: the row under the present number was never meant."""
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 09:00 | positive row | RR99900002 |
        | 2020-05-07 09:00 | withdrawal   | RR99900002 |

        known
        | case       | state           | person     | flags |
        | RR99900001 | awaiting-images | 9994621785 | -     |
        | RR99900002 | withdrawn       | 9994621785 | -     |
    """
    assert told(story, order) == written(story)


@each_order
def test_a_withdrawn_case_is_no_counterpart(order: str) -> None:
    story = """
        arrived
        | when             | what         | number     |
        | 2020-05-05 09:00 | positive row | RR99900001 |
        | 2020-05-06 09:00 | study        | 99900001   |
        | 2020-05-07 09:00 | withdrawal   | RR99900001 |

        known
        | case       | state                | flags |
        | RR99900001 | withdrawn            | -     |
        | 99900001   | awaiting-spreadsheet | -     |
    """
    assert told(story, order) == written(story)


def test_what_arrives_afterwards_is_quarantined_as_withdrawn() -> None:
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-04 09:00 | withdrawal   | RR99900001 |            |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-05 09:30 | study        | RR99900001 |            |
        | 2020-05-05 10:00 | positive row | RR99900002 | 9995451018 |
    """
    assert dropped(story) == ["withdrawn", "withdrawn"]


def test_what_is_quarantined_as_withdrawn_has_no_content() -> None:
    flow = Flow().arrives(patient_withdrawn(), raw_row(values={"Sex": "a value that nobody may keep"}), raw_study())
    records = [QUARANTINE.wire.decode(value) for _, value in flow.broker.topics[QUARANTINE.name]]
    assert [(record.original, record.sealed) for record in records] == [(None, None)] * 2
    assert all(record.event for record in records)


def test_nothing_of_who_opted_out_is_left_in_what_is_kept() -> None:
    """Neither study, nor date, nor result, nor the form of the number: in the cases, the person and the alerts."""
    left = Flow().arrives(raw_row(), raw_row(kind="negative", result=1), raw_study(study="S9"), person_withdrawn())
    study = NAMES.uid("S9")
    for topic in (COVERAGE_STATUS, PEOPLE, ALERTS):
        for value in dict(left.broker.topics[topic.name]).values():
            assert [
                text for text in (study, "2020-05-01", "2020-05-02", "negative-2020", "positive-2020") if text in str(value)
            ] == []
    (person,) = left.people().values()
    assert person == PersonReconciled(person=person.person, cases=person.cases, flags=[], withdrawn_at=NOON)
    assert [(case.main, case.status, case.has_studies, case.withdrawn) for case in person.cases] == [(None, None, False, True)]


def test_the_checker_says_that_the_person_is_not_collected_but_withdrawn() -> None:
    view = StatusView()
    for value in dict(flow_of(AT_TWO_SITES, "as it arrived").broker.topics[COVERAGE_STATUS.name]).values():
        view.apply(COVERAGE_STATUS.wire.decode(value))
    (answer,) = answers([Question(NAMES.person(nhs(ANN)), None)], view)
    assert (answer.collected, answer.data, answer.images) == (False, False, False)
    assert [(case.site, case.state) for case in answer.cases] == [("NTHV", "withdrawn"), ("RDGM", "withdrawn")]


@each_order
def test_a_patient_whose_row_was_corrected_does_not_take_the_person_along_whom_it_named_before(order: str) -> None:
    """Bob's row first carried Ann's number. Bob opts out; Ann, who has a case of her own, does not."""
    story = """
        arrived
        | when             | what         | number     | nhs        |
        | 2020-05-05 09:00 | positive row | RR99900001 | 9994621785 |
        | 2020-05-05 10:00 | positive row | RR99900002 | 9994621785 |
        | 2020-05-06 09:00 | positive row | RR99900002 | 9995451018 |
        | 2020-05-07 09:00 | withdrawal   | RR99900002 | 9995451018 |
        | 2020-05-07 09:00 | withdrawal   |            | 9995451018 |

        known
        | case       | state           | person     | flags |
        | RR99900001 | awaiting-images | 9994621785 | -     |
        | RR99900002 | withdrawn       | 9995451018 | -     |
    """
    assert told(story, order) == written(story)


@each_order
@pytest.mark.parametrize(("first", "then"), [(ANN, BOB), (BOB, ANN)])
def test_a_case_that_has_ever_carried_the_number_of_who_opted_out_is_withdrawn_with_them(
    order: str, first: str, then: str
) -> None:
    """On the safe side: what is deleted cannot come back, so a correction that arrives before or after must come to the same."""
    story = f"""
        arrived
        | when             | what         | number     | nhs     |
        | 2020-05-05 10:00 | positive row | RR99900002 | {first} |
        | 2020-05-06 09:00 | positive row | RR99900002 | {then}  |
        | 2020-05-07 09:00 | withdrawal   |            | {first} |

        known
        | case       | state     | person  |
        | RR99900002 | withdrawn | {first} |
    """
    assert told(story, order) == written(story)


def test_where_the_site_knew_whose_number_it_is_the_checker_can_say_so_before_anything_has_arrived() -> None:
    story = """
        arrived
        | when             | what       | number     | nhs        |
        | 2020-05-04 09:00 | withdrawal | RR99900001 | 9994621785 |

        known
        | state     | person     |
        | withdrawn | 9994621785 |
    """
    assert told(story, "as it arrived") == written(story)
