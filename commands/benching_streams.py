"""Speed of the streams, measured: one command a claim, on Apache Kafka."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--quick", is_flag=True, help="Little and once: to see that it works."),
    click.option("--runs", type=click.IntRange(min=1), help="How often, if not five times."),
    click.option(
        "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write everything measured there, as JSON."
    ),
    click.option(
        "--on",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder on the disk to be measured; else the system's temporary one.",
    ),
)
_KAFKA = click.option(
    "--kafka",
    "given",
    envvar="KAFKA_BOOTSTRAP",
    help="HOST:PORT of a cluster to measure on, WHOSE nccid.* TOPICS AND GROUPS ARE DELETED; else one is started (Java, Maven).",
)


def _measured(call: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        call = option(call)
    return call


def _say(words: str) -> None:
    click.echo(words, err=True)


def write(found: dict[str, Any], output: Path | None) -> None:
    """Everything that was measured, where somebody wants it."""
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _extent(module: Any, *, quick: bool, runs: int | None) -> Any:  # noqa: ANN401  # each benchmark has an Extent of its own
    extent = module.QUICK if quick else module.FULL
    return replace(extent, runs=runs) if runs else extent


def _show(name: str, found: dict[str, Any], output: Path | None) -> None:
    from bench import stream_words
    from monitoring.words import show

    show(getattr(stream_words, f"{name}_table")(found))
    write(found, output)


def _command(name: str, words: str) -> click.Command:
    """Those that differ in nothing but what is measured."""

    @click.command(name, help=words)
    @_measured
    @_KAFKA
    def run(output: Path | None, folder: Path | None, given: str | None, runs: int | None, *, quick: bool) -> None:
        module = import_module(f"bench.{name}")
        _show(name, module.measure(_extent(module, quick=quick, runs=runs), folder, given, _say), output)

    return run


@click.command("join")
@_measured
@_KAFKA
@click.option("--embedded", is_flag=True, help="On the embedded broker.")
def _join(output: Path | None, folder: Path | None, given: str | None, runs: int | None, *, quick: bool, embedded: bool) -> None:
    """Rows and studies to statuses, in a second: our worker on both paths, Quix Streams, and plain loops."""
    from bench import join

    found = join.measure(_extent(join, quick=quick, runs=runs), folder, given, _say, embedded=embedded)
    _show("join", found, output)


@click.command("replay")
@_measured
@_KAFKA
@click.option(
    "--times", default=1, show_default=True, help="So many times the whole collection; 100 takes an hour or more, and 60 GB."
)
def _replay(output: Path | None, folder: Path | None, given: str | None, times: int, runs: int | None, *, quick: bool) -> None:
    """The whole collection, 20,000 patients and 56,000 studies, from the raw topics through all steps."""
    from bench import replay

    extent = _extent(replay, quick=quick, runs=runs or (None if times == 1 else 1))
    _show("replay", replay.measure(replace(extent, patients=extent.patients * times), folder, given, _say), output)


@click.command("upload")
@_measured
def _upload(output: Path | None, folder: Path | None, runs: int | None, *, quick: bool) -> None:
    """A workbook of 20,000 rows uploaded, beside programs that only read it."""
    from bench import upload

    _show("upload", upload.measure(_extent(upload, quick=quick, runs=runs), folder, _say), output)


STREAMS: tuple[click.Command, ...] = (
    _join,
    _command("latency", "From the second half of a patient to the status that a reader has, at steady rates."),
    _command("recovery", "Kill -9 of the worker: until the next one answers rightly, with what was kept on disk and without."),
    _command("growth", "What ten times as many cases cost: events in a second, memory, bytes on Kafka and on the worker's disk."),
    _command("scale", "One, two, four workers on the same records."),
    _replay,
    _upload,
)
