"""compare: every planted difference is told, in words, and nothing else."""

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from schemas.sites import EXAMPLE, read_sites
from synth.compare import differences
from synth.truth import truth
from synth.world import make_world

TRUTH = truth(make_world(3, 60, read_sites(EXAMPLE), dt.date(2026, 3, 2)))
NUMBER = next(number for number, person in TRUTH["people"].items() if len(person["cases"]) == 1 and person["images"])
CASE = TRUTH["people"][NUMBER]["cases"][0]
SITE = TRUTH["sites"]["RDGM"]

Found = tuple[dict[str, Any], dict[str, Any]]


def engine() -> Found:
    """What an engine without a fault answers: with fields of its own, and cases in an order of its own."""
    answers = copy.deepcopy(TRUTH["people"])
    for answer in answers.values():
        answer |= {"valid": True, "reason": None}
        answer["cases"] = [case | {"patient": "CovidX", "since": "2026-03-02T10:00:00Z"} for case in reversed(answer["cases"])]
    return {"sites": copy.deepcopy(TRUTH["sites"])}, answers


def test_no_difference_where_there_is_none() -> None:
    assert differences(TRUTH, *engine()) == []


def one_case_more(status: dict[str, Any], _: dict[str, Any]) -> None:
    status["sites"]["RDGM"]["cases"] += 1


def one_complete_less(status: dict[str, Any], _: dict[str, Any]) -> None:
    status["sites"]["RDGM"]["states"]["complete"] -= 1


def a_flag_never_raised(status: dict[str, Any], _: dict[str, Any]) -> None:
    del status["sites"]["RDGM"]["flags"]["images-outside-window"]


def a_flag_too_many(status: dict[str, Any], _: dict[str, Any]) -> None:
    status["sites"]["RDGM"]["flags"]["images-still-arriving"] = 2


def studies_lost(status: dict[str, Any], _: dict[str, Any]) -> None:
    status["sites"]["RDGM"]["studies"]["xray"] = 0


def a_site_lost(status: dict[str, Any], _: dict[str, Any]) -> None:
    del status["sites"]["RDGM"]


def a_site_too_many(status: dict[str, Any], _: dict[str, Any]) -> None:
    status["sites"]["ELSE"] = SITE


def a_person_not_answered(_: dict[str, Any], answers: dict[str, Any]) -> None:
    del answers[NUMBER]


def no_images_seen(_: dict[str, Any], answers: dict[str, Any]) -> None:
    answers[NUMBER]["images"] = False


def a_case_lost(_: dict[str, Any], answers: dict[str, Any]) -> None:
    answers[NUMBER]["cases"] = []


def a_case_twice(_: dict[str, Any], answers: dict[str, Any]) -> None:
    answers[NUMBER]["cases"] *= 2


def another_state(_: dict[str, Any], answers: dict[str, Any]) -> None:
    answers[NUMBER]["cases"][0]["state"] = "withdrawn"


CASES, XRAY, OUTSIDE = SITE["cases"], SITE["studies"]["xray"], SITE["flags"]["images-outside-window"]
COMPLETE = SITE["states"]["complete"]


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (one_case_more, [f"RDGM: cases: {CASES} expected, {CASES + 1} found"]),
        (one_complete_less, [f"RDGM: states: complete: {COMPLETE} expected, {COMPLETE - 1} found"]),
        (a_flag_never_raised, [f"RDGM: flags: images-outside-window: {OUTSIDE} expected, 0 found"]),
        (a_flag_too_many, ["RDGM: flags: images-still-arriving: 0 expected, 2 found"]),
        (studies_lost, [f"RDGM: studies: xray: {XRAY} expected, 0 found"]),
        (a_site_lost, [f"RDGM: missing, {CASES} cases expected"]),
        (a_site_too_many, [f"ELSE: {CASES} cases found, none expected"]),
        (a_person_not_answered, [f"{NUMBER}: not answered"]),
        (no_images_seen, [f"{NUMBER}: images: yes expected, no found"]),
    ],
)
def test_a_difference_is_told_once_and_in_words(plant: Callable[[dict[str, Any], dict[str, Any]], None], told: list[str]) -> None:
    status, answers = engine()

    plant(status, answers)

    assert differences(TRUTH, status, answers) == told


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (a_case_lost, ["case expected, not found"]),
        (a_case_twice, ["case found, not expected"]),
        (another_state, ["case expected, not found", "case found, not expected"]),
    ],
)
def test_a_case_is_told_in_one_line(plant: Callable[[dict[str, Any], dict[str, Any]], None], told: list[str]) -> None:
    status, answers = engine()

    plant(status, answers)
    lines = differences(TRUTH, status, answers)

    assert [line.split(": ")[:2] for line in lines] == [[NUMBER, words] for words in told]
    assert all(f"{CASE['site']} {CASE['group']} " in line for line in lines)
    assert all(f"data {CASE['data']}" in line for line in lines)
