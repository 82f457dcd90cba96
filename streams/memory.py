"""The topology in memory: the same steps, the same wire, the same guard, without a broker. For tests, and for thinking."""

import datetime as dt
from collections import defaultdict, deque
from dataclasses import dataclass, field

from agents.quarantine import Payload
from schemas.records import Source, Ticked
from schemas.topics import AnyTopic
from streams.guard import guarded
from streams.steps import Emitted, Given, Message, Step, Topology


@dataclass
class MemoryBroker:
    """Topics as lists of (key, value), and the steps that react to them."""

    topology: Topology
    given: Given
    topics: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=lambda: defaultdict(list))
    kept: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        self._working = {step.name: step.build(self.given) for step in self.topology.steps}

    def publish(self, topic: AnyTopic, key: bytes, value: bytes) -> None:
        """Puts a message on a topic and lets every step that follows from it run."""
        waiting = deque([Emitted(topic, key, value)])
        while waiting:
            waiting.extend(self._arrived(waiting.popleft()))

    def tick(self, at: dt.datetime) -> None:
        """Lets the clock say ``at``."""
        for topic in self.topology.fed_by_clock:
            self.publish(topic, b"", topic.wire.encode(Ticked(at=at)))

    def _arrived(self, emitted: Emitted) -> list[Emitted]:
        log = self.topics[emitted.topic.name]
        log.append((emitted.key, emitted.value))
        source = Source(topic=emitted.topic.name, partition=0, offset=len(log) - 1)
        payload = Payload(source, dt.datetime.fromtimestamp(source.offset, dt.UTC), emitted.value, emitted.key)
        return [follows for step in self.topology.steps for follows in self._worked(step, emitted, payload)]

    def _worked(self, step: Step, emitted: Emitted, payload: Payload) -> list[Emitted]:
        kept = self.kept[step.name]
        keys: list[bytes] = []
        if emitted.topic in step.reads:
            keys = [emitted.key]
        elif emitted.topic == step.ticks:
            keys = list(kept)  # the index of deadlines only spares the looking: a tick that changes nothing does nothing
        follows = []
        for key in keys:
            for outcome in guarded(step.name, self._working[step.name], Message(key, emitted.value, kept.get(key)), payload):
                if outcome.topic == step.keeps:
                    kept[outcome.key] = outcome.value
                follows.append(outcome)
        return follows
