"""The flow, top to bottom. Read this first.

    edge ── RowSubmitted ──► nccid.raw.rows ───┐                   ┌─► nccid.rows ───┐
      └──── StudyReceived ─► nccid.raw.images ─┴─► pseudonymise ───┴─► nccid.images ─┴─► reconcile ─► nccid.coverage-status
                                                   (holds the keys)                      (cases)      (compacted; at once the
                                                         └──────► nccid.quarantine ◄───────┤           changelog of the cases)
                                                                            clock ─► nccid.ticks

Keys of messages: raw topics an HMAC routing key, then ``match``; so a row, its images and their case share a partition.
The topology is a value: the Faust runner attaches it to Kafka, the memory runner drives it in tests, the checks below look for
orphans, and ``diagram`` draws it for the docs.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from agents.pseudonymise import Pseudonymise
from agents.quarantine import Reason, Rejected
from agents.reconcile import Reconcile, next_deadline
from identity.keyring import Keyring
from identity.pseudonyms import Pseudonymiser
from identity.seal import LinkageSealer, Sealer
from schemas.coverage import CasesReconciled, empty_cases
from schemas.records import RowPseudonymised, Sealed, Ticked
from schemas.rules import Rules
from schemas.sites import Sites
from schemas.topics import (
    COVERAGE_STATUS,
    IMAGES,
    PSEUDONYMISED_WIRE,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    RAW_WIRE,
    RECONCILABLE_WIRE,
    ROWS,
    TICKS,
    AnyTopic,
)


@dataclass(frozen=True, slots=True)
class Given:
    """What steps are given from outside: registry, rules, and to those that need it the keyring."""

    sites: Sites
    rules: Rules
    keyring: Keyring | None


@dataclass(frozen=True, slots=True)
class Message:
    """A record as it lies on a topic, with what the step keeps under its key."""

    key: bytes
    value: bytes
    kept: bytes | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """One record on its way to a topic; on the topic that the step keeps, it is the new state too."""

    topic: AnyTopic
    key: bytes
    value: bytes
    deadline: dt.datetime | None = None  # of new state: when the clock alone will change it


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a message: records (none where nothing changed), or why it was rejected; ``event`` names what it held."""

    event: str
    outcome: tuple[Emitted, ...] | Rejected


@dataclass(frozen=True, slots=True)
class Working:
    """A step ready to run. ``work`` raises UndecodableError for bytes that are no record; ``seal`` seals those, given a key."""

    work: Callable[[Message], Worked]
    seal: Callable[[bytes, str], Sealed] | None = None
    deadline: Callable[[bytes], dt.datetime | None] | None = None  # of state as it is kept


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the flow."""

    name: str
    reads: tuple[AnyTopic, ...]
    writes: tuple[AnyTopic, ...]
    keeps: AnyTopic | None  # the compacted topic that is its table's changelog
    ticks: AnyTopic | None  # what it reads for each key whose deadline has passed, besides ``reads``
    needs_keys: bool
    build: Callable[[Given], Working]

    @property
    def all_read(self) -> tuple[AnyTopic, ...]:
        """The topics that it subscribes to."""
        return self.reads if self.ticks is None else (*self.reads, self.ticks)


@dataclass(frozen=True, slots=True)
class Topology:
    """All steps, and the topic for what none of them could use."""

    steps: tuple[Step, ...]
    quarantine: AnyTopic
    fed_by_edge: tuple[AnyTopic, ...]
    fed_by_clock: tuple[AnyTopic, ...]
    read_by_people: tuple[AnyTopic, ...]

    def step(self, name: str) -> Step:
        """The step of this name.

        Raises:
            KeyError: there is none.
        """
        return {step.name: step for step in self.steps}[name]

    def orphans(self) -> list[str]:
        """Topics that are read but never written, or written but never read; the sound topology has none."""
        read = {topic.name for step in self.steps for topic in step.all_read} | {topic.name for topic in self.read_by_people}
        fed = (*self.fed_by_edge, *self.fed_by_clock)
        written = {topic.name for step in self.steps for topic in step.writes} | {topic.name for topic in fed}
        return sorted((read ^ written) - {self.quarantine.name})

    def diagram(self) -> str:
        """The flow as a Mermaid flowchart."""
        lines = ["flowchart LR"]
        lines += [f"  edge --> {topic.name}[({topic.name})]" for topic in self.fed_by_edge]
        lines += [f"  clock --> {topic.name}[({topic.name})]" for topic in self.fed_by_clock]
        for step in self.steps:
            lines += [f"  {topic.name}[({topic.name})] --> {step.name}" for topic in step.all_read]
            lines += [f"  {step.name} --> {topic.name}[({topic.name})]" for topic in step.writes]
            lines.append(f"  {step.name} -. rejects .-> {self.quarantine.name}[({self.quarantine.name})]")
        return "\n".join(lines)


def _pseudonymise(given: Given) -> Working:
    if given.keyring is None:
        raise ValueError("pseudonymise needs the keyring")
    sealer = Sealer(given.keyring)
    step = Pseudonymise(given.sites, Pseudonymiser(given.keyring), sealer, LinkageSealer(given.keyring))

    def work(message: Message) -> Worked:
        record = RAW_WIRE.decode(message.value)
        outcome = step(record)
        if isinstance(outcome, Rejected):
            return Worked(record.event, outcome)
        topic: AnyTopic = ROWS if isinstance(outcome, RowPseudonymised) else IMAGES
        return Worked(record.event, (Emitted(topic, outcome.match.encode(), PSEUDONYMISED_WIRE.encode(outcome)),))

    return Working(work, seal=sealer.seal_payload)


def _reconcile(given: Given) -> Working:
    step, wire = Reconcile(given.rules), COVERAGE_STATUS.wire

    def work(message: Message) -> Worked:
        record = RECONCILABLE_WIRE.decode(message.value)
        kept = None if message.kept is None else wire.decode(message.kept)
        if isinstance(record, Ticked):
            return Worked("tick", () if kept is None else changed(kept, step.ticked(kept, record.at)))
        if message.key != record.match.encode():
            return Worked(record.event, Rejected(Reason.WRONG_KEY))
        known = kept or empty_cases(record.match)
        return Worked(record.event, changed(known, step(known, record)))

    def changed(known: CasesReconciled, now: CasesReconciled) -> tuple[Emitted, ...]:
        return () if now == known else (Emitted(COVERAGE_STATUS, now.match.encode(), wire.encode(now), next_deadline(now)),)

    return Working(work, deadline=lambda kept: next_deadline(wire.decode(kept)))


TOPOLOGY = Topology(
    steps=(
        Step(
            "pseudonymise",
            reads=(RAW_ROWS, RAW_IMAGES),
            writes=(ROWS, IMAGES),
            keeps=None,
            ticks=None,
            needs_keys=True,
            build=_pseudonymise,
        ),
        # now: RowPseudonymised, StudyPseudonymised, key = match
        Step(
            "reconcile",
            reads=(ROWS, IMAGES),
            writes=(COVERAGE_STATUS,),
            keeps=COVERAGE_STATUS,
            ticks=TICKS,
            needs_keys=False,
            build=_reconcile,
        ),
        # now: CasesReconciled, key = match; at most one message an event
    ),
    quarantine=QUARANTINE,
    fed_by_edge=(RAW_ROWS, RAW_IMAGES),
    fed_by_clock=(TICKS,),
    read_by_people=(COVERAGE_STATUS,),
)
