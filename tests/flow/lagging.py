"""A broker on which every topic is read at a speed of its own: what follows from a message may lie while others overtake it."""

from collections import deque
from collections.abc import Callable, Sequence

from schemas.wire import Wire
from streams.memory import MemoryBroker
from streams.steps import Emitted
from streams.topology import TOPOLOGY
from tests.factories import Flow, Sent, given, sent

Choice = Callable[[int], int]
"""Of so many topics that have something to read, which one is read next."""


def lagging_flow(records: Sequence[Sent], choose: Choice) -> Flow:
    """The flow when all has arrived and it has come to rest; within one topic the order stays, as in a partition."""
    flow = Flow()
    flow.broker = MemoryBroker(TOPOLOGY, given())
    waiting: dict[str, deque[Emitted]] = {}
    for record in records:
        topic, key = sent(record)
        waiting.setdefault(topic.name, deque()).append(Emitted(topic, key, Wire.encode(record)))
    while names := sorted(name for name, queue in waiting.items() if queue):
        arrived = waiting[names[choose(len(names))]].popleft()
        for follows in flow.broker._arrived(arrived):
            waiting.setdefault(follows.topic.name, deque()).append(follows)
    return flow
