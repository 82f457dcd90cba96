"""The workers' metrics: what is done, what waits, and the cases by partition, which sum exactly while partitions move."""

from urllib.request import urlopen

import pytest

from agents.quarantine import Reason
from schemas.coverage import empty_cases
from schemas.metrics import WORKER
from schemas.topics import ALERTS, COVERAGE_STATUS
from streams.counting import WorkerMetrics
from streams.keeping import InMemory, Part
from streams.steps import Emitted
from tests.factories import NOON, RR1, RR2, Flow, raw_row, raw_study


def owned(partition: int = 0, kept: dict[bytes, bytes] | None = None) -> Part:
    part = Part(partition=partition, kept=InMemory(partition))
    for key, value in (kept or {}).items():
        part.kept.put(key, value, None)
    return part


def versions() -> list[tuple[bytes, bytes]]:
    """What reconcile keeps of two patients, one state after the other."""
    flow = Flow().arrives(
        raw_row(hospital_number=RR1), raw_row(nhs_number=None, hospital_number=RR2, row=3), raw_study(patient_id=RR1)
    )
    return list(flow.broker.topics[COVERAGE_STATUS.name])


def shown(*all_metrics: WorkerMetrics) -> dict[str, float]:
    """The sums over some workers, as Prometheus would add them up, by metric without its partition."""
    sums: dict[str, float] = {}
    for metrics in all_metrics:
        with urlopen(f"http://127.0.0.1:{metrics.serve('127.0.0.1', 0)}/metrics", timeout=10) as page:  # our own
            for line in page.read().decode().splitlines():
                if not line.startswith("#"):
                    name, _, value = line.rpartition(" ")
                    labels = [each for each in name.split("{")[-1].rstrip("}").split(",") if not each.startswith("partition=")]
                    key = f"{name.split('{')[0]}{{{','.join(labels)}}}" if "{" in name else name
                    sums[key] = sums.get(key, 0) + float(value)
    return sums


def keeps(metrics: WorkerMetrics, place: Part, key: bytes, value: bytes) -> None:
    """As the runner does it: told first, then kept."""
    known, now = place.kept.get(key), COVERAGE_STATUS.wire.decode(value)
    before = empty_cases(now.match) if known is None else COVERAGE_STATUS.wire.decode(known)
    metrics.changes("reconcile", place, Emitted(COVERAGE_STATUS, key, value, states=(before, now)))
    place.kept.put(key, value, None)


COMPLETE = 'nccid_worker_cases{site="RDGM",state="complete"}'
AWAITING = 'nccid_worker_cases{site="RDGM",state="awaiting-images"}'
NO_NUMBER = 'nccid_worker_flagged_cases{flag="no-nhs-number",site="RDGM"}'


def test_cases_are_counted_as_they_change() -> None:
    metrics, place = WorkerMetrics("reconcile"), owned()
    for key, value in versions():
        keeps(metrics, place, key, value)
    metrics.has("reconcile", [place], {})
    sums = shown(metrics)
    assert (sums[COMPLETE], sums[AWAITING], sums[NO_NUMBER]) == (1, 1, 1)


def test_who_takes_a_partition_over_counts_what_was_kept_and_who_loses_it_nothing() -> None:
    before, after, place = WorkerMetrics("reconcile"), WorkerMetrics("reconcile"), owned()
    for key, value in versions():
        keeps(before, place, key, value)
    before.has("reconcile", [place], {})
    before.has("reconcile", [], {})
    after.has("reconcile", [Part(partition=0, kept=place.kept)], {})
    assert {name: value for name, value in shown(before).items() if "cases" in name} == {}
    assert (shown(before, after)[COMPLETE], shown(before, after)[AWAITING]) == (1, 1)


def test_a_partition_that_comes_back_is_counted_anew() -> None:
    metrics, place = WorkerMetrics("reconcile"), owned()
    (key, first), *_ = versions()
    keeps(metrics, place, key, first)
    metrics.has("reconcile", [place], {})
    metrics.has("reconcile", [], {})
    elsewhere = owned(0, dict(versions()))
    metrics.has("reconcile", [elsewhere], {})
    assert (shown(metrics)[COMPLETE], shown(metrics)[AWAITING]) == (1, 1)


def test_other_steps_keep_no_cases() -> None:
    metrics, place = WorkerMetrics("reconcile"), owned()
    metrics.changes("alerts", place, Emitted(ALERTS, b"M", b"anything"))
    metrics.has("alerts", [place], {})
    assert not [name for name in shown(metrics) if "cases" in name]


def test_what_is_done_and_what_waits() -> None:
    metrics = WorkerMetrics("reconcile")
    ahead = NOON.timestamp() + 9  # by the broker's clock
    metrics.done("alerts", COVERAGE_STATUS.name, [NOON.timestamp() - 0.03, ahead], NOON)
    metrics.rejected("alerts", Reason.UNDECODABLE)
    metrics.has("alerts", [owned(0), owned(3)], {(COVERAGE_STATUS.name, 0): 7, (COVERAGE_STATUS.name, 3): 5})
    metrics.has("people", [owned(1)], {("nccid.person-cases", 1): 2})
    sums = shown(metrics)
    assert sums['nccid_worker_messages_total{step="alerts",topic="nccid.coverage-status"}'] == 2
    assert sums['nccid_worker_message_seconds_bucket{le="0.02",step="alerts"}'] == 1
    assert sums['nccid_worker_message_seconds_sum{step="alerts"}'] == pytest.approx(0.03, abs=1e-6)
    assert sums['nccid_worker_quarantined_total{reason="undecodable",step="alerts"}'] == 1
    assert sums['nccid_worker_partitions{step="alerts"}'] == 2
    assert sums['nccid_worker_lag_messages{step="alerts",topic="nccid.coverage-status"}'] == 12
    metrics.has("alerts", [], {})
    assert 'nccid_worker_lag_messages{step="people",topic="nccid.person-cases"}' in shown(metrics)
    assert 'nccid_worker_lag_messages{step="alerts",topic="nccid.coverage-status"}' not in shown(metrics)


def test_all_that_is_declared_is_counted() -> None:
    metrics, place = WorkerMetrics("reconcile"), owned()
    for key, value in versions():
        keeps(metrics, place, key, value)
    metrics.done("reconcile", "nccid.rows", [NOON.timestamp()], NOON)
    metrics.rejected("reconcile", Reason.WITHDRAWN)
    metrics.has("reconcile", [place], {("nccid.rows", 0): 0})
    names = {name.split("{")[0] for name in shown(metrics)}
    assert {metric.name for metric in WORKER if metric.kind != "histogram"} <= names
    assert "nccid_worker_message_seconds_count" in names
