"""The alerts that there are and were, as the hub keeps them: those to act on at hand, the rest as they came."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from monitoring.alerts import AlertList
from schemas.alerts import Alert, AlertsRaised, SiteReconciled
from schemas.topics import ALERTS, SITES
from schemas.wire import UndecodableError

_ALERTS, _SITES = ALERTS.wire, SITES.wire

Key = tuple[str, bytes]
"""Topic and message key."""


@dataclass
class Alerting:
    """Fed with the messages of ``nccid.alerts`` and ``nccid.sites`` in any number of turns."""

    payloads: dict[Key, bytes] = field(default_factory=dict)
    open: dict[str, Alert] = field(default_factory=dict)
    sites: dict[str, SiteReconciled] = field(default_factory=dict)

    def apply(self, topic: str, key: bytes, value: bytes | None) -> list[Alert]:
        """Takes the newest message under a key in place of the one before; answers the alerts that turned.

        What is no record of ours changes nothing; the audit tells of it.
        """
        try:
            record = _decoded(topic, value) if value is not None else None
        except UndecodableError:
            return []
        if isinstance(record, SiteReconciled):
            self.sites[record.site] = record
        before = {alert.id: alert for alert in self._alerts((topic, key))}
        now = {alert.id: alert for alert in record.alerts} if record else {}
        self._keep((topic, key), value if now or topic == SITES.name else None)
        for gone in before:
            self.open.pop(gone, None)
        self.open |= {alert.id: alert for alert in now.values() if alert.state == "open"}
        return [alert for alert in now.values() if alert.id not in before or before[alert.id].history != alert.history]

    def list(self, *, open_only: bool) -> AlertList:
        """Those that are open, or all there ever were."""
        if open_only:
            return AlertList([*self.open.values()])
        return AlertList([alert for key in self.payloads for alert in self._alerts(key)])

    def _alerts(self, key: Key) -> Iterator[Alert]:
        payload = self.payloads.get(key)
        yield from _decoded(key[0], payload).alerts if payload is not None else ()

    def _keep(self, key: Key, payload: bytes | None) -> None:
        if payload is None:
            self.payloads.pop(key, None)
        else:
            self.payloads[key] = payload


def _decoded(topic: str, value: bytes) -> AlertsRaised | SiteReconciled:
    return _ALERTS.decode(value) if topic == ALERTS.name else _SITES.decode(value)
