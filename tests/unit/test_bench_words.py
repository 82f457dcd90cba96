"""What benchmarks say: medians with their ranges, who was left out and why, on which machine; and what peers are pinned to."""

import io
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import bench
from bench.stream_words import growth_table, join_table, recovery_table

PEERS = Path(bench.__file__).parent
SPREAD = {"median": 25_000.0, "least": 20_000.0, "most": 31_000.0}
ONCE = {"median": 2.5, "least": 2.5, "most": 2.5}
MACHINE = {"processor": "2 x Invented", "python": "3.11"}


def words(table: Table) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def test_a_contender_stands_with_its_range_and_one_left_out_with_its_reason() -> None:
    keys = ("fast_to_this", "busy_us_per_event", "broker_us_per_event")
    found: dict[str, Any] = {
        "machine": MACHINE, "events": 200_000, "runs": 5, "left_out": {"Another": "cannot"},
        "contenders": {"Ours": {"per_second": SPREAD, **dict.fromkeys(keys, ONCE)}},
    }  # fmt: skip
    said = words(join_table(found))
    assert "25,000 (20,000 to 31,000)" in said
    assert "Another is left out: it cannot" in said
    assert "2 x Invented" in said
    assert "2.5 (2.5" not in said  # of one run there is no range


def test_recovery_says_both_ways_of_starting_again() -> None:
    seconds = {"first": ONCE, "every_partition": ONCE}
    found: dict[str, Any] = {
        "machine": MACHINE, "cases": 1_000_000, "runs": 5, "seconds": {"with": seconds, "without": seconds},
        "rebuilt_per_second": SPREAD, "rebuilt_per_second_with_start": ONCE,
    }  # fmt: skip
    said = words(recovery_table(found))
    assert "1,000,000 cases" in said
    assert "rebuilt: 25,000 (20,000 to 31,000) cases/s" in said


def test_what_cannot_be_known_of_a_size_is_a_dash() -> None:
    size = {
        "cases": 10_000, "per_second": SPREAD, "to_fewest": ONCE, "memory_mib": ONCE,
        "memory_bytes_per_case": None, "kafka_bytes_per_case": 1_354, "disk_bytes_per_case": 502,
    }  # fmt: skip
    said = words(growth_table({"machine": MACHINE, "events": 100, "runs": 5, "sizes": [size]}))
    assert re.search(r"10,000 .* - .* 1,354 .* 502 ", said)


def test_every_peer_is_pinned_with_hashes() -> None:
    pinned = (PEERS / "peers.txt").read_text(encoding="utf-8")
    wanted = [line for line in (PEERS / "peers.in").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert wanted
    for line in wanted:
        name = re.split(r"[<>=]", line)[0]
        assert re.search(rf"^{name}==\S+ \\\n +--hash=sha256:", pinned, re.MULTILINE), name
