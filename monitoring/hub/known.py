"""All that the hub knows: what the published topics say, taken in message by message, and up to where they were read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitoring.hub.alerting import Alerting
from monitoring.view import StatusView
from schemas.alerts import Alert
from schemas.topics import ALERTS, COVERAGE_STATUS, QUARANTINE, SITES
from schemas.wire import UndecodableError

TOPICS = (COVERAGE_STATUS, ALERTS, SITES, QUARANTINE)
"""What the hub follows. Not ``nccid.people``: the view finds a person's cases itself, and what else it says is in their flags."""

_STATUS = COVERAGE_STATUS.wire
_QUARANTINED = QUARANTINE.wire

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it lies on the broker, as far as the hub is concerned."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None

    def __repr__(self) -> str:
        return f"Message({self.topic}, partition {self.partition}, offset {self.offset})"


@dataclass
class Moved:
    """What some messages changed: sites whose coverage moved, alerts that turned."""

    sites: set[str] = field(default_factory=set)
    alerts: list[Alert] = field(default_factory=list)
    quarantine: bool = False


@dataclass
class Known:
    """The state of the hub, a function of the messages up to ``offsets``."""

    cluster: str = ""
    offsets: dict[Place, int] = field(default_factory=dict)  # of the next message
    view: StatusView = field(default_factory=StatusView)
    alerting: Alerting = field(default_factory=Alerting)
    held: dict[bytes, tuple[str, str]] = field(default_factory=dict)  # quarantine key -> reason, digest
    foreign: int = 0  # messages that are no record of their topic; the audit says which

    @property
    def quarantined(self) -> Counter[str]:
        """How many records are in quarantine, by reason."""
        return Counter(reason for reason, _ in self.held.values())

    def take(self, messages: Iterable[Message]) -> Moved:
        """Takes messages in, in their order; answers what they changed."""
        moved = Moved()
        for message in messages:
            match message.topic:
                case COVERAGE_STATUS.name:
                    moved.sites |= self._status(message)
                case QUARANTINE.name:
                    moved.quarantine = True
                    self._quarantined(message)
                case topic:
                    moved.alerts += self.alerting.apply(topic, message.key, message.value)
            self.offsets[message.topic, message.partition] = message.offset + 1
        return moved

    def _status(self, message: Message) -> set[str]:
        try:
            if message.value is None:
                return self.view.forget(message.key.decode("utf-8", errors="replace"))
            return self.view.apply(_STATUS.decode(message.value))
        except UndecodableError:
            self.foreign += 1
            return set()

    def _quarantined(self, message: Message) -> None:
        """One more in quarantine, seen again, or purged."""
        try:
            record = _QUARANTINED.decode(message.value or b"")
        except UndecodableError:
            self.foreign += 1
            return
        if record.purged_at is None:
            self.held[message.key] = (record.reason, record.digest)
        elif self.held.get(message.key, ("", ""))[1] == record.digest:
            del self.held[message.key]
