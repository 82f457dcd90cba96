"""Speed, measured."""

import json
from pathlib import Path
from typing import Any

import click


@click.group()
def bench() -> None:
    """Measure speed beside what else one would use."""


@bench.command("node")
@click.option("--quick", is_flag=True, help="A few images, two runs: to see that it works.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write everything measured there, as JSON.")
@click.option(
    "--on",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder on the disk to be measured; else the system's temporary one.",
)
def bench_node(output: Path | None, folder: Path | None, *, quick: bool) -> None:
    """Images in a second over DICOM: the image node, pynetdicom's storescp, Orthanc; and the node's memory."""
    from bench.node import FULL, QUICK, measure
    from bench.words import memory_table, node_table
    from monitoring.words import show

    found = measure(QUICK if quick else FULL, folder, lambda words: click.echo(words, err=True))
    show(node_table(found))
    show(memory_table(found))
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@bench.command("export")
@click.option("--quick", is_flag=True, help="A hundred patients: to see that it works.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write everything measured there, as JSON.")
@click.option(
    "--on", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder on the disk to be measured."
)
def bench_export(output: Path | None, folder: Path | None, *, quick: bool) -> None:
    """Patients in a second that `nccid export` hands over, its memory, and plain copying of the same images."""
    from bench.export import FULL, QUICK, measure
    from bench.words import export_table
    from monitoring.words import show

    found = measure(QUICK if quick else FULL, folder, lambda words: click.echo(words, err=True))
    show(export_table(found))
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@bench.command("checker")
@click.option("--quick", is_flag=True, help="Twenty thousand cases, a few seconds: to see that it works.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write everything measured there, as JSON.")
def bench_checker(output: Path | None, *, quick: bool) -> None:
    """The hub's look-ups with a million cases beside Redis behind the same web framework; and how soon a study is seen."""
    from bench import arrival, checker
    from bench.words import checker_table, checker_words
    from monitoring.words import show

    def say(words: str) -> None:
        click.echo(words, err=True)

    found = checker.measure(checker.QUICK if quick else checker.FULL, say)
    found["arrival"] = arrival.measure(50.0, 5.0 if quick else 30.0, say)
    show(checker_table(found))
    click.echo(checker_words(found))
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


_ON = click.option(
    "--on",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder on the disk to be measured; else the system's temporary one.",
)
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write everything measured there, as JSON."
)
_KAFKA = click.option(
    "--kafka",
    "given",
    envvar="KAFKA_BOOTSTRAP",
    help="HOST:PORT of a cluster to measure on, WHOSE TOPICS AND GROUPS ARE DELETED; else one is started (Java, Maven).",
)
_QUICK = click.option("--quick", is_flag=True, help="Little and once: to see that it works.")


def _say(words: str) -> None:
    click.echo(words, err=True)


def _write(found: dict[str, Any], output: Path | None) -> None:
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@bench.command("join")
@_QUICK
@_OUTPUT
@_ON
@_KAFKA
@click.option("--embedded", is_flag=True, help="On the embedded broker.")
def bench_join(output: Path | None, folder: Path | None, given: str | None, *, quick: bool, embedded: bool) -> None:
    """Rows and studies to statuses, in a second: our worker on both paths, Quix Streams, and plain loops."""
    from bench import join
    from bench.stream_words import join_table
    from monitoring.words import show

    found = join.measure(join.QUICK if quick else join.FULL, folder, given, _say, embedded=embedded)
    show(join_table(found))
    _write(found, output)


@bench.command("latency")
@_QUICK
@_OUTPUT
@_ON
@_KAFKA
def bench_latency(output: Path | None, folder: Path | None, given: str | None, *, quick: bool) -> None:
    """From the second half of a patient to the status that a reader has, at steady rates."""
    from bench import latency
    from bench.stream_words import latency_table
    from monitoring.words import show

    found = latency.measure(latency.QUICK if quick else latency.FULL, folder, given, _say)
    show(latency_table(found))
    _write(found, output)
