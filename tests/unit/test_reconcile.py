"""Reconcile: what a case keeps, beyond what its status shows."""

import datetime as dt

from msgspec.structs import replace

from agents.reconcile import Reconcile, next_deadline
from schemas.coverage import Case, CasesReconciled, empty_cases
from tests.factories import NOON, RULES, row, study

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
STEP = Reconcile(RULES)
NOTHING = empty_cases("MANN")
WAITING = STEP(NOTHING, row())


def only_case(known: CasesReconciled) -> Case:
    (one,) = known.cases
    return one.case


def test_the_deadline_itself_is_kept_whenever_somebody_looked() -> None:
    at_once, much_later = (STEP.ticked(WAITING, NOON + days * DAY) for days in (7, 70))
    assert at_once == much_later
    assert only_case(at_once).overdue == NOON + 7 * DAY
    assert STEP.ticked(at_once, NOON + 700 * DAY) == at_once


def test_a_clock_that_is_early_changes_nothing() -> None:
    assert STEP.ticked(WAITING, NOON + 7 * DAY - dt.timedelta(microseconds=1)) == WAITING
    assert STEP.ticked(NOTHING, NOON) == NOTHING


def test_the_next_deadline_is_the_earliest_of_those_that_are_awaited() -> None:
    assert next_deadline(NOTHING) is None
    assert next_deadline(WAITING) == NOON + 7 * DAY
    both = STEP(WAITING, study(patient="CovidBOB", received_at=NOON - HOUR))
    assert next_deadline(both) == NOON + 7 * DAY - HOUR
    assert next_deadline(STEP.ticked(both, NOON + 7 * DAY - HOUR)) == NOON + 7 * DAY
    assert next_deadline(STEP.ticked(both, NOON + 7 * DAY)) is None
    assert next_deadline(STEP(WAITING, study())) is None


def test_instances_only_grow_also_when_reports_come_in_another_order() -> None:
    few = replace(study(), instances={"CT": 10, "SR": 1})
    many = replace(study(received_at=NOON + HOUR), instances={"CT": 300})
    one, other = STEP(STEP(NOTHING, few), many), STEP(STEP(NOTHING, many), few)
    assert one == other
    (kept,) = only_case(one).studies.values()
    assert (kept.instances, kept.first_received_at, kept.received_at) == ({"CT": 300, "SR": 1}, NOON, NOON + HOUR)


def test_the_latest_report_says_the_rest() -> None:
    earlier = replace(study(), study_date=None, settled=False, patient_ids=2)
    later = replace(study(received_at=NOON + HOUR), patient_ids=1)
    (kept,) = only_case(STEP(STEP(NOTHING, later), earlier)).studies.values()
    assert (kept.study_date, kept.settled, kept.patient_ids) == (later.study_date, True, 2)
