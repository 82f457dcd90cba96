"""The books of the audit: every event that came in, and what became of it. ``in = out + quarantined``.

An event came in when it lies on a topic that the edge feeds. It went out when it lies, pseudonymised, on a topic of the steps
that need no key, and not each of these records was quarantined there. It counts once however often it was told. Bytes that are
no record have no event; their place stands for it. What has no raw record any more (retention) is not counted.
"""

import datetime as dt
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from agents.quarantine import Reason
from monitoring.topics import Found
from schemas.alerts import UploadSubmitted
from schemas.people import PersonWithdrawn
from schemas.records import PatientWithdrawn, Quarantined, RowPseudonymised, RowSubmitted, StudyPseudonymised, StudyReceived
from schemas.topics import QUARANTINE
from streams.steps import Topology

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Fate(Enum):
    """What became of an event."""

    OUT = "out"
    QUARANTINED = "quarantined"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not add up; ``about`` says of what it is, the same each time that one looks."""

    about: tuple[str, object]
    words: str


class Ledger:
    """Who came in, went on, and was turned away; by a hash of the event's id, so that it stays small."""

    def __init__(self, topology: Topology, now: dt.datetime) -> None:
        self.frozen = False
        """What comes now is no longer counted as having come in: it is still on its way."""
        self._arrived: dict[str, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        self._carried: Counter[int] = Counter()
        self._turned_away: dict[Place, str] = {}  # reason
        self._turned_away_events: dict[int, dict[Place, str]] = defaultdict(dict)
        self._strange: dict[Place, str] = {}  # what is wrong with it
        self._oldest_ms = now.timestamp() * 1000 - QUARANTINE.retention_ms  # of what has its quarantine record still
        self._fed = {topic.name for topic in topology.fed_by_edge}
        keyed = {topic.name for step in topology.steps if step.needs_keys for topic in step.reads}
        self._raw = self._fed & keyed
        self._read = {topic.name for step in topology.steps for topic in step.all_read}

    def came(self, found: Found, record: object) -> None:
        """Takes a record into account that could be decoded."""
        event = _event(record)
        if event is None:
            return
        if found.topic in self._fed and not self.frozen:
            self._arrived[found.topic][_hash(event)].append((found.partition, found.offset))
        if found.topic not in self._raw:
            self._carried[_hash(event)] += 1

    def came_undecodable(self, found: Found) -> None:
        """Takes into account what is no record of its topic."""
        if found.topic not in self._fed:
            self.came_astray(found, "it is no record of this topic")
        elif not self.frozen and found.timestamp > self._oldest_ms:
            self._arrived[found.topic][_hash(_at(found.place))].append((found.partition, found.offset))

    def came_astray(self, found: Found, what: str) -> None:
        """Takes into account what no step can have used."""
        if found.timestamp > self._oldest_ms:
            self._strange[found.place] = what

    def quarantined(self, record: Quarantined) -> None:
        """Takes a quarantine record into account, purged or not."""
        place = (record.source.topic, record.source.partition, record.source.offset)
        self._turned_away[place] = record.reason
        if record.event is not None and place[0] not in self._raw:
            self._turned_away_events[_hash(record.event)][place] = record.reason

    def was_turned_away(self, place: Place) -> bool:
        """Whether the record at this place was not folded (one that was dropped after an opt-out was)."""
        return self._turned_away.get(place, Reason.WITHDRAWN) != Reason.WITHDRAWN

    def topics(self) -> list[str]:
        """The topics on which events came in."""
        return sorted(self._fed)

    def fates(self, topic: str) -> Iterator[tuple[Fate, str]]:
        """What became of each event of a topic, with the reason where it was quarantined."""
        for event, places in self._arrived[topic].items():
            yield self._fate(topic, event, places)

    def strays(self) -> Counter[str]:
        """By reason, what was quarantined and never was an event: bytes on topics that the edge does not feed."""
        return Counter(
            reason for place, reason in self._turned_away.items() if place[0] not in self._fed and place in self._strange
        )

    def problems(self, among: Collection[tuple[str, object]] | None = None) -> Iterator[Problem]:
        """What is unaccounted for; only what ``among`` names, where it is given."""
        for topic, events in self._arrived.items():
            for event, places in events.items():
                about: tuple[str, object] = ("event", (topic, event))
                if (among is None or about in among) and self._fate(topic, event, places)[0] is Fate.LOST:
                    partition, offset = places[0]
                    words = f"{_at((topic, partition, offset))}: the event is neither pseudonymised nor in quarantine"
                    yield Problem(about, words)
        for place, what in self._strange.items():
            about_place: tuple[str, object] = ("place", place)
            if (among is None or about_place in among) and place not in self._turned_away:
                yield Problem(about_place, f"{_at(place)}: {what}, and it is not in quarantine")

    def _fate(self, topic: str, event: int, places: list[tuple[int, int]]) -> tuple[Fate, str]:
        later = self._turned_away_events.get(event, {})
        if self._carried[event] > len(later):
            return Fate.OUT, ""
        for place in places:
            if reason := self._turned_away.get((topic, *place)):
                return Fate.QUARANTINED, reason
        if later:
            return Fate.QUARANTINED, next(iter(later.values()))
        return Fate.LOST, ""


def _event(record: object) -> str | None:
    match record:
        case RowSubmitted() | StudyReceived() | UploadSubmitted() | RowPseudonymised() | StudyPseudonymised():
            return record.event
        case PatientWithdrawn() | PersonWithdrawn():
            return record.event
        case _:
            return None


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _at(place: Place) -> str:
    topic, partition, offset = place
    return f"{topic}, partition {partition}, offset {offset}"
