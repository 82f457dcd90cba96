"""The sender's metrics on a page that Prometheus can scrape."""

from urllib.request import urlopen

from edge.sending.counting import SenderMetrics
from schemas.metrics import SENDER


def scraped(port: int) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:  # our own address
        lines = answer.read().decode().splitlines()
    return {line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if line and not line.startswith("#")}


def test_what_waits_and_what_went() -> None:
    metrics = SenderMetrics()
    port = metrics.serve("127.0.0.1", 0)
    metrics.connected(7)
    metrics.sent(5, 2)
    assert (scraped(port)["nccid_sender_outbox_messages"], scraped(port)["nccid_sender_sent_total"]) == (2, 5)
    assert scraped(port)["nccid_sender_connected"] == 1
    metrics.away()
    assert scraped(port)["nccid_sender_connected"] == 0


def test_every_declared_metric_is_on_the_page() -> None:
    shown = scraped(SenderMetrics().serve("127.0.0.1", 0))
    assert {metric.name for metric in SENDER} <= shown.keys()
