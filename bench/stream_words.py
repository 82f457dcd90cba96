"""What the benchmarks of the streams have found, as tables for a terminal."""

from typing import Any

from rich.table import Table


def _words(spread: dict[str, float]) -> str:
    return f"{spread['median']:,g} ({spread['least']:,g} to {spread['most']:,g})"


def _caption(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found["machine"].items())


def join_table(found: dict[str, Any]) -> Table:
    """Events in a second; our fast path to each within the same run; processor time; records written."""
    title = f"Join of {found['events']:,} events, {found['runs']} runs: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    for column in ("who", "events/s", "fast to this one", "processor, µs an event", "broker, µs an event"):
        table.add_column(column, justify="left" if column == "who" else "right")
    for name, values in found["contenders"].items():
        keys = ("per_second", "fast_to_this", "busy_us_per_event", "broker_us_per_event")
        table.add_row(name, *(_words(values[key]) for key in keys))
    for name, reason in found["left_out"].items():
        table.add_row(name, f"left out: {reason}")
    return table


def latency_table(found: dict[str, Any]) -> Table:
    """Waits at each rate."""
    title = f"Second side to status, {found['runs']} runs of {found['seconds']:g} s at each rate: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    for column in ("studies/s", "p50 ms", "p99 ms", "longest ms"):
        table.add_column(column, justify="right")
    for scene in found["scenes"]:
        table.add_row(f"{scene['per_second']:,}", *(_words(scene[key]) for key in ("p50_ms", "p99_ms", "most_ms")))
    return table
