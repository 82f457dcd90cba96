"""What both runners do with a message: find what it is for, run the guarded step, and keep what the step wants kept."""

import datetime as dt
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from agents.quarantine import Payload, Reason
from schemas.kafka import KafkaSettings
from schemas.records import Source
from schemas.topics import TICKS
from schemas.wire import UndecodableError
from streams.counting import WorkerMetrics
from streams.guard import guarded
from streams.keeping import Part
from streams.limits import LIMIT_REACHED, VARIABLE, Limits, Window, reason_of
from streams.steps import Emitted, Message, Step, Working

log = logging.getLogger(__name__)

Clock = Callable[[], dt.datetime]
"""The time, in UTC."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a worker is surrounded by."""

    clock: Clock
    limits: Limits
    cluster: KafkaSettings | None  # where steps share partitions with other workers; None on the embedded broker, with one each
    metrics: WorkerMetrics | None = None


@dataclass(frozen=True, slots=True)
class Folding:
    """A step at work in this process, whatever brings it its messages."""

    step: Step
    working: Working
    around: Around

    def follows(self, payload: Payload, owned: Part) -> tuple[list[Emitted], Reason | None]:
        """The records that follow from a message, already kept where the step keeps them; and why it was rejected, if it was."""
        metrics, keeps = self.around.metrics, self.step.keeps
        reason: Reason | None = None
        records: list[Emitted] = []
        for message in self._messages(payload, owned):
            for emitted in guarded(self.step.name, self.working, message, payload):
                record = emitted
                if emitted.topic is keeps:
                    if metrics:
                        metrics.changes(self.step.name, owned, emitted)
                    owned.kept.put(emitted.key, emitted.value, emitted.deadline)
                    record = _as_written(emitted)
                else:
                    reason = reason_of(emitted) or reason
                records.append(record)
        if reason is not None and metrics:
            metrics.rejected(self.step.name, reason)
        return records, reason

    def window(self, source: Source) -> Window:
        """Where it is counted how much of a partition could not be used, from this record on."""
        return self.around.limits.window((self.step.name, source.topic, source.partition), source.offset)

    def stop_at_limit(self, payload: Payload, reason: Reason | None) -> NoReturn:
        """Ends the process; the next one begins with the message after this one, or a little before."""
        most, source = self.around.limits.most, payload.source
        log.critical(
            "stopped at %s, partition %d, offset %d: more than %d of the last %d messages could not be used, the latest for %s "
            "(%s). See `nccid quarantine list`, mend the cause and start again; %s raises the limit, 0 lifts it",
            source.topic,
            source.partition,
            source.offset,
            most,
            2 * most,
            reason,
            reason.words if reason else "",
            VARIABLE,
        )
        logging.shutdown()
        os._exit(LIMIT_REACHED)

    def _messages(self, payload: Payload, owned: Part) -> list[Message]:
        """The message itself; a tick once for each key that it is for."""
        key, value = payload.key, payload.content
        if self.step.ticks is None or payload.source.topic != self.step.ticks.name:
            return [Message(key, value, owned.kept.get(key))]
        owned.is_ticking = False
        try:
            tick = TICKS.wire.decode(value)
        except UndecodableError:
            return [Message(key, b"")]  # the guard finds that it is nothing, whatever else it may be, and quarantines it
        return [Message(due, value, owned.kept.get(due)) for due in owned.kept.due(tick.at)]


def _as_written(state: Emitted) -> Emitted:
    """Without the decoded states, which hundreds that wait to be written would keep in memory, far from the processor."""
    return Emitted(state.topic, state.key, state.value, first=state.first)
