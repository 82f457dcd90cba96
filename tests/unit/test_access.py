"""The rights of each role: as the topology needs them, in files that an operator can apply."""

from pathlib import Path

import pytest

from schemas.topics import COVERAGE_STATUS, PERSON_WITHDRAWALS, RAW_IMAGES, RAW_ROWS, ROWS, WITHDRAWALS
from streams.access import COUNTER, EXPORTER, READER, SENDER, Right, as_file, rights
from streams.topology import TOPOLOGY

FILES = Path(__file__).parents[2] / "deploy" / "acls"
RIGHTS = rights(TOPOLOGY)


def may(role: str, operation: str) -> set[str]:
    return {right.name for right in RIGHTS[role] if right.resource == "topic" and operation in right.operations}


@pytest.mark.parametrize("role", RIGHTS)
def test_the_file_of_a_role_is_what_the_topology_says(role: str) -> None:
    """To write them anew: ``streams.access.write_files``."""
    assert (FILES / f"{role}.acl").read_text(encoding="utf-8") == as_file(role, RIGHTS[role])


def test_there_is_no_file_of_another_role() -> None:
    assert {path.stem for path in FILES.glob("*.acl")} == set(RIGHTS)


def test_only_the_steps_with_keys_and_the_operator_read_raw_topics() -> None:
    readers = {role for role in RIGHTS if may(role, "Read") & {RAW_ROWS.name, RAW_IMAGES.name}}
    assert readers == {"worker-pseudonymise", "operator"}


def test_who_counts_completeness_reads_rows_and_cases_and_no_more_and_the_hub_reads_no_row() -> None:
    assert RIGHTS[COUNTER] == [Right("topic", name, ("Read",)) for name in (COVERAGE_STATUS.name, ROWS.name)]
    assert ROWS.name not in may(READER, "Read")


def test_who_hands_over_reads_rows_cases_and_opt_outs_and_writes_nothing() -> None:
    assert may(EXPORTER, "Read") == {topic.name for topic in (COVERAGE_STATUS, WITHDRAWALS, PERSON_WITHDRAWALS, ROWS)}
    assert {operation for right in RIGHTS[EXPORTER] for operation in right.operations} == {"Read"}


def test_the_sender_reads_nothing_and_writes_what_the_edge_feeds() -> None:
    assert may(SENDER, "Read") == set()
    assert may(SENDER, "Write") == {topic.name for topic in TOPOLOGY.fed_by_edge}


def test_what_a_step_keeps_has_one_writer() -> None:
    """Besides the operator, who can do everything."""
    for step in TOPOLOGY.steps:
        if step.keeps is not None:
            assert {role for role in RIGHTS if step.keeps.name in may(role, "Write")} - {"operator"} == {
                f"worker-{'-'.join(names)}" for names in TOPOLOGY.workers if step.name in names
            }


def test_a_right_in_the_words_of_kafka_acls() -> None:
    assert str(Right("topic", "nccid.rows", ("Read", "Write"))) == "--operation Read --operation Write --topic nccid.rows"
    assert str(Right("transactional-id", "nccid-x-", ("Write",), is_prefix=True)) == (
        "--operation Write --transactional-id nccid-x- --resource-pattern-type prefixed"
    )
