"""Troubles: what is the matter now, and the alerts that follow: opened, resolved, and opened again under the same id."""

import datetime as dt
from dataclasses import dataclass

from msgspec.structs import replace

from schemas.alerts import Alert, AlertKind, Severity, Turn


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is the matter now."""

    kind: AlertKind
    severity: Severity
    site: str
    patient: str | None
    since: dt.datetime
    text: str

    @property
    def id(self) -> str:
        """The same for the same kind of trouble with the same patient or site."""
        return "/".join(filter(None, (self.kind, self.site, self.patient)))


def turned(known: list[Alert], troubles: list[Trouble], at: dt.datetime | None) -> list[Alert]:
    """The alerts with those that are new opened, those that are over resolved, and the others with their latest text."""
    now = {trouble.id: trouble for trouble in troubles}
    before = {alert.id: alert for alert in known}
    opened = [_opened(before.get(each), trouble, at) for each, trouble in now.items()]
    resolved = [_resolved(alert, at) for alert in known if alert.id not in now]
    return sorted(opened + resolved, key=lambda alert: alert.id)


def _opened(alert: Alert | None, trouble: Trouble, at: dt.datetime | None) -> Alert:
    """The first time it is open since the trouble began; again, not before it was resolved and the news of it came."""
    if alert is None:
        alert = Alert(
            id=trouble.id,
            kind=trouble.kind,
            severity=trouble.severity,
            site=trouble.site,
            patient=trouble.patient,
            state="resolved",
            text=trouble.text,
            since=trouble.since,
            history=[],
        )
    if alert.state == "open":
        return replace(alert, text=trouble.text)
    since = max(trouble.since, alert.since, at or alert.since) if alert.history else trouble.since
    turn = Turn(at=since, state="open")
    return replace(alert, state="open", since=since, text=trouble.text, history=[*alert.history, turn])


def _resolved(alert: Alert, at: dt.datetime | None) -> Alert:
    if alert.state == "resolved":
        return alert
    when = max(alert.since, at or alert.since)
    return replace(alert, state="resolved", since=when, history=[*alert.history, Turn(at=when, state="resolved")])
