"""What the benchmarks of the streams have found, as tables for a terminal."""

from typing import Any

from rich.table import Table


def _words(spread: dict[str, float]) -> str:
    if spread["least"] == spread["most"]:
        return _number(spread["median"])
    return f"{_number(spread['median'])} ({_number(spread['least'])} to {_number(spread['most'])})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:g}"


def _caption(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found["machine"].items())


def join_table(found: dict[str, Any]) -> Table:
    """Events in a second; our fast path to each within the same run; processor time; records written."""
    title = f"Join of {found['events']:,} events, {found['runs']} runs: median (least to most)"
    left_out = "".join(f"\n{name} is left out: it {reason}" for name, reason in found["left_out"].items())
    table = Table(title=title, caption=_caption(found) + left_out)
    for column in ("who", "events/s", "fast to this one", "processor, µs an event", "broker, µs an event"):
        table.add_column(column, justify="left" if column == "who" else "right")
    for name, values in found["contenders"].items():
        keys = ("per_second", "fast_to_this", "busy_us_per_event", "broker_us_per_event")
        table.add_row(name, *(_words(values[key]) for key in keys))
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


def recovery_table(found: dict[str, Any]) -> Table:
    """Seconds until right answers, with the worker's disk and without; cases read back in a second."""
    title = f"After kill -9 with {found['cases']:,} cases, {found['runs']} runs: median (least to most)"
    rebuilt = f"rebuilt: {_words(found['rebuilt_per_second'])} cases/s; start, join and all: "
    caption = f"{rebuilt}{_words(found['rebuilt_per_second_with_start'])} cases/s\n{_caption(found)}"
    table = Table(title=title, caption=caption)
    for column in ("the next worker starts", "first right answer, s", "from every partition, s"):
        table.add_column(column, justify="left" if column.startswith("the") else "right")
    for scene, seconds in found["seconds"].items():
        table.add_row(scene, _words(seconds["first"]), _words(seconds["every_partition"]))
    return table


def growth_table(found: dict[str, Any]) -> Table:
    """What each number of cases costs."""
    title = f"{found['events']:,} events among so many cases, {found['runs']} runs: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    columns = (
        "cases",
        "events/s",
        "to the fewest",
        "memory, MiB",
        "memory a case, bytes",
        "Kafka a case, bytes",
        "disk a case, bytes",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for size in found["sizes"]:
        costs = [size[key] for key in ("memory_bytes_per_case", "kafka_bytes_per_case", "disk_bytes_per_case")]
        spreads = [_words(size[key]) for key in ("per_second", "to_fewest", "memory_mib")]
        table.add_row(f"{size['cases']:,}", *spreads, *("-" if cost is None else f"{cost:,}" for cost in costs))
    return table


def scale_table(found: dict[str, Any]) -> Table:
    """Events in a second by the number of workers."""
    title = f"{found['events']:,} events, {found['runs']} runs: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    for column in ("workers", "events/s", "to one"):
        table.add_column(column, justify="right")
    for count, values in found["workers"].items():
        table.add_row(str(count), _words(values["per_second"]), _words(values["to_fewest"]))
    return table


def replay_table(found: dict[str, Any]) -> Table:
    """The whole collection through all steps."""
    what = f"{found['patients']:,} patients, {found['events']:,} raw records through all steps"
    title = f"{what}, {found['runs']} runs: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    for column in ("seconds", "raw records/s", "processor, µs a record"):
        table.add_column(column, justify="right")
    table.add_row(*(_words(found[key]) for key in ("seconds", "per_second", "busy_us_per_event")))
    return table


def upload_table(found: dict[str, Any]) -> Table:
    """A workbook uploaded, and only read."""
    title = f"A workbook of {found['rows']:,} rows ({found['book_mib']} MiB), {found['runs']} runs: median (least to most)"
    table = Table(title=title, caption=_caption(found))
    for column in ("program", "seconds", "processor, s", "memory at most, MiB", "upload to this one"):
        table.add_column(column, justify="left" if column == "program" else "right")
    for name, values in found["programs"].items():
        table.add_row(name, *(_words(values[key]) for key in ("seconds", "busy_seconds", "mib", "upload_to_this")))
    return table
