"""The audit on flows in memory: what is sound adds up, and each thing that is planted is found."""

import dataclasses
import datetime as dt
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.quarantine import Reason, purged
from monitoring.audit import Verdict
from monitoring.audit_words import verdict_words
from monitoring.topics import Found
from schemas.coverage import CaseReconciled, CasesReconciled
from schemas.people import PersonReconciled
from schemas.records import RowPseudonymised
from schemas.topics import (
    ALERTS,
    COVERAGE_STATUS,
    IMAGES,
    PEOPLE,
    PERSON_CASES,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    REVIEWS,
    ROWS,
    TICKS,
    TOPICS,
    UPLOADS,
    WITHDRAWALS,
    AnyTopic,
)
from tests.audited import audited, messages, verdict_on
from tests.factories import (
    ANN,
    BOB,
    CAT,
    NOON,
    RR1,
    RR2,
    Flow,
    Sent,
    patient_withdrawn,
    person_withdrawn,
    raw_row,
    raw_study,
)
from tests.flow.arrivals import events
from tests.flow.lagging import lagging_flow
from tests.flow.spoilt import SPOILT, Spoil

LATER = NOON + dt.timedelta(days=30)


def usual() -> Flow:
    """Two rows and their images, at one site; a third row without any."""
    return Flow().arrives(
        raw_row(nhs_number=ANN, hospital_number=RR1),
        raw_study(patient_id=RR1),
        raw_row(nhs_number=BOB, hospital_number=RR2, row=3),
        raw_study(patient_id=RR2, study="S2"),
        raw_row(nhs_number=CAT, hospital_number="RR99900003", row=4),
    )


def changed(found: list[Found], topic: AnyTopic, change: Callable[[Found], bytes], which: int = -1) -> list[Found]:
    """The messages with one of this topic changed."""
    of_topic = [message for message in found if message.topic == topic.name]
    victim = of_topic[which]
    return [_with(message, change(victim)) if message is victim else message for message in found]


def without(found: list[Found], topic: AnyTopic, which: int = 0) -> list[Found]:
    victim = [message for message in found if message.topic == topic.name][which]
    return [message for message in found if message is not victim]


def with_more(found: list[Found], topic: AnyTopic, value: bytes, key: bytes = b"M") -> list[Found]:
    return [*found, Found(topic.name, 1, 0, int(NOON.timestamp() * 1000), key, value, ())]


def _with(message: Found, value: bytes) -> Found:
    return Found(message.topic, message.partition, message.offset, message.timestamp, message.key, value, message.headers)


def unexplained(verdict: Verdict) -> list[str]:
    """Problems of the books; the strategies write numbers into names of uploads, which the search finds."""
    return [problem for problem in verdict.problems if " holds " not in problem]


def sums(verdict: Verdict) -> tuple[int, int, int]:
    return sum(verdict.came_in.values()), sum(verdict.went_out.values()), sum(verdict.quarantined.values())


# --- what is sound ---------------------------------------------------------------------------------------------------


def test_what_is_sound_adds_up() -> None:
    verdict = audited(usual())
    assert (verdict.problems, sums(verdict)) == ((), (5, 5, 0))
    assert {topic: number for topic, number in verdict.came_in.items() if number} == {RAW_ROWS.name: 3, RAW_IMAGES.name: 2}


def test_nothing_at_all_adds_up() -> None:
    assert sums(audited(Flow())) == (0, 0, 0)


@given(st.lists(events(), max_size=14), st.booleans())
def test_every_mixture_adds_up_before_and_after_the_deadlines(arrived: list[Sent], late: bool) -> None:  # noqa: FBT001  # drawn
    now = LATER if late else NOON
    flow = Flow().arrives(*arrived)
    assert unexplained(audited(flow.ticks(now), now)) == []


@given(st.lists(events(), max_size=10), st.data())
def test_however_the_topics_overtake_each_other(arrived: list[Sent], data: st.DataObject) -> None:
    flow = lagging_flow(arrived, lambda many: data.draw(st.integers(0, many - 1)))
    assert unexplained(audited(flow)) == []


@given(st.lists(events(), min_size=1, max_size=8))
def test_an_event_that_is_told_twice_counts_once(arrived: list[Sent]) -> None:
    once, twice = audited(Flow().arrives(*arrived)), audited(Flow().arrives(*arrived).arrives(*arrived))
    assert (unexplained(twice), sums(twice)) == ([], sums(once))


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__.strip("_"))
def test_what_cannot_be_used_counts_as_quarantined(spoil: Spoil) -> None:
    flow = usual()
    flow.broker.publish(RAW_ROWS, b"routing", spoil(raw_row(row=9)))
    verdict = audited(flow)
    assert sums(verdict) == (6, 5, 1)
    assert verdict.quarantined == {SPOILT[spoil]: 1}
    assert unexplained(verdict) == []


