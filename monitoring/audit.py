"""The audit: proves from the topics alone that every event is accounted for, that every status follows, and that nothing leaks.

Everything is read once, quarantine first. What does not add up then may only be on its way, so it is looked at again while more
comes: only what stays wrong for the whole of the wait is called wrong. It needs no key.
"""

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from monitoring.audit_cases import Cases
from monitoring.audit_events import Fate, Ledger, Problem
from monitoring.audit_identifiers import Search, search_for
from monitoring.topics import Found, TopicsReader
from schemas.kafka import KafkaSettings
from schemas.people import PersonWithdrawn
from schemas.records import PatientWithdrawn, Quarantined, RowPseudonymised, StudyPseudonymised
from schemas.rules import Rules
from schemas.sites import Sites
from schemas.topics import (
    IMAGES,
    PERSON_CASES,
    PERSON_WIRE,
    PERSON_WITHDRAWALS,
    QUARANTINE,
    RAW_IMAGES,
    RAW_ROWS,
    RAW_WIRE,
    RECONCILABLE_WIRE,
    REVIEWS,
    ROWS,
    SITE_FACTS,
    SITE_WIRE,
    TOPICS,
    UPLOADS,
    WITHDRAWALS,
)
from schemas.wire import UndecodableError, Wire
from streams.steps import Topology

WAIT_SECONDS = 20.0
"""How long something may be on its way; a killed worker is promised to be back within 15 s."""

_LOOK_SECONDS = 0.25
_MOST_LEAKS = 1_000  # named one by one; more are counted

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True)
class Verdict:
    """What the audit found."""

    came_in: Mapping[str, int]  # by topic
    went_out: Mapping[str, int]  # by the topic on which it came in
    quarantined: Mapping[str, int]  # by reason
    quarantined_by_topic: Mapping[str, int]
    strays: Mapping[str, int]  # by reason: quarantined, and never an event
    follow: Mapping[str, int]  # how many statuses, people, alerts there are
    searched: int  # messages
    too_broad: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The form of ``nccid audit --json``."""
        return {
            "ok": self.ok,
            "in": dict(self.came_in),
            "out": dict(self.went_out),
            "quarantined": dict(self.quarantined),
            "strays": dict(self.strays),
            "problems": list(self.problems),
        }


@dataclass
class Audit:
    """The books while they are being kept: fed with every message on every topic, in any number of turns."""

    topology: Topology
    rules: Rules
    search: Search
    now: dt.datetime
    ledger: Ledger = field(init=False)
    cases: Cases = field(init=False)
    searched: int = 0
    _leaks: dict[tuple[str, int, int], str] = field(default_factory=dict)
    _more_leaks: int = 0

    def __post_init__(self) -> None:
        self.ledger, self.cases = Ledger(self.topology, self.now), Cases(self.rules)

    def take(self, found: Found) -> None:
        """Takes one message into account."""
        self._look_for_identifiers(found)
        wire = WIRES.get(found.topic)
        if wire is None:
            return  # a topic with our prefix that is none of ours: searched, not counted
        if found.value is None:
            self.cases.published(found.topic, _text(found.key), None)
            return
        try:
            record = wire.decode(found.value)
        except UndecodableError:
            self.ledger.came_undecodable(found)
        else:
            self._take(found, record)

    def _take(self, found: Found, record: object) -> None:
        key = _text(found.key)
        self.ledger.came(found, record)
        match record:
            case Quarantined():
                self.ledger.quarantined(record)
            case RowPseudonymised() | StudyPseudonymised() | PatientWithdrawn() if key != record.match:
                self.ledger.came_astray(found, "its key is not its match")
            case RowPseudonymised() | StudyPseudonymised() | PatientWithdrawn():
                if not self.ledger.was_turned_away(found.place):
                    self.cases.arrived(record)
            case PersonWithdrawn() if key != record.person:
                self.ledger.came_astray(found, "its key is not its person")
            case PersonWithdrawn():
                self.cases.withdrawn(record)
            case _:
                self.cases.published(found.topic, key, record)

    def _look_for_identifiers(self, found: Found) -> None:
        self.searched += 1
        if kinds := self.search.found(found):
            if len(self._leaks) < _MOST_LEAKS:
                where = f"{found.topic}, partition {found.partition}, offset {found.offset}"
                self._leaks[found.place] = f"{where}: {'; '.join(kinds)}"
            else:
                self._more_leaks += 1

    def amiss(self, now: dt.datetime, among: Mapping[tuple[str, object], Problem] | None = None) -> dict[Any, Problem]:
        """What does not add up now, of all or of what did not before."""
        keys = None if among is None else among.keys()
        return {each.about: each for each in chain(self.ledger.problems(keys), self.cases.problems(now, keys))}

    def verdict(self, amiss: Mapping[tuple[str, object], Problem]) -> Verdict:
        """The verdict, when this stayed wrong."""
        came_in: Counter[str] = Counter()
        went_out: Counter[str] = Counter()
        by_topic: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for topic in self.ledger.topics():
            for fate, reason in self.ledger.fates(topic):
                came_in[topic] += 1
                went_out[topic] += fate is Fate.OUT
                by_topic[topic] += fate is Fate.QUARANTINED
                if fate is Fate.QUARANTINED:
                    reasons[reason] += 1
        more = (f"{self._more_leaks} more messages hold what looks like an identifier",) if self._more_leaks else ()
        return Verdict(
            came_in=dict(came_in),
            went_out=dict(went_out),
            quarantined=dict(reasons),
            quarantined_by_topic=dict(by_topic),
            strays=dict(self.ledger.strays()),
            follow=self.cases.counts(),
            searched=self.searched,
            too_broad=self.search.too_broad,
            problems=(*(each.words for each in amiss.values()), *self._leaks.values(), *more),
        )


def run_audit(
    kafka: KafkaSettings,
    topology: Topology,
    rules: Rules,
    sites: Sites,
    clock: Clock,
    *,
    wait: float = WAIT_SECONDS,
    waiting: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Reads everything and judges.

    Args:
        kafka: the cluster.
        topology: whose flow it is.
        rules: those that the statuses were made with.
        sites: whose hospital numbers to search for.
        clock: the time, in UTC.
        wait: seconds for which something may stay wrong, being on its way.
        waiting: told how much does not add up, at the first look, if anything.

    Raises:
        TopicsUnavailableError: nobody answers, or none of our topics is there.
    """
    audit = Audit(topology, rules, search_for(sites), clock())
    return asyncio.run(_read_and_judge(kafka, audit, clock, wait, waiting))


