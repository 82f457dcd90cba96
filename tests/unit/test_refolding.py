"""Folding a partition of the cases anew: as if the new rules had always held, and nothing is lost that was said for days only."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.quarantine import Payload
from schemas.coverage import CoverageStatus
from schemas.records import Source
from schemas.rules import DEFAULT, Rules, read_rules
from schemas.topics import COVERAGE_STATUS, IMAGES, PARTITIONS, PERSON_CASES, ROWS, WITHDRAWALS, AnyTopic
from streams.keeping import InMemory
from streams.partitions import partition_of
from streams.refolding import Refolding
from streams.steps import Emitted
from streams.topology import TOPOLOGY
from tests.factories import (
    ANN,
    BOB,
    CAT,
    NOON,
    RR2,
    RULES,
    Flow,
    given,
    patient_withdrawn,
    person_withdrawn,
    raw_row,
    raw_study,
)

LATER = NOON + dt.timedelta(days=30)
RR3 = "RR99900003"


@pytest.fixture
def patient(tmp_path: Path) -> Rules:
    """Rules that wait for images for a year."""
    text = DEFAULT.read_text(encoding="utf-8").replace('images = "7d"', 'images = "365d"')
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    return read_rules(tmp_path / "rules.toml")


def refolded(flow: Flow, rules: Rules, topics: Sequence[AnyTopic] = (ROWS, IMAGES, WITHDRAWALS)) -> list[tuple[Emitted, ...]]:
    """What has to be published for the rules to hold, from these topics and what is published, one partition after the other."""
    return [records for partition in range(PARTITIONS) for records in refolded_part(flow, rules, topics, partition)]


def refolded_part(flow: Flow, rules: Rules, topics: Sequence[AnyTopic], partition: int) -> list[tuple[Emitted, ...]]:
    working = TOPOLOGY.step("reconcile").build(given(rules))
    refolding = Refolding(working, InMemory(partition), InMemory(partition))
    for key, value in flow.broker.topics[COVERAGE_STATUS.name]:
        if partition_of(key) == partition:
            refolding.published.put(key, value, None)
    refolding.carry_over()
    for topic in topics:
        for offset, (key, value) in enumerate(flow.broker.topics[topic.name]):
            if partition_of(key) == partition:
                refolding.take(Payload(Source(topic=topic.name, partition=partition, offset=offset), LATER, value, key))
    return list(refolding.finish(LATER))


def published(flow: Flow, rebuilt: list[tuple[Emitted, ...]]) -> dict[str, CoverageStatus]:
    """The statuses after a rebuild, as everybody reads them; the other steps have had their turn too."""
    for records in rebuilt:
        for each in records:
            flow.broker.publish(each.topic, each.key, each.value)
    return flow.statuses()


def test_a_rule_that_was_changed_holds_for_what_came_before_it(patient: Rules) -> None:
    records = (raw_row(), raw_row(nhs_number=BOB, hospital_number=RR2, row=3), raw_study(patient_id=RR2))
    flow = Flow().arrives(*records).ticks(LATER)
    assert {status.state for status in flow.statuses().values()} == {"images-missing", "complete"}
    after = published(flow, refolded(flow, patient))
    assert {status.state for status in after.values()} == {"awaiting-images", "complete"}
    assert after == Flow(given(patient)).arrives(*records).ticks(LATER).statuses()


def test_only_what_differs_is_published(patient: Rules) -> None:
    flow = Flow().arrives(raw_row(), raw_row(nhs_number=BOB, hospital_number=RR2, row=3), raw_study(patient_id=RR2))
    flow.ticks(LATER)
    rebuilt = refolded(flow, patient)
    assert [[each.topic for each in records] for records in rebuilt] == [[PERSON_CASES, COVERAGE_STATUS]]
    published(flow, rebuilt)
    assert refolded(flow, patient) == []


def test_under_the_same_rules_nothing_is_published() -> None:
    flow = Flow().arrives(raw_row(), raw_study(), raw_row(nhs_number=BOB, hospital_number=RR2, row=3)).ticks(LATER)
    assert refolded(flow, RULES) == []


def test_a_deadline_that_is_shorter_now_has_passed(patient: Rules) -> None:
    flow = Flow(given(patient)).arrives(raw_row()).ticks(LATER)
    assert {status.state for status in flow.statuses().values()} == {"awaiting-images"}
    after = published(flow, refolded(flow, RULES))
    assert after == Flow().arrives(raw_row()).ticks(LATER).statuses()


@pytest.mark.parametrize("opt_out", [patient_withdrawn(nhs_number=ANN), person_withdrawn()])
def test_who_has_opted_out_stays_so_though_the_rows_are_erased(patient: Rules, opt_out: object) -> None:
    flow = Flow().arrives(raw_row(), raw_study(), opt_out).ticks(LATER)  # type: ignore[arg-type]  # one of the two
    before = flow.statuses()
    assert {status.state for status in before.values()} == {"withdrawn"}
    assert refolded(flow, patient, topics=()) == []
    assert refolded(flow, patient, topics=(WITHDRAWALS,)) == []
    assert refolded(flow, patient) == []  # nor do they come back where they are not erased yet
    assert flow.statuses() == before


def test_what_a_persons_other_cases_mean_is_carried_over(patient: Rules) -> None:
    records = (raw_row(), raw_row(hospital_number=RR3, row=3), raw_row(nhs_number=CAT, hospital_number=RR2, row=4))
    flow = Flow().arrives(*records).ticks(LATER)
    flags = {status.patient: status.flags for status in flow.statuses().values()}
    assert ["several-hospital-numbers"] in flags.values()
    after = published(flow, refolded(flow, patient))
    assert {status.patient: status.flags for status in after.values()} == flags
    assert after == Flow(given(patient)).arrives(*records).ticks(LATER).statuses()


def test_what_cannot_be_used_is_counted_and_not_quarantined_again(patient: Rules) -> None:
    flow = Flow().arrives(raw_row()).ticks(LATER)
    flow.broker.topics[ROWS.name].append((b"k", b"garbage"))
    rebuilt = refolded(flow, patient)
    assert {each.topic for records in rebuilt for each in records} == {PERSON_CASES, COVERAGE_STATUS}
