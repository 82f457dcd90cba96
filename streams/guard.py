"""The guard: runs a step on one message so that nothing raises and nothing vanishes; what fails becomes a quarantine record."""

from msgspec.structs import replace

from agents.quarantine import Payload, Reason, Rejected, quarantine_key, quarantined
from schemas.alerts import RecordRejected
from schemas.topics import QUARANTINE, SITE_FACTS, SITE_WIRE
from schemas.wire import UndecodableError
from streams.steps import Emitted, Message, Worked, Working


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
    rejected = _rejected(step, working, worked.rejected, replace(payload, event=worked.event))
    return worked.emitted + rejected + _told_to_site(worked, worked.rejected, payload)


def _told_to_site(worked: Worked, rejected: Rejected, payload: Payload) -> tuple[Emitted, ...]:
    """A burst of rejections concerns the site; a patient who has opted out does not."""
    if worked.site is None or rejected.reason is Reason.WITHDRAWN:
        return ()
    fact = RecordRejected(site=worked.site, event=worked.event, reason=rejected.reason, at=payload.at)
    return (Emitted(SITE_FACTS, worked.site.encode(), SITE_WIRE.encode(fact)),)


def _rejected(step: str, working: Working, rejected: Rejected, payload: Payload) -> tuple[Emitted, ...]:
    key = quarantine_key(payload.source)
    sealed = working.seal(payload.content, key.decode()) if working.seal and payload.event is None else None
    record = quarantined(rejected, step, payload, sealed)
    return (Emitted(QUARANTINE, key, QUARANTINE.wire.encode(record)),)