async def _read_and_judge(
    kafka: KafkaSettings, audit: Audit, clock: Clock, wait: float, waiting: Callable[[int], None]
) -> Verdict:
    async with TopicsReader(kafka) as reader:
        quarantine = [name for name in reader.names if name == QUARANTINE.name]
        for names in (quarantine, reader.names):
            await reader.read(names)
            async for found in reader.to_the_ends():
                _take_all(audit, found)
        audit.ledger.frozen = True
        amiss, until = audit.amiss(clock()), time.monotonic() + wait
        if amiss:
            waiting(len(amiss))
        while amiss and time.monotonic() < until:
            look = time.monotonic() + _LOOK_SECONDS
            while time.monotonic() < look:
                _take_all(audit, await reader.poll())
            amiss = audit.amiss(clock(), amiss)
    return audit.verdict(amiss)


def _take_all(audit: Audit, found: list[Found]) -> None:
    for each in found:
        audit.take(each)


WIRES: dict[str, Wire[Any]] = {
    **{topic.name: topic.wire for topic in TOPICS},
    **{topic.name: RAW_WIRE for topic in (RAW_ROWS, RAW_IMAGES)},
    **{topic.name: RECONCILABLE_WIRE for topic in (ROWS, IMAGES, WITHDRAWALS, REVIEWS)},
    **{topic.name: PERSON_WIRE for topic in (PERSON_CASES, PERSON_WITHDRAWALS)},
    **{topic.name: SITE_WIRE for topic in (UPLOADS, SITE_FACTS)},
}
"""How to decode each topic: as the step that reads it does, else as what lies on it."""


def _text(key: bytes) -> str:
    return key.decode("utf-8", errors="replace")
