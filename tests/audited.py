"""The audit of a flow in memory, without a broker: every message as the broker would hand it over."""

import datetime as dt
from collections.abc import Iterable

from monitoring.audit import Audit, Verdict
from monitoring.audit_identifiers import search_for
from monitoring.topics import Found
from schemas.topics import QUARANTINE
from streams.topology import TOPOLOGY
from tests.factories import NOON, RULES, SITES, Flow


def messages(flow: Flow, at: dt.datetime = NOON) -> list[Found]:
    """Everything on the flow's topics, quarantine first, as the audit reads it."""
    names = sorted(flow.broker.topics, key=lambda name: (name != QUARANTINE.name, name))
    milliseconds = int(at.timestamp() * 1000)
    return [
        Found(name, 0, offset, milliseconds, key, value, ())
        for name in names
        for offset, (key, value) in enumerate(flow.broker.topics[name])
    ]


def verdict_on(found: Iterable[Found], now: dt.datetime = NOON) -> Verdict:
    """What the audit says of these messages, when nothing more comes."""
    audit = Audit(TOPOLOGY, RULES, search_for(SITES), now)
    for message in found:
        audit.take(message)
    return audit.verdict(audit.amiss(now))


def audited(flow: Flow, now: dt.datetime = NOON) -> Verdict:
    """What the audit says of a flow."""
    return verdict_on(messages(flow, now), now)
