"""The guard: runs a step on one message so that nothing raises and nothing vanishes; what fails becomes a quarantine record."""

from dataclasses import replace

from agents.quarantine import Payload, Reason, Rejected, quarantine_key, quarantined
from schemas.topics import QUARANTINE
from schemas.wire import UndecodableError
from streams.steps import Emitted, Message, Working


def guarded(step: str, working: Working, message: Message, payload: Payload) -> tuple[Emitted, ...]:
    """The records that follow from a message: the step's own, or one quarantine record that says why there are none."""
    try:
        worked = working.work(message)
    except UndecodableError as error:
        return _rejected(step, working, Rejected(Reason.UNDECODABLE, str(error)), payload)
    except Exception as error:  # noqa: BLE001  # a bug is quarantined with its type; its text may hold a value
        return _rejected(step, working, Rejected(Reason.STEP_FAILED, type(error).__name__), payload)
    if worked.rejected is None:
        return worked.emitted
    return worked.emitted + _rejected(step, working, worked.rejected, replace(payload, event=worked.event))


def _rejected(step: str, working: Working, rejected: Rejected, payload: Payload) -> tuple[Emitted, ...]:
    key = quarantine_key(payload.source)
    sealed = working.seal(payload.content, key.decode()) if working.seal and payload.event is None else None
    record = quarantined(rejected, step, payload, sealed)
    return (Emitted(QUARANTINE, key, QUARANTINE.wire.encode(record)),)
