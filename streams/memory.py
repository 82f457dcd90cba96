"""The topology in memory: the same steps, the same wire, the same guard, without a broker. For tests, and for thinking."""

import datetime as dt
from collections import defaultdict, deque
from dataclasses import dataclass, field

from agents.quarantine import Payload
from schemas.records import Source
from schemas.topics import AnyTopic
from streams.guard import guarded
from streams.topology import Emitted, Given, Message, Topology


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

    def _arrived(self, emitted: Emitted) -> list[Emitted]:
        log = self.topics[emitted.topic.name]
        log.append((emitted.key, emitted.value))
        source = Source(topic=emitted.topic.name, partition=0, offset=len(log) - 1)
        payload = Payload(source, dt.datetime.fromtimestamp(source.offset, dt.UTC), emitted.value)
        readers = [step for step in self.topology.steps if emitted.topic in step.reads]
        outcomes = []
        for step in readers:
            message = Message(emitted.key, emitted.value, self.kept[step.name].get(emitted.key))
            outcome = guarded(step.name, self._working[step.name], message, payload)
            if outcome.topic == step.keeps:
                self.kept[step.name][outcome.key] = outcome.value
            outcomes.append(outcome)
        return outcomes
