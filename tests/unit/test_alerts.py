"""Alerts as values: opened, resolved, opened again; and that replays and repetitions leave them as they are."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.alerts import Alerts, mismatches, no_alerts
from agents.reconcile import Reconcile
from agents.troubles import Trouble, turned
from schemas.alerts import Alert, AlertKind
from schemas.coverage import CasesReconciled, empty_cases
from tests.factories import NOON, RULES, row, study

HOUR = dt.timedelta(hours=1)


def trouble(
    kind: AlertKind = "images-missing", *, patient: str | None = "CovidANN", hours: int = 0, text: str = "do it"
) -> Trouble:
    return Trouble(kind, "act", "RDGM", patient, NOON + hours * HOUR, text)


def turns(alert: Alert) -> list[tuple[int, str]]:
    return [((turn.at - NOON) // HOUR, turn.state) for turn in alert.history]


def after(*steps: tuple[int, list[Trouble]]) -> list[Alert]:
    """The alerts after these troubles were the matter, at these hours."""
    alerts: list[Alert] = []
    for hours, troubles in steps:
        alerts = turned(alerts, troubles, NOON + hours * HOUR)
    return alerts


def test_an_id_is_made_of_kind_site_and_patient_alone() -> None:
    assert trouble(hours=1, text="a").id == trouble(hours=2, text="b").id == "images-missing/RDGM/CovidANN"
    assert trouble("no-upload", patient=None).id == "no-upload/RDGM"


def test_a_trouble_opens_an_alert_since_it_began() -> None:
    (alert,) = after((5, [trouble(hours=1)]))
    assert (alert.state, alert.since, turns(alert)) == ("open", NOON + HOUR, [(1, "open")])


def test_as_long_as_it_lasts_only_the_words_change() -> None:
    (alert,) = after((5, [trouble(hours=1)]), (6, [trouble(hours=2, text="do it now")]))
    assert (alert.text, alert.since, turns(alert)) == ("do it now", NOON + HOUR, [(1, "open")])


def test_when_it_is_over_the_alert_is_resolved_and_stays() -> None:
    (alert,) = after((5, [trouble(hours=1)]), (7, []), (9, []))
    assert (alert.state, alert.since, turns(alert)) == ("resolved", NOON + 7 * HOUR, [(1, "open"), (7, "resolved")])


def test_the_same_again_opens_the_same_alert_and_time_only_goes_forward() -> None:
    (alert,) = after((5, [trouble(hours=1)]), (7, []), (9, [trouble(hours=1)]), (10, []), (12, [trouble(hours=11)]))
    assert turns(alert) == [(1, "open"), (7, "resolved"), (9, "open"), (10, "resolved"), (12, "open")]


def test_it_cannot_be_resolved_before_it_was_opened() -> None:
    """A case that is gone has no time of its own."""
    (alert,) = turned(after((5, [trouble(hours=4)])), [], None)
    assert turns(alert) == [(4, "open"), (4, "resolved")]
    (other,) = turned(after((5, [trouble(hours=4)])), [], NOON)
    assert turns(other) == [(4, "open"), (4, "resolved")]


def test_troubles_of_several_patients_do_not_touch_each_other() -> None:
    ann, bob = trouble(patient="CovidANN"), trouble(patient="CovidBOB")
    assert [(alert.patient, alert.state) for alert in after((1, [bob, ann]), (2, [bob]))] == [
        ("CovidANN", "resolved"),
        ("CovidBOB", "open"),
    ]


_kinds: tuple[AlertKind, ...] = ("images-missing", "several-hospital-numbers")
_steps = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.builds(trouble, st.sampled_from(_kinds), hours=st.integers(0, 9)), max_size=2))
)


@given(_steps)
def test_turns_alternate_in_time_and_the_last_one_is_the_state(steps: list[tuple[int, list[Trouble]]]) -> None:
    for alert in after(*steps):
        states = [turn.state for turn in alert.history]
        assert states == ["open" if number % 2 == 0 else "resolved" for number in range(len(states))]
        assert [turn.at for turn in alert.history] == sorted(turn.at for turn in alert.history)
        assert (alert.state, alert.since) == (states[-1], alert.history[-1].at)


@given(_steps)
def test_the_same_once_more_changes_nothing(steps: list[tuple[int, list[Trouble]]]) -> None:
    if steps:
        alerts = after(*steps)
        assert turned(alerts, steps[-1][1], NOON + steps[-1][0] * HOUR) == alerts


# --- of cases ----------------------------------------------------------------------------------------------------------


def cases(*, images: bool = False, clock: dt.datetime | None = None) -> CasesReconciled:
    step = Reconcile(RULES)
    known = step(empty_cases("MANN"), row())
    known = step(known, study(received_at=NOON + HOUR)) if images else known
    return known if clock is None else step.ticked(known, clock)


@pytest.mark.parametrize(
    "known", [cases(), cases(images=True), cases(clock=NOON + HOUR), cases(images=True, clock=NOON + 999 * HOUR)]
)
def test_a_healthy_case_has_no_alert(known: CasesReconciled) -> None:
    assert Alerts(RULES)(no_alerts("MANN"), known) == no_alerts("MANN")
    assert mismatches(no_alerts("MANN"), known) == []


def test_an_overdue_case_has_one_and_it_is_resolved_by_what_came() -> None:
    step = Alerts(RULES)
    missing = step(no_alerts("MANN"), cases(clock=NOON + dt.timedelta(days=7)))
    assert [(alert.kind, alert.state) for alert in missing.alerts] == [("images-missing", "open")]
    assert [(alert.kind, alert.state) for alert in step(missing, cases(images=True)).alerts] == [("images-missing", "resolved")]


def test_both_sides_of_a_mismatch_are_told_and_the_site_is_told_of_the_row() -> None:
    step = Reconcile(RULES)
    known = step(step(empty_cases("MANN"), row(patient="CovidONE")), study(patient="CovidTWO"))
    raised = Alerts(RULES)(no_alerts("MANN"), known)
    assert [(alert.kind, alert.patient) for alert in raised.alerts] == [
        ("probable-id-mismatch", "CovidONE"),
        ("probable-id-mismatch", "CovidTWO"),
    ]
    assert [(seen.patient, seen.open) for seen in mismatches(raised, known)] == [("CovidONE", True)]
    joined = step(known, study(patient="CovidONE", study="2.25.9"))
    after_it = Alerts(RULES)(raised, joined)
    assert {alert.state for alert in after_it.alerts} == {"resolved"}
    assert [(seen.patient, seen.open) for seen in mismatches(after_it, joined)] == [("CovidONE", False)]
