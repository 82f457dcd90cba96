"""The Checker's answers: in the order asked, for any case of the person, without the number."""

import datetime as dt
import json

from identity.pseudonyms import Pseudonymiser
from monitoring.checker import Answer, Question, answers
from monitoring.view import StatusView
from schemas.topics import COVERAGE_STATUS
from tests.factories import ANN, BOB, CAT, DAN, KEYRING, NOON, Flow, nhs, person_withdrawn, raw_row, raw_study


def asked(number: str) -> Question:
    return Question(Pseudonymiser(KEYRING).person(nhs(number)), None)


def answered(flow: Flow, *questions: Question) -> list[Answer]:
    view = StatusView()
    for _, value in flow.broker.topics[COVERAGE_STATUS.name]:
        view.apply(COVERAGE_STATUS.wire.decode(value))
    return answers(questions, view)


def told(answer: Answer) -> tuple[bool, bool, bool]:
    return (answer.collected, answer.data, answer.images)


def test_in_the_order_asked() -> None:
    flow = Flow().arrives(
        raw_row(),
        raw_study(),
        raw_row(nhs_number=BOB, hospital_number="RR99900002"),
        raw_study(site="NTHV", patient_id=CAT),
    )
    found = answered(flow, asked(BOB), asked(DAN), Question(None, "check-digit"), asked(ANN), asked(CAT), asked(BOB))
    assert [told(answer) for answer in found] == [
        (True, True, False),  # a row alone
        (False, False, False),  # nobody knows Dan
        (False, False, False),  # that was no number
        (True, True, True),
        (True, False, True),  # images alone
        (True, True, False),
    ]
    assert [answer.reason for answer in found] == [None, None, "check-digit", None, None, None]


def test_any_case_of_the_person_counts() -> None:
    flow = Flow().arrives(
        raw_row(), raw_row(site="PENM", hospital_number="0999123"), raw_study(site="PENM", patient_id="0999123")
    )
    (answer,) = answered(flow, asked(ANN))
    assert told(answer) == (True, True, True)
    assert [(case.site, case.state) for case in answer.cases] == [("PENM", "complete"), ("RDGM", "awaiting-images")]


def test_images_outside_the_window_or_of_another_kind_are_no_images() -> None:
    outside = raw_study(study_date=dt.date(2010, 1, 1))
    for study in (outside, raw_study(instances={"MR": 100}), raw_study(instances={"US": 1}), raw_study(study_date=None)):
        (answer,) = answered(Flow().arrives(raw_row(), study), asked(ANN))
        assert told(answer) == (True, True, False)


def test_who_has_opted_out_is_not_collected() -> None:
    (answer,) = answered(Flow().arrives(raw_row(), raw_study(), person_withdrawn(withdrawn_at=NOON)), asked(ANN))
    assert told(answer) == (False, False, False)
    assert [case.state for case in answer.cases] == ["withdrawn"]


def test_the_json_of_an_answer() -> None:
    valid, invalid = (answer.as_json() for answer in answered(Flow().arrives(raw_row()), asked(ANN), Question(None, "too-short")))
    assert invalid == {"valid": False, "reason": "too-short", "collected": False, "data": False, "images": False, "cases": []}
    assert {name: valid[name] for name in ("valid", "reason", "collected", "data", "images")} == {
        "valid": True,
        "reason": None,
        "collected": True,
        "data": True,
        "images": False,
    }
    assert valid["cases"][0]["since"] == "2020-05-07T12:00:00Z"
    assert ANN not in json.dumps(valid)