def test_what_was_replayed_after_the_cause_was_mended_counts_as_out() -> None:
    flow = usual()
    unknown = raw_row(site="NOWH", row=9)
    flow.broker.publish(RAW_ROWS, b"routing", msgspec.json.encode(unknown))
    again = raw_row(row=9)
    flow.arrives(again)
    assert again.event == unknown.event
    assert (audited(flow).problems, sums(audited(flow))) == ((), (6, 6, 0))


def test_what_arrives_after_an_opt_out_is_quarantined_as_withdrawn() -> None:
    flow = usual().arrives(patient_withdrawn(hospital_number=RR1), raw_study(patient_id=RR1, study="S9"))
    verdict = audited(flow)
    assert (verdict.problems, verdict.quarantined) == ((), {Reason.WITHDRAWN: 1})
    assert verdict.came_in[WITHDRAWALS.name] == verdict.went_out[WITHDRAWALS.name] == 1


def test_a_person_who_opts_out_at_two_numbers() -> None:
    flow = Flow().arrives(
        raw_row(nhs_number=ANN, hospital_number=RR1),
        raw_row(nhs_number=ANN, hospital_number=RR2, uploaded_at=NOON + dt.timedelta(hours=1)),
        person_withdrawn(nhs_number=ANN),
    )
    assert audited(flow).problems == ()


def test_raw_records_may_be_gone() -> None:
    """Retention: a week on raw topics, for ever after."""
    found = [message for message in messages(usual()) if message.topic not in {RAW_ROWS.name, RAW_IMAGES.name}]
    verdict = verdict_on(found)
    assert (verdict.problems, sums(verdict)) == ((), (0, 0, 0))


def test_what_was_quarantined_before_the_quarantine_began_to_forget_is_no_problem() -> None:
    flow = usual()
    flow.broker.publish(ROWS, b"M", b"garbage")
    found = [message for message in messages(flow) if message.topic != QUARANTINE.name]
    now = NOON + dt.timedelta(days=91)
    assert verdict_on(found).problems
    ended = Flow().ticks(now)
    assert not any("is no record" in problem for problem in verdict_on([*found, *messages(ended)], now).problems)


def test_what_was_purged_is_still_accounted_for() -> None:
    flow = usual()
    flow.broker.publish(RAW_ROWS, b"routing", b"garbage")
    found = changed(
        messages(flow), QUARANTINE, lambda each: QUARANTINE.wire.encode(purged(QUARANTINE.wire.decode(each.value or b""), LATER))
    )
    assert (verdict_on(found).problems, sums(verdict_on(found))) == ((), (6, 5, 1))


def test_what_a_fault_of_ours_kept_out_is_quarantined_and_not_missed_in_its_case() -> None:
    """A record that made a step fail is in no case; after the mend, replayed, it is."""
    more = Flow().arrives(raw_row(), raw_study())
    key, study = more.broker.topics[IMAGES.name][0]
    broken = usual()
    broken.broker.publish(RAW_ROWS, b"routing", b"garbage")
    borrowed = QUARANTINE.wire.decode(broken.broker.topics[QUARANTINE.name][0][1])
    lies = Found(IMAGES.name, 1, 7, int(NOON.timestamp() * 1000), key, study, ())
    source = msgspec.convert({"topic": IMAGES.name, "partition": 1, "offset": 7}, type(borrowed.source))
    event = IMAGES.wire.decode(study).event
    failed = replace(borrowed, reason=Reason.STEP_FAILED, step="reconcile", source=source, event=event)
    turned_away = Found(QUARANTINE.name, 1, 0, int(NOON.timestamp() * 1000), b"k", QUARANTINE.wire.encode(failed), ())
    raw = Found(RAW_IMAGES.name, 1, 0, int(NOON.timestamp() * 1000), b"r", more.broker.topics[RAW_IMAGES.name][0][1], ())
    alone = messages(Flow().arrives(raw_row()))
    verdict = verdict_on([turned_away, *alone, raw, lies])
    assert (verdict.problems, verdict.quarantined, sums(verdict)) == ((), {Reason.STEP_FAILED: 1}, (2, 1, 1))


