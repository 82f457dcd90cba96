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


def memory_words(found: dict[str, Any]) -> str:
    """The node's memory at the first and the last point."""
    first, last = found["memory"][0], found["memory"][-1]
    return f"memory of the node: {first['mib']} MiB after {first['images']} images, {last['mib']} MiB after {last['images']}"


def _words(spread: dict[str, float]) -> str:
    return f"{spread['median']:g} ({spread['least']:g} to {spread['most']:g})"
