"""Every metric, declared once. Dashboards and alert rules name only what stands here; ``web.metrics`` makes them count.

Labels hold codes of our own (sites, states, kinds, reasons), never a pseudonym and never anything that came from outside.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus knows it; a counter's name ends in ``_total``, units stand in the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # of a histogram, upper bounds in its unit


HUB: tuple[Metric, ...] = (
    Metric("nccid_hub_cases", "gauge", "Patients, by site and state", ("site", "state")),
    Metric("nccid_hub_flagged_cases", "gauge", "Patients under a flag, by site", ("site", "flag")),
    Metric("nccid_hub_oldest_missing_days", "gauge", "For how long something has been missing at most", ("site", "state")),
    Metric("nccid_hub_open_alerts", "gauge", "Alerts that are open, by site and kind", ("site", "kind")),
    Metric("nccid_hub_quarantined_records", "gauge", "Records in quarantine, by reason", ("reason",)),
    Metric("nccid_hub_foreign_records", "gauge", "Messages on the published topics that are no records of ours"),
    Metric("nccid_hub_ready", "gauge", "1 where the hub has read all that was there when it began, and reads on"),
    Metric("nccid_hub_behind_records", "gauge", "Messages that are published and not yet in the hub's answers"),
    Metric("nccid_hub_behind_seconds", "gauge", "How old the hub's answers are"),
    Metric("nccid_hub_messages_total", "counter", "Messages that the hub has taken in since it began"),
    Metric("nccid_hub_streams", "gauge", "Who watches the stream of events now"),
    Metric("nccid_hub_requests_total", "counter", "Requests, by route and status", ("route", "status")),
    Metric(
        "nccid_hub_request_seconds",
        "histogram",
        "Time until a request was answered, streams left out",
        ("route",),
        (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
    ),
)
"""What the hub counts."""

NODE = (
    Metric("nccid_node_received_total", "counter", "Objects that came to the image node", ("site",)),
    Metric(
        "nccid_node_objects_total",
        "counter",
        "Objects by what came of them: stored, resent, excluded, failed, held, withdrawn, refused",
        ("site", "verdict"),
    ),
    Metric("nccid_node_received_bytes_total", "counter", "Bytes of objects that came to the image node", ("site",)),
    Metric(
        "nccid_node_object_seconds",
        "histogram",
        "From an object's last byte to its answer",
        ("site",),
        (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    ),
    Metric("nccid_node_associations_open", "gauge", "Callers that are being served"),
    Metric(
        "nccid_node_associations_refused_total",
        "counter",
        "Callers that were refused: unknown-caller, other-node, full",
        ("reason",),
    ),
    Metric("nccid_node_studies_settling", "gauge", "Studies of which more images may be on their way", ("site",)),
    Metric("nccid_node_disk_free_bytes", "gauge", "Bytes left on the disk of the store"),
)
"""The image node: what came, what came of it, and how long that took."""

SENDER: tuple[Metric, ...] = (
    Metric("nccid_sender_outbox_messages", "gauge", "Messages in the outbox that the broker has not acknowledged"),
    Metric("nccid_sender_sent_total", "counter", "Messages that the broker has acknowledged since the sender began"),
    Metric("nccid_sender_connected", "gauge", "1 while the broker answers"),
)
"""The sender: what waits at the hospital."""

WORKER: tuple[Metric, ...] = (
    Metric("nccid_worker_messages_total", "counter", "Messages that a step has done with", ("step", "topic")),
    Metric("nccid_worker_quarantined_total", "counter", "Messages that a step could not use", ("step", "reason")),
    Metric("nccid_worker_partitions", "gauge", "Partitions that this process has", ("step",)),
    Metric("nccid_worker_lag_messages", "gauge", "Messages that a step has not taken yet", ("step", "topic", "partition")),
    Metric(
        "nccid_worker_message_seconds",
        "histogram",
        "From when a message lay on its topic until all that follows from it was acknowledged",
        ("step",),
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600),
    ),
    Metric("nccid_worker_cases", "gauge", "Patients by partition; summed over workers each once", ("partition", "site", "state")),
    Metric("nccid_worker_flagged_cases", "gauge", "Patients under a flag, by partition", ("partition", "site", "flag")),
)
"""The workers: what each step does, how far behind it is, and what the cases of its partitions are."""

PORTAL: tuple[Metric, ...] = (
    Metric(
        "nccid_portal_uploads_total",
        "counter",
        "Sheets that were uploaded, by what came of them: sent, refused for their errors, failed for a reason of ours",
        ("site", "kind", "outcome"),
    ),
    Metric("nccid_portal_rows_total", "counter", "Rows of the sheets that were sent", ("site", "kind")),
    Metric("nccid_portal_questions_total", "counter", "Lists of numbers that the Checker was asked for", ("site",)),
    Metric("nccid_portal_numbers_total", "counter", "Numbers on these lists, valid or not", ("site",)),
    Metric("nccid_portal_failed_logins_total", "counter", "Logins that failed: wrong, waiting", ("reason",)),
    Metric("nccid_portal_requests_total", "counter", "Requests, by route and status", ("route", "status")),
    Metric(
        "nccid_portal_request_seconds",
        "histogram",
        "Time until a request was answered",
        ("route",),
        (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
    ),
)
"""The portal: what people do with it, by site code, and how long they wait. Who they are is not in it."""

METRICS: tuple[Metric, ...] = (*HUB, *NODE, *SENDER, *WORKER, *PORTAL)
