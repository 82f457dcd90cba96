"""The topology as a value: sound, drawn, and of the same topics as schemas.topics."""

import dataclasses

import pytest

from schemas.topics import IMAGES, PARTITIONS, QUARANTINE, TOPICS
from streams.steps import Step
from streams.topology import TOPOLOGY
from tests.factories import given


def test_no_topic_is_written_and_never_read_or_read_and_never_written() -> None:
    assert TOPOLOGY.orphans() == []


def test_an_orphan_is_found() -> None:
    steps = [
        dataclasses.replace(step, writes=tuple(topic for topic in step.writes if topic != IMAGES)) for step in TOPOLOGY.steps
    ]
    assert dataclasses.replace(TOPOLOGY, steps=tuple(steps)).orphans() == [IMAGES.name]


def test_the_topics_of_the_topology_are_those_that_are_made() -> None:
    used = {topic.name for step in TOPOLOGY.steps for topic in (*step.all_read, *step.writes)} | {TOPOLOGY.quarantine.name}
    assert used == {topic.name for topic in TOPICS}


def test_names_of_steps_are_unique() -> None:
    names = [step.name for step in TOPOLOGY.steps]
    assert sorted(set(names)) == sorted(names)


def test_an_unknown_step_is_an_error() -> None:
    with pytest.raises(KeyError):
        TOPOLOGY.step("reconsider")


def test_the_diagram_names_every_topic_and_every_step() -> None:
    diagram = TOPOLOGY.diagram()
    named = [topic.name for topic in TOPICS] + [step.name for step in TOPOLOGY.steps]
    assert [name for name in named if name not in diagram] == []


def test_the_diagram_draws_one_line_an_edge() -> None:
    lines = TOPOLOGY.diagram().splitlines()
    fed = len(TOPOLOGY.fed_by_edge) + len(TOPOLOGY.fed_by_clock)
    edges = fed + sum(len(step.all_read) + len(step.writes) + 1 for step in TOPOLOGY.steps)
    assert (lines[0], len(lines)) == ("flowchart LR", 1 + edges)


def test_what_a_step_keeps_it_publishes_on_a_compacted_topic() -> None:
    kept = [(step, step.keeps) for step in TOPOLOGY.steps if step.keeps is not None]
    assert kept
    assert all(keeps in step.writes and keeps.compacted for step, keeps in kept)


def test_all_topics_have_the_same_number_of_partitions() -> None:
    assert {topic.partitions for topic in TOPICS} == {PARTITIONS}


@pytest.mark.parametrize("step", TOPOLOGY.steps, ids=lambda step: step.name)
def test_only_a_step_that_says_so_needs_the_keyring(step: Step) -> None:
    if step.needs_keys:
        with pytest.raises(ValueError, match="keyring"):
            step.build(given(keyring=None))
    else:
        assert step.build(given(keyring=None)).seal is None


def test_nothing_that_is_quarantined_is_read_by_a_step() -> None:
    assert all(QUARANTINE not in step.all_read for step in TOPOLOGY.steps)
