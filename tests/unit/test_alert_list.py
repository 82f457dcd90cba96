"""Alerts as people read them."""

import datetime as dt

import pytest

from monitoring.alerts import AlertList, alerts_table, as_json, history_words
from schemas.alerts import Alert, AlertKind, Severity, Turn
from schemas.problems import UnusableInputError
from tests.factories import NOON


def alert(kind: AlertKind, *, site: str = "RDGM", still: bool = True, severity: Severity = "act", hour: int = 0) -> Alert:
    since = NOON + dt.timedelta(hours=hour)
    turns = [Turn(at=since, state="open")] + ([] if still else [Turn(at=since, state="resolved")])
    return Alert(
        id=f"{kind}/{site}/P{hour}",
        kind=kind,
        severity=severity,
        site=site,
        patient=f"P{hour}",
        state=turns[-1].state,
        text="what to do",
        since=since,
        history=turns,
    )


LATE, LOOK, DONE = (
    alert("images-missing", hour=2),
    alert("several-hospital-numbers", severity="look"),
    alert("images-missing", still=False),
)
ELSEWHERE = alert("images-missing", site="LARK", hour=1)
KNOWN = AlertList([LOOK, DONE, LATE, ELSEWHERE])


def test_what_is_to_be_done_comes_first_then_what_is_to_be_looked_at_then_what_is_over() -> None:
    assert KNOWN.chosen(site=None, state=None) == [ELSEWHERE, LATE, LOOK, DONE]


def test_of_one_site_and_one_state() -> None:
    assert KNOWN.chosen(site="RDGM", state="open") == [LATE, LOOK]
    assert KNOWN.chosen(site="RDGM", state="resolved") == [DONE]


def test_a_whole_upload_written_differently_is_told_once_and_not_patient_by_patient() -> None:
    shift, one, other = alert("identifier-shift"), alert("probable-id-mismatch"), alert("probable-id-mismatch", site="LARK")
    assert AlertList([shift, one, other]).chosen(site=None, state="open") == [shift, other]


def test_one_alert_with_its_whole_history() -> None:
    assert KNOWN.one(DONE.id) == DONE
    assert history_words(DONE).splitlines()[2:] == ["  07/05/2020 12:00 UTC  opened", "  07/05/2020 12:00 UTC  resolved"]
    with pytest.raises(UnusableInputError, match="no alert of this id"):
        KNOWN.one("none")


def test_as_a_table_and_as_json() -> None:
    assert alerts_table([LATE, DONE]).row_count == 2
    assert as_json([LATE])[0]["since"] == "2020-05-07T14:00:00Z"