# --- what is planted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [ROWS, IMAGES], ids=lambda topic: topic.name)
def test_a_lost_event_is_found(topic: AnyTopic) -> None:
    verdict = verdict_on(without(messages(usual()), topic))
    assert any("neither pseudonymised nor in quarantine" in problem for problem in verdict.problems)
    came, out, held = sums(verdict)
    assert came == out + held + 1


def test_garbage_that_nobody_quarantined_is_found() -> None:
    flow = usual()
    flow.broker.publish(RAW_ROWS, b"routing", b"garbage")
    verdict = verdict_on(without(messages(flow), QUARANTINE))
    assert ["neither pseudonymised nor in quarantine" in problem for problem in verdict.problems] == [True]


def test_a_row_that_was_not_folded_is_found() -> None:
    """A pseudonymised record of a patient of whom nothing is published."""
    more = Flow().arrives(raw_row(nhs_number=CAT, hospital_number="RR99900009", row=9))
    ((key, row),) = more.broker.topics[ROWS.name]
    verdict = verdict_on(with_more(messages(usual()), ROWS, row, key))
    assert ["nothing is published" in problem for problem in verdict.problems] == [True]


def test_a_status_that_was_not_published_is_found() -> None:
    verdict = verdict_on(without(messages(usual()), COVERAGE_STATUS, -1))
    assert verdict.problems


def _statuses(change: Callable[[CaseReconciled], CaseReconciled]) -> Callable[[Found], bytes]:
    def of(message: Found) -> bytes:
        cases = COVERAGE_STATUS.wire.decode(message.value or b"")
        return COVERAGE_STATUS.wire.encode(CasesReconciled(match=cases.match, cases=[change(known) for known in cases.cases]))

    return of


def _complete(known: CaseReconciled) -> CaseReconciled:
    assert known.status
    return replace(known, status=replace(known.status, state="complete"))


def _of_another_person(known: CaseReconciled) -> CaseReconciled:
    assert known.case.main
    return replace(known, case=replace(known.case, main=replace(known.case.main, upload="another")))


def _long_ago(known: CaseReconciled) -> CaseReconciled:
    return replace(known, case=replace(known.case, overdue=LATER + dt.timedelta(days=100)))


@pytest.mark.parametrize("change", [_complete, _of_another_person, _long_ago])
def test_a_changed_status_is_found(change: Callable[[CaseReconciled], CaseReconciled]) -> None:
    verdict = verdict_on(changed(messages(usual()), COVERAGE_STATUS, _statuses(change)))
    assert any("the published status of match" in problem for problem in verdict.problems)


def test_a_case_that_no_event_speaks_of_is_found() -> None:
    more = Flow().arrives(raw_row(nhs_number=CAT, hospital_number="RR99900009", row=9))
    (key, status) = more.broker.topics[COVERAGE_STATUS.name][-1]
    verdict = verdict_on(with_more(messages(usual()), COVERAGE_STATUS, status, key))
    assert any("no event is of patient" in problem for problem in verdict.problems)


def test_a_deadline_that_nobody_announced_is_found() -> None:
    assert any("its deadline has passed" in problem for problem in audited(usual(), LATER).problems)
    assert audited(usual().ticks(LATER), LATER).problems == ()


def two_numbers() -> Flow:
    """A row that moved to another number of the site."""
    return Flow().arrives(
        raw_row(nhs_number=ANN, hospital_number=RR1),
        raw_row(nhs_number=ANN, hospital_number=RR2, uploaded_at=NOON + dt.timedelta(hours=1)),
    )


def test_a_review_that_did_not_arrive_is_found() -> None:
    assert audited(two_numbers()).problems == ()
    flow = two_numbers()
    matches = [key for key, _ in flow.broker.topics[COVERAGE_STATUS.name]]
    found = messages(flow)
    of_first = [message for message in found if message.topic == COVERAGE_STATUS.name and message.key == matches[0]]
    verdict = verdict_on([message for message in found if message is not of_first[-1]])
    assert any("does not follow from the events" in problem for problem in verdict.problems)


def test_a_person_who_was_not_told_is_found() -> None:
    found = messages(two_numbers())
    assert any("person" in problem for problem in verdict_on(without(found, PEOPLE, -1)).problems)


