"""What a benchmark has found, as a table for a terminal."""

from typing import Any

from rich.table import Table


def node_table(found: dict[str, Any]) -> Table:
    """Images in a second, median and range, and how our node compares within the same run."""
    table = Table(title=f"Images in a second, {found['runs']} runs: median (least to most)")
    table.add_column("what is sent")
    table.add_column("receiver")
    table.add_column("images/s", justify="right")
    table.add_column("node to this one", justify="right")
    for scene in found["scenes"]:
        for name, values in scene["receivers"].items():
            table.add_row(scene["scene"], name, _words(values["per_second"]), _words(values["node_to_this"]))
        table.add_section()
    return table


def export_table(found: dict[str, Any]) -> Table:
    """Patients in a second and memory, by number of patients; nothing to do; and plain copying of the same images."""
    table = Table(title="Export of complete patients into a folder")
    columns = ("patients", "images", "seconds", "patients/s", "images/s", "memory, MiB", "again, s", "copying alone, s")
    for name in columns:
        table.add_column(name, justify="right")
    keys = (
        "patients",
        "images",
        "seconds",
        "patients_per_second",
        "images_per_second",
        "mib",
        "again_seconds",
        "copying_seconds",
    )
    for size in found["sizes"]:
        table.add_row(*(f"{size[key]:,}" for key in keys))
    return table


def memory_table(found: dict[str, Any]) -> Table:
    """The node's memory by number of images, process by process."""
    points = found["memory"]
    table = Table(title="Memory of the node, MiB")
    for name in ("images", *points[0]["processes"], "together"):
        table.add_column(name, justify="right")
    for point in points:
        table.add_row(f"{point['images']:,}", *(f"{mib:.1f}" for mib in point["processes"].values()), f"{point['mib']:.1f}")
    return table


def _words(spread: dict[str, float]) -> str:
    return f"{spread['median']:g} ({spread['least']:g} to {spread['most']:g})"


def checker_table(found: dict[str, Any]) -> Table:
    """The hub's look-ups beside Redis: waits, requests in a second, processor time, and the ratio turn by turn."""
    table = Table(title=f"POST /v1/status with {found['cases']:,} cases, {found['runs']} turns each")
    for column in ("pseudonyms", "served by", "p50 ms", "p99 ms", "requests/s", "processor ms", "hub to this one"):
        table.add_column(column, justify="left" if column == "served by" else "right")
    for scene in found["scenes"]:
        for name, values in scene["servers"].items():
            numbers = [f"{values[each]:g}" for each in ("p50_ms", "p99_ms", "per_second", "busy_ms_per_request")]
            ratio = _words(scene["hub_to"][name]) if name in scene["hub_to"] else ""
            table.add_row(str(scene["pseudonyms"]), name, *numbers, ratio)
        table.add_section()
    return table


def checker_words(found: dict[str, Any]) -> str:
    """Memory, start, and how soon a study is seen."""
    memory, seconds, arrival = found["bytes_per_case"], found["seconds"], found["arrival"]
    late, waiting = arrival["sent_late_seconds"], found["while_catching_up"]
    rate = f"{arrival['per_second']} a second of {arrival['asked_per_second']:g} asked for"
    return "\n".join(
        [
            f"memory for a case: {memory['hub']} bytes in the hub, {memory['Redis']} in Redis",
            f"published and read in {seconds['published_and_read']} s",
            f"after a restart answering in {seconds['answering_after_restart']} s, live in {seconds['live_after_restart']} s",
            f"then {found['read_after_restart']:,} messages read; {found['tail']:,} had come while it was away",
            _while_reading(waiting),
            f"{arrival['studies']} studies, {rate} (sent late by {late['p50']:g} s, at most {late['most']:g} s)",
            *(f"from the answer to C-STORE to the {where}: {_waits(each)}" for where, each in arrival["seconds"].items()),
        ]
    )


def _while_reading(waiting: dict[str, Any]) -> str:
    if not waiting["answers"]:
        return "it was never asked while it was catching up"
    behind = ", ".join(f"{count:,}" for count in waiting["behind"])
    words = f"meanwhile {waiting['answers']} answers in {waiting['seconds']} s, each within {waiting['slowest']} s"
    return f"{words}, that it is catching up: {behind} messages behind at first, in the middle and at last"


def _waits(spread: dict[str, float]) -> str:
    return ", ".join(f"{name} {value} s" for name, value in spread.items())
