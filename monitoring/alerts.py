"""Alerts as people read them: those of patients and those of sites, the site's own in place of hundreds of its patients'."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from rich.table import Table

from monitoring.topics import TopicsReader
from schemas.alerts import Alert
from schemas.kafka import KafkaSettings
from schemas.problems import UnusableInputError
from schemas.topics import ALERTS, SITES
from schemas.wire import UndecodableError


@dataclass(frozen=True, slots=True)
class AlertList:
    """All alerts there ever were."""

    alerts: list[Alert]

    def chosen(self, *, site: str | None, state: Literal["open", "resolved"] | None) -> list[Alert]:
        """Those of a site and a state, those to act on first, then the oldest.

        While a whole upload is known to be written differently, its patients' own mismatches are not repeated one by one.
        """
        shifted = {alert.site for alert in self.alerts if alert.kind == "identifier-shift" and alert.state == "open"}
        found = [
            alert
            for alert in self.alerts
            if site in (None, alert.site)
            and state in (None, alert.state)
            and not (alert.kind == "probable-id-mismatch" and alert.site in shifted)
        ]
        return sorted(found, key=lambda alert: (alert.state != "open", alert.severity != "act", alert.since, alert.id))

    def one(self, alert_id: str) -> Alert:
        """The alert of this id, with its whole history.

        Raises:
            UnusableInputError: there never was one.
        """
        for alert in self.alerts:
            if alert.id == alert_id:
                return alert
        raise UnusableInputError("there is no alert of this id; `nccid alerts --json` lists them")


def read_alerts(kafka: KafkaSettings) -> AlertList:
    """All alerts as they are now.

    Raises:
        TopicsUnavailableError: the topics cannot be read.
    """
    return asyncio.run(_read(kafka))


async def _read(kafka: KafkaSettings) -> AlertList:
    latest: dict[tuple[str, bytes], list[Alert]] = {}
    async with TopicsReader(kafka) as reader:
        await reader.read([ALERTS.name, SITES.name])
        async for batch in reader.to_the_ends():
            latest |= {(found.topic, found.key): _alerts_in(found.topic, found.value) for found in batch}
    return AlertList([alert for alerts in latest.values() for alert in alerts])


def _alerts_in(topic: str, value: bytes | None) -> list[Alert]:
    """The alerts of a record; what is none of ours has none, and the audit tells of it."""
    try:
        if value is None:
            return []
        return ALERTS.wire.decode(value).alerts if topic == ALERTS.name else SITES.wire.decode(value).alerts
    except UndecodableError:
        return []


def as_json(alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """Plain JSON types."""
    return [msgspec.to_builtins(alert) for alert in alerts]


def alerts_table(alerts: Iterable[Alert]) -> Table:
    """One line an alert."""
    table = Table(title="Alerts", title_justify="left", caption="Which patients these are, the chase list says: nccid chase")
    for column in ("what", "site", "since (UTC)", "what to do"):
        table.add_column(column, overflow="fold")
    for alert in alerts:
        state = "" if alert.state == "open" else " (resolved)"
        table.add_row(f"{alert.severity}: {alert.kind}{state}", alert.site, f"{alert.since:%d/%m/%Y %H:%M}", alert.text)
    return table


def history_words(alert: Alert) -> str:
    """One alert with every time it was opened and resolved."""
    turns = [f"  {turn.at:%d/%m/%Y %H:%M} UTC  {'opened' if turn.state == 'open' else 'resolved'}" for turn in alert.history]
    return "\n".join([alert.id, alert.text, *turns])
