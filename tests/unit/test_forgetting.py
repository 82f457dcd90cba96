"""Forgetting, in memory: what goes, what has to be said first, and that a rebuild from what is left comes to the same."""

from collections.abc import Callable

import pytest

from identity.pseudonyms import Pseudonymiser
from monitoring.forgetting.plan import SHELVES, opted_out, published_cases, record_of, said_on, trace, unsaid
from monitoring.topics import Found
from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_WITHDRAWALS, QUARANTINE, ROWS, WITHDRAWALS
from tests.audited import messages, verdict_on
from tests.factories import (
    ANN,
    BOB,
    KEYRING,
    RR1,
    RR2,
    Flow,
    hospital_number,
    patient_withdrawn,
    person_withdrawn,
    raw_row,
    raw_study,
    site,
)

PATIENT = Pseudonymiser(KEYRING).patient(site(), hospital_number(RR1))
SHELF_NAMES = {topic.name for topic in SHELVES}


def usual() -> Flow:
    return Flow().arrives(
        raw_row(nhs_number=ANN, hospital_number=RR1),
        raw_study(patient_id=RR1),
        raw_row(nhs_number=BOB, hospital_number=RR2, row=3),
        raw_study(patient_id=RR2, study="S2"),
    )


def forgotten(flow: Flow) -> list[Found]:
    """The flow's messages when one turn of forgetting is over, offsets going on where they were."""
    found = messages(flow)
    gone = opted_out(published_cases(found).values())
    end = len(found)
    before = [each for each in found if each.topic not in SHELF_NAMES]
    said, kept, traces = [], [], []
    for number, testimony in enumerate(unsaid(gone.values(), said_on(found))):
        value = WITHDRAWALS.wire.encode(testimony)
        said.append(Found(WITHDRAWALS.name, 0, end + number, found[0].timestamp, testimony.match.encode(), value, ()))
    for each in found:
        if each.topic in SHELF_NAMES:
            record = record_of(each)
            if record is not None and record.patient in gone:
                left = QUARANTINE.wire.encode(trace(each, record.event))
                traces.append(Found(QUARANTINE.name, 0, end + each.offset, each.timestamp, b"", left, ()))
            else:
                kept.append(Found(each.topic, 0, end + each.offset, each.timestamp, each.key, each.value, ()))
    return traces + before + said + kept


def rebuilt(found: list[Found]) -> Flow:
    """Everything folded anew, from what does not go by itself."""
    lasting = {topic.name: topic for topic in (ROWS, IMAGES, WITHDRAWALS, PERSON_WITHDRAWALS)}
    flow = Flow()
    for each in found:
        if each.topic in lasting:
            flow.broker.publish(lasting[each.topic], each.key, each.value or b"")
    return flow


def by_number() -> Flow:
    return usual().arrives(patient_withdrawn())


def by_person() -> Flow:
    return usual().arrives(person_withdrawn(nhs_number=ANN))


def corrected_before() -> Flow:
    """The case named somebody else first, who opts out: it is withdrawn with that person."""
    return usual().arrives(raw_row(nhs_number=BOB, hospital_number=RR1, upload="U0"), person_withdrawn(nhs_number=ANN))


OPT_OUTS = [by_number, by_person, corrected_before]


@pytest.mark.parametrize("opt_out", OPT_OUTS)
def test_nothing_of_the_patient_is_left_and_all_of_the_others_is(opt_out: Callable[[], Flow]) -> None:
    flow = opt_out()
    left = [record_of(each) for each in forgotten(flow) if each.topic in SHELF_NAMES]
    withdrawn = {patient for patient, status in flow.statuses().items() if status.state == "withdrawn"}
    assert PATIENT in withdrawn
    before = [record_of(each) for each in messages(flow) if each.topic in SHELF_NAMES]
    assert left == [record for record in before if record is not None and record.patient not in withdrawn]


@pytest.mark.parametrize("opt_out", OPT_OUTS)
def test_the_audit_accounts_for_every_event_still(opt_out: Callable[[], Flow]) -> None:
    flow = opt_out()
    assert verdict_on(messages(flow)).ok
    verdict = verdict_on(forgotten(flow))
    assert verdict.problems == ()
    assert verdict.quarantined["withdrawn"] >= 2  # the row and the study


@pytest.mark.parametrize("opt_out", OPT_OUTS)
def test_a_rebuild_from_what_is_left_comes_to_the_same(opt_out: Callable[[], Flow]) -> None:
    flow = opt_out()
    assert rebuilt(forgotten(flow)).statuses() == flow.statuses()


@pytest.mark.parametrize("opt_out", OPT_OUTS)
def test_what_comes_after_a_rebuild_is_dropped_too_though_only_the_forgotten_row_named_the_person(
    opt_out: Callable[[], Flow],
) -> None:
    again = rebuilt(forgotten(opt_out())).arrives(raw_study(patient_id=RR1, study="S9"))
    assert again.statuses()[PATIENT].state == "withdrawn"
    assert "withdrawn" in again.reasons()


def test_without_what_is_said_first_it_would_not_be() -> None:
    silent = [each for each in forgotten(by_person()) if each.topic != WITHDRAWALS.name]
    again = rebuilt(silent).arrives(raw_study(patient_id=RR1, study="S9"))
    assert again.statuses()[PATIENT].state != "withdrawn"


def test_it_is_said_once() -> None:
    flow = by_person()
    found = forgotten(flow)
    gone = opted_out(published_cases(messages(flow)).values())
    assert unsaid(gone.values(), said_on(found)) == []


def test_nobody_has_opted_out() -> None:
    assert opted_out(published_cases(messages(usual())).values()) == {}


def test_the_newest_state_of_a_match_counts_and_bytes_that_are_no_record_hide_nothing() -> None:
    found = [each for each in messages(by_number()) if each.topic == COVERAGE_STATUS.name]
    garbage = Found(COVERAGE_STATUS.name, 0, 99, 0, b"M", b"no record", ())
    assert set(opted_out(published_cases([*found, garbage]).values())) == {PATIENT}
    assert record_of(Found(ROWS.name, 0, 1, 0, b"", b"no record", ())) is None
    assert said_on([Found(WITHDRAWALS.name, 0, 1, 0, b"", b"no record", ())]) == []
