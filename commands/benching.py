"""Speed, measured."""

import json
import sys
from pathlib import Path

import click

from commands.benching_streams import STREAMS, write


@click.group()
def bench() -> None:
    """Measure speed beside what else one would use."""


@bench.command("pace")
@click.option("--accept", "to_accept", is_flag=True, help="What is measured now is the baseline from now on.")
def bench_pace(*, to_accept: bool) -> None:
    """Whether fold, wire, pseudonymise or status has become slower, beside a loop that does nothing of ours."""
    from bench.pace import accept, measure, read_baseline
    from commands.pacing import parts

    paces = measure(parts(), {} if to_accept else read_baseline())
    if to_accept:
        accept(paces)
    for pace in paces:
        click.echo(f"{pace.part}: {pace.ratio:.2f} times the loop, accepted" if to_accept else pace.words)
    if not to_accept and any(pace.is_slower for pace in paces):
        click.echo(
            "Slower than the baseline in bench/pace.json. See what was changed in that part; if the time is well spent, "
            "`nccid bench pace --accept` makes this the baseline: commit it, and say why.",
            err=True,
        )
        sys.exit(1)


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
    show(checker_table(found))
    write(found, output)  # the second part may fail, and the first takes ten minutes
    found["arrival"] = arrival.measure(50.0, 5.0 if quick else 30.0, say)
    click.echo(checker_words(found))
    write(found, output)


for _each in STREAMS:
    bench.add_command(_each)