def test_an_opt_out_that_never_was_is_found() -> None:
    def opted_out(message: Found) -> bytes:
        person: PersonReconciled = PEOPLE.wire.decode(message.value or b"")
        return PEOPLE.wire.encode(replace(person, withdrawn_at=NOON))

    verdict = verdict_on(changed(messages(usual()), PEOPLE, opted_out))
    assert any("of which there is no event" in problem for problem in verdict.problems)


def test_an_opt_out_that_was_forgotten_is_found() -> None:
    found = messages(usual().arrives(person_withdrawn(nhs_number=ANN)))
    assert verdict_on(found).problems == ()
    people = [message for message in found if message.topic == PEOPLE.name]
    assert verdict_on([message for message in found if message is not people[-1]]).problems


def test_an_alert_that_was_not_raised_is_found() -> None:
    found = messages(usual().ticks(LATER), LATER)
    assert verdict_on(found, LATER).problems == ()
    assert any("alerts of match" in problem for problem in verdict_on(without(found, ALERTS, -1), LATER).problems)


@pytest.mark.parametrize("topic", [*TOPICS], ids=lambda topic: topic.name)
def test_garbage_on_any_topic_is_found_unless_it_is_in_quarantine(topic: AnyTopic) -> None:
    assert verdict_on(with_more(messages(usual()), topic, b"\xff garbage", b"x")).problems
    read = {each.name for step in usual().broker.topology.steps for each in step.all_read}
    if topic.name in read and topic != TICKS:
        flow = usual()
        flow.broker.publish(topic, b"x", b"\xff garbage")
        verdict = audited(flow)
        assert verdict.problems == ()
        assert sum(verdict.quarantined.values()) + sum(verdict.strays.values()) == 1


@pytest.mark.parametrize("topic", [IMAGES, REVIEWS, PERSON_CASES, UPLOADS], ids=lambda topic: topic.name)
def test_a_record_of_another_topic_is_found_unless_it_is_in_quarantine(topic: AnyTopic) -> None:
    assert verdict_on(with_more(messages(usual()), topic, QUARANTINE.wire.encode({"type": "quarantined/1"}))).problems


def test_a_row_under_a_key_that_is_not_its_match_is_found_unless_it_is_in_quarantine() -> None:
    flow = usual()
    (_, row) = flow.broker.topics[ROWS.name][0]
    assert any("its key is not its match" in each for each in verdict_on(with_more(messages(flow), ROWS, row)).problems)
    flow.broker.publish(ROWS, b"MSOMEBODY", row)
    assert audited(flow).problems == ()


def test_an_identifier_in_a_value_is_found_and_not_repeated() -> None:
    def with_number(message: Found) -> bytes:
        row: RowPseudonymised = ROWS.wire.decode(message.value or b"")
        return ROWS.wire.encode(replace(row, values={"comment": f"see {ANN}"}))

    (problem,) = verdict_on(changed(messages(usual()), ROWS, with_number)).problems
    assert problem.startswith(ROWS.name)
    assert ANN not in problem


def test_a_tombstone_takes_a_status_away() -> None:
    flow = Flow().arrives(raw_row())
    key = flow.broker.topics[COVERAGE_STATUS.name][-1][0]
    gone = Found(COVERAGE_STATUS.name, 0, 99, int(NOON.timestamp() * 1000), key, None, ())
    assert any("nothing is published" in problem for problem in verdict_on([*messages(flow), gone]).problems)


def test_more_leaks_than_are_named_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.audit._MOST_LEAKS", 2)
    found = messages(usual())
    for number in range(5):
        found.append(Found("nccid-other", 0, number, 0, ANN.encode(), b"{}", ()))
    assert verdict_on(found).problems[-1] == "3 more messages hold what looks like an identifier"


def test_the_verdict_in_words_ends_with_the_sum() -> None:
    found = messages(usual())
    words = verdict_words(replace_problems(verdict_on(found), ()))
    assert words.splitlines()[-1] == "in = 5, out = 5, quarantined = 0: everything adds up"
    many = verdict_words(replace_problems(verdict_on(found), tuple(f"problem {number}" for number in range(60))))
    assert "! problem 49" in many
    assert "! and 10 more; all of them: --json" in many
    assert many.splitlines()[-1] == "in = 5, out = 5, quarantined = 0: 60 problems"


def replace_problems(verdict: Verdict, problems: tuple[str, ...]) -> Verdict:
    return dataclasses.replace(verdict, problems=problems, too_broad=("WIDE",))


def test_what_could_not_be_searched_for_is_said() -> None:
    assert "hospital_number_pattern of WIDE" in verdict_words(replace_problems(audited(usual()), ()))
