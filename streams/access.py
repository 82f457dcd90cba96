"""Who may do what on the cluster: the rights of each role, drawn from the topology; ``deploy/acls`` has them as files.

A role is a user of the cluster. The steps that hold keys are a role of their own, so that nobody else can read the raw topics.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.topics import COVERAGE_STATUS, IMAGES, PERSON_WITHDRAWALS, QUARANTINE, ROWS, TOPICS, WITHDRAWALS, AnyTopic
from streams.settings import group_of
from streams.steps import Step, Topology

Operation = Literal["AlterConfigs", "Create", "Delete", "Describe", "DescribeConfigs", "Read", "Write"]
Resource = Literal["topic", "group", "transactional-id"]

SENDER = "sender"
READER = "reader"
COUNTER = "counter"
EXPORTER = "exporter"
KEEPER = "keeper"
OPERATOR = "operator"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that a role may do."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    is_prefix: bool = False  # all resources whose name begins like this

    def __str__(self) -> str:
        """The arguments for Kafka's own ``kafka-acls.sh``."""
        operations = " ".join(f"--operation {operation}" for operation in self.operations)
        prefixed = " --resource-pattern-type prefixed" if self.is_prefix else ""
        return f"{operations} --{self.resource} {self.name}{prefixed}"


def rights(topology: Topology) -> dict[str, list[Right]]:
    """The rights by role.

    The sender; each worker of the topology; readers of what is published (hub, ``check``, ``status``, ``chase``, ``alerts``); who
    counts completeness, and so reads rows, which the hub may not; who hands over to the warehouse; the keeper; the operator, who
    makes topics, audits, and replays from quarantine.
    """
    return {
        SENDER: [_topic(topic, "Write") for topic in topology.fed_by_edge],
        **{f"worker-{'-'.join(names)}": sorted(set(_of_worker(topology, names))) for names in topology.workers},
        READER: [_topic(topic, "Read") for topic in (*topology.read_by_people, topology.quarantine)],
        COUNTER: [_topic(topic, "Read") for topic in (COVERAGE_STATUS, ROWS)],
        EXPORTER: [_topic(topic, "Read") for topic in (COVERAGE_STATUS, WITHDRAWALS, PERSON_WITHDRAWALS, ROWS)],
        KEEPER: [
            _topic(COVERAGE_STATUS, "Read"),
            *(_topic(topic, "Read", "Write") for topic in (WITHDRAWALS, QUARANTINE)),
            *(_topic(topic, "Read", "Write", "Delete", "AlterConfigs", "DescribeConfigs") for topic in (ROWS, IMAGES)),
        ],
        OPERATOR: [_topic(topic, "Create", "Read", "Write", "Delete") for topic in TOPICS],
    }


def _of_worker(topology: Topology, names: tuple[str, ...]) -> Iterator[Right]:
    steps = [topology.step(name) for name in names]
    read = {topic.name: topic for step in steps for topic in step.all_read}
    written = {topic.name: topic for step in steps for topic in step.writes}
    kept = {step.keeps.name: step.keeps for step in steps if step.keeps}
    ticked = {step.ticks.name: step.ticks for step in steps if step.ticks}
    quarantine = {topology.quarantine.name: topology.quarantine}
    may_read, may_write = read | kept | quarantine, written | ticked | quarantine
    for name, topic in (may_read | may_write).items():
        operations: tuple[Operation, ...] = ("Read",) if name in may_read else ()
        yield _topic(topic, *operations, *(("Write",) if name in may_write else ()))
    yield Right("group", group_of(names), ("Read",))
    yield from (_owners_name(step) for step in steps if step.keeps)


def _owners_name(step: Step) -> Right:
    return Right("transactional-id", f"nccid-{step.name}-", ("Describe", "Write"), is_prefix=True)


def _topic(topic: AnyTopic, *operations: Operation) -> Right:
    return Right("topic", topic.name, operations)


def as_file(role: str, those: list[Right]) -> str:
    """The rights of a role as a file: a comment, then the arguments of one call of ``kafka-acls.sh`` a line."""
    head = f"# What the role {role} may do. Made by streams/access.py; docs/operate.md says how to apply it."
    return "\n".join([head, *map(str, those), ""])


def write_files(folder: Path, topology: Topology) -> None:
    """Writes the file of each role, ``ROLE.acl``."""
    for role, those in rights(topology).items():
        (folder / f"{role}.acl").write_text(as_file(role, those), encoding="utf-8")
