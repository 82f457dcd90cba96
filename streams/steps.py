"""What a step is: what it reads and writes, and how a message becomes what follows from it. Values only; nothing runs here.

What is made for each message is a msgspec Struct, which is as frozen as a dataclass and made several times as fast.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agents.quarantine import Rejected
from identity.keyring import Keyring
from schemas.coverage import CasesReconciled
from schemas.records import Sealed
from schemas.rules import Rules
from schemas.sites import Sites
from schemas.topics import AnyTopic


@dataclass(frozen=True, slots=True)
class Given:
    """What steps are given from outside: registry, rules, and to those that need it the keyring."""

    sites: Sites
    rules: Rules
    keyring: Keyring | None


class Message(msgspec.Struct, frozen=True):
    """A record as it lies on a topic, with what the step keeps under its key."""

    key: bytes
    value: bytes
    kept: bytes | None = None


class Emitted(msgspec.Struct, frozen=True):
    """One record on its way to a topic; on the topic that the step keeps, it is the new state too."""

    topic: AnyTopic
    key: bytes
    value: bytes
    deadline: dt.datetime | None = None  # of new state: when the clock alone will change it
    states: tuple[CasesReconciled, CasesReconciled] | None = None  # of cases: before and after, so that nobody decodes them again
    first: bool = False  # acknowledged before anything behind it is sent: said once only, so no crash may lose it


class Worked(msgspec.Struct, frozen=True):
    """What became of a message: records (none where nothing changed), and why it was rejected; ``event`` names what it held."""

    event: str
    emitted: tuple[Emitted, ...] = ()
    rejected: Rejected | None = None
    site: str | None = None  # whose record it was, where that is known


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
        """Steps by worker process: those that hold keys apart from the others, and none beside one that reads what it keeps."""
        groups: list[list[Step]] = []
        for step in self.steps:
            together = next((group for group in groups if all(_get_along(step, other) for other in group)), None)
            groups.append([step]) if together is None else together.append(step)
        return tuple(tuple(step.name for step in group) for group in groups)

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


def _get_along(one: Step, other: Step) -> bool:
    return one.needs_keys == other.needs_keys and one.keeps not in other.all_read and other.keeps not in one.all_read
