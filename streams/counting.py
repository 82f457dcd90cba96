"""The workers' metrics, as ``schemas.metrics`` declares them: what each step does, how far behind it is, and the cases it keeps.

Cases are counted by partition, and a partition has one owner; so over all workers each is counted once, also while partitions
move.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from agents.quarantine import Reason
from schemas.coverage import CasesReconciled
from schemas.metrics import WORKER
from streams.keeping import Part
from streams.steps import Emitted
from web.metrics import Durations, collectors, new_registry, serve_metrics


class _Status(msgspec.Struct):
    """What of a status is counted."""

    site: str
    state: str
    flags: list[str]


class _Case(msgspec.Struct):
    status: _Status | None


class _Cases(msgspec.Struct):
    cases: list[_Case]


_SECONDS = "nccid_worker_message_seconds"
_decode = msgspec.json.Decoder(_Cases).decode

Label = tuple[str, str, str]
"""``state`` or ``flag``, the site, and which one."""


class WorkerMetrics:
    """Counts for Prometheus; of cases only where ``cases`` names the step that keeps them."""

    def __init__(self, cases: str) -> None:
        self._registry = new_registry()
        self._of: dict[str, Any] = collectors([each for each in WORKER if each.name != _SECONDS], self._registry)
        self._seconds = Durations(next(each for each in WORKER if each.name == _SECONDS), self._registry)
        self._cases = cases
        self._counted: dict[int, tuple[Part, Counter[Label]]] = {}

    def serve(self, host: str, port: int) -> int:
        """Serves ``/metrics``; the port, which the system chose where 0 was asked for."""
        return serve_metrics(self._registry, host, port)

    def done(self, step: str, topic: str, lay_since: Collection[float], now: dt.datetime) -> None:
        """Messages that lay there since then, in seconds since 1970, are acknowledged."""
        at = now.timestamp()
        self._of["nccid_worker_messages_total"].labels(step, topic).inc(len(lay_since))
        self._seconds.observe(step, [max(0.0, at - since) for since in lay_since])

    def rejected(self, step: str, reason: Reason) -> None:
        """A message could not be used."""
        self._of["nccid_worker_quarantined_total"].labels(step, reason.value).inc()

    def changes(self, step: str, owned: Part, emitted: Emitted) -> None:
        """A step is about to keep something; to be told before it does."""
        if step != self._cases or emitted.states is None:
            return
        counter, (before, after) = self._counter(owned), emitted.states
        for label in _labels(before):
            counter[label] -= 1
        for label in _labels(after):
            counter[label] += 1

    def has(self, step: str, owned: Iterable[Part], lags: Mapping[tuple[str, int], int]) -> None:
        """What a step has now, and how far behind it is on each partition."""
        those = list(owned)
        self._of["nccid_worker_partitions"].labels(step).set(len(those))
        self._set("nccid_worker_lag_messages", {(step, topic, str(at)): lag for (topic, at), lag in lags.items()}, step)
        if step == self._cases:
            self._show([(each, self._counter(each)) for each in those])

    def _counter(self, owned: Part) -> Counter[Label]:
        """The counts of a partition, made when it was taken over anew."""
        known = self._counted.get(owned.partition)
        if known is None or known[0] is not owned:
            known = (owned, Counter(label for kept in owned.kept.values() for label in _labels(_decode(kept))))
            self._counted[owned.partition] = known
        return known[1]

    def _show(self, counted: list[tuple[Part, Counter[Label]]]) -> None:
        self._counted = {owned.partition: (owned, counter) for owned, counter in counted}
        for name, kind in (("nccid_worker_cases", "state"), ("nccid_worker_flagged_cases", "flag")):
            values = {
                (str(owned.partition), site, which): count
                for owned, counter in counted
                for (what, site, which), count in counter.items()
                if what == kind and count
            }
            self._of[name].clear()
            for labels, value in values.items():
                self._of[name].labels(*labels).set(value)

    def _set(self, name: str, values: Mapping[tuple[str, ...], int], step: str) -> None:
        """A gauge of this step with these values and no others."""
        self._of[name].remove_by_labels({"step": step})
        for labels, value in values.items():
            self._of[name].labels(*labels).set(value)


def _labels(kept: _Cases | CasesReconciled) -> list[Label]:
    """What a record of cases counts under."""
    statuses = [case.status for case in kept.cases if case.status is not None]
    states: list[Label] = [("state", status.site, status.state) for status in statuses]
    return states + [("flag", status.site, flag) for status in statuses for flag in status.flags]
