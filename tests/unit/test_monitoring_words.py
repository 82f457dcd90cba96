"""What is printed for a person: clear, in order, and without the number that was asked for."""

import pytest
from rich.console import Console

from identity.pseudonyms import Pseudonymiser
from monitoring.checker import Answer, Question, answers
from monitoring.coverage import coverage
from monitoring.view import StatusView
from monitoring.words import check_words, coverage_table, flags_table, show
from schemas.topics import COVERAGE_STATUS
from tests.factories import ANN, KEYRING, NOON, RR1, Flow, nhs, raw_row, raw_study

FLOW = Flow().arrives(raw_row(), raw_study(settled=False), raw_row(site="PENM", hospital_number="0999123", nhs_number=None))
OVERDUE = Flow().arrives(raw_row()).ticks(NOON.replace(month=8))


def answer(flow: Flow = FLOW) -> list[Answer]:
    view = StatusView()
    for _, value in flow.broker.topics[COVERAGE_STATUS.name]:
        view.apply(COVERAGE_STATUS.wire.decode(value))
    known = Question(Pseudonymiser(KEYRING).person(nhs(ANN)), None)
    nobody = Question("P" + "A" * 26, None)
    return answers([known, Question(None, "the last digit does not fit the others"), nobody], view)


def rendered(flow: Flow) -> str:
    console = Console(width=200)
    sites = coverage(flow.statuses().values())
    with console.capture() as captured:
        for table in (coverage_table(sites), flags_table(sites)):
            console.print(table)
    return captured.get()


def test_each_answer_is_told_by_its_position() -> None:
    assert check_words(answer()).splitlines() == [
        "1. collected: yes, data: yes, images: yes",
        "   RDGM: complete since 07/05/2020 12:00 UTC; nothing is missing [images-still-arriving]",
        "2. not a valid number: the last digit does not fit the others",
        "3. not collected: nothing has arrived for this patient",
    ]


def test_what_is_overdue_says_what_to_do() -> None:
    assert "images missing since 14/05/2020 12:00 UTC; images are overdue: ask PACS to send them" in check_words(answer(OVERDUE))


def test_no_words_repeat_a_number() -> None:
    said = check_words(answer()) + rendered(FLOW)
    spellings = (ANN, "999 462 1785", "999-462-1785", RR1, RR1[2:], "0999123", "999123")
    assert [spelling for spelling in spellings if spelling in said] == []


def test_the_table_has_a_line_a_site_and_one_for_all() -> None:
    lines = [line.split("│")[1:-1] for line in rendered(FLOW).splitlines() if line.startswith("│")]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["RDGM"][:4] == ["1", "1", "0", "0"]
    assert cells["PENM"][:4] == ["1", "0", "1", "0"]
    assert cells["all"][:4] == ["2", "1", "1", "0"]
    assert cells["RDGM"][4].endswith("100%")
    assert cells["all"][4].endswith("50%")
    assert (cells["images-still-arriving"], cells["no-nhs-number"]) == (["0", "1"], ["1", "0"])


@pytest.mark.parametrize(("flow", "there"), [(FLOW, False), (OVERDUE, True)], ids=["in time", "overdue"])
def test_a_state_that_nobody_is_in_has_a_column_only_where_it_is_usual(flow: Flow, there: bool) -> None:  # noqa: FBT001  # a table
    said = rendered(flow)
    assert ("images missing" in said) is there
    assert "awaiting spreadsheet" in said
    assert "withdrawn" not in said


def test_no_sites_are_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    show(coverage_table({}), flags_table({}))
    assert "Coverage by site" in capsys.readouterr().out
