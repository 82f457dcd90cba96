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

from agents.people import people, reviews
from agents.pseudonymise import Pseudonymise, Pseudonymous
from agents.quarantine import Reason, Rejected
from agents.reconcile import OfCase, Reconcile, next_deadline, seen_by_persons, withdrawn
from identity.keyring import Keyring
from identity.pseudonyms import Pseudonymiser
from identity.seal import LinkageSealer, Sealer
from schemas.coverage import CasesReconciled, empty_cases
from schemas.people import CaseReviewed, PersonWithdrawn, empty_person
from schemas.records import PatientWithdrawn, RowPseudonymised, Sealed, StudyPseudonymised, Ticked
from schemas.rules import Rules
from schemas.sites import Sites
from schemas.topics import (
    COVERAGE_STATUS,
    IMAGES,
    PEOPLE,
    PERSON_CASES,
    PERSON_WIRE,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    RAW_WIRE,
    RAW_WITHDRAWALS,
    RECONCILABLE_WIRE,
    REVIEWS,
    ROWS,
    TICKS,
    WITHDRAWALS,
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
    """What became of a message: records (none where nothing changed), and why it was rejected; ``event`` names what it held."""

    event: str
    emitted: tuple[Emitted, ...] = ()
    rejected: Rejected | None = None


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

    @property
    def workers(self) -> tuple[tuple[str, ...], ...]:
        """Steps by worker process: those that hold keys apart from those that do not."""
        keyed = tuple(step.name for step in self.steps if step.needs_keys)
        keyless = tuple(step.name for step in self.steps if not step.needs_keys)
        return (keyed, keyless)

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
            return Worked(record.event, rejected=outcome)
        return Worked(record.event, tuple(map(_addressed, outcome)))

    return Working(work, seal=sealer.seal_payload)


def _addressed(record: Pseudonymous) -> Emitted:
    """Where a record goes once it is without identifiers."""
    match record:
        case RowPseudonymised():
            return Emitted(ROWS, record.match.encode(), ROWS.wire.encode(record))
        case StudyPseudonymised():
            return Emitted(IMAGES, record.match.encode(), IMAGES.wire.encode(record))
        case PatientWithdrawn():
            return Emitted(WITHDRAWALS, record.match.encode(), WITHDRAWALS.wire.encode(record))
        case PersonWithdrawn():
            return Emitted(PERSON_CASES, record.person.encode(), PERSON_WIRE.encode(record))


def _reconcile(given: Given) -> Working:
    step, wire = Reconcile(given.rules), COVERAGE_STATUS.wire

    def work(message: Message) -> Worked:
        record = RECONCILABLE_WIRE.decode(message.value)
        kept = None if message.kept is None else wire.decode(message.kept)
        if isinstance(record, Ticked):
            return Worked("tick", () if kept is None else changed(kept, step.ticked(kept, record.at)))
        event = record.patient if isinstance(record, CaseReviewed) else record.event
        if message.key != record.match.encode():
            return Worked(event, rejected=Rejected(Reason.WRONG_KEY))
        known = kept or empty_cases(record.match)
        arrived = isinstance(record, RowPseudonymised | StudyPseudonymised)
        dropped = Rejected(Reason.WITHDRAWN) if arrived and withdrawn(known, record.patient) else None
        now = step(known, record)
        return Worked(event, changed(known, now) + introductions(now, record), dropped)

    def changed(known: CasesReconciled, now: CasesReconciled) -> tuple[Emitted, ...]:
        return () if now == known else (Emitted(COVERAGE_STATUS, now.match.encode(), wire.encode(now), next_deadline(now)),)

    def introductions(now: CasesReconciled, record: OfCase) -> tuple[Emitted, ...]:
        """Said at every row and study, changed or not, so that a crash loses none; reviews need no answer."""
        if isinstance(record, CaseReviewed):
            return ()
        seen = seen_by_persons(now, record.patient)
        return tuple(Emitted(PERSON_CASES, each.person.encode(), PERSON_WIRE.encode(each)) for each in seen)

    return Working(work, deadline=lambda kept: next_deadline(wire.decode(kept)))


def _people(_: Given) -> Working:
    wire = PEOPLE.wire

    def work(message: Message) -> Worked:
        event = PERSON_WIRE.decode(message.value)
        if message.key != event.person.encode():
            return Worked(event.person, rejected=Rejected(Reason.WRONG_KEY))
        known = empty_person(event.person) if message.kept is None else wire.decode(message.kept)
        now = people(known, event)
        state = () if now == known else (Emitted(PEOPLE, message.key, wire.encode(now)),)
        return Worked(event.person, state + tuple(_review(each) for each in reviews(now)))

    return Working(work)


def _review(review: CaseReviewed) -> Emitted:
    return Emitted(REVIEWS, review.match.encode(), REVIEWS.wire.encode(review))


TOPOLOGY = Topology(
    steps=(
        Step(
            "pseudonymise",
            reads=(RAW_ROWS, RAW_IMAGES, RAW_WITHDRAWALS),
            writes=(ROWS, IMAGES, WITHDRAWALS, PERSON_CASES),
            keeps=None,
            ticks=None,
            needs_keys=True,
            build=_pseudonymise,
        ),
        # now: RowPseudonymised, StudyPseudonymised, PatientWithdrawn, key = match; PersonWithdrawn, key = person
        Step(
            "reconcile",
            reads=(ROWS, IMAGES, WITHDRAWALS, REVIEWS),
            writes=(COVERAGE_STATUS, PERSON_CASES),
            keeps=COVERAGE_STATUS,
            ticks=TICKS,
            needs_keys=False,
            build=_reconcile,
        ),
        # now: CasesReconciled, key = match; PersonCaseSeen, key = person
        Step(
            "people",
            reads=(PERSON_CASES,),
            writes=(PEOPLE, REVIEWS),
            keeps=PEOPLE,
            ticks=None,
            needs_keys=False,
            build=_people,
        ),
        # now: PersonReconciled, key = person; CaseReviewed, key = match, back to reconcile
    ),
    quarantine=QUARANTINE,
    fed_by_edge=(RAW_ROWS, RAW_IMAGES, RAW_WITHDRAWALS),
    fed_by_clock=(TICKS,),
    read_by_people=(COVERAGE_STATUS, PEOPLE),
)
