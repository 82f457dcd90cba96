"""What the warehouse receives."""

import dataclasses
import json
import logging
import re
import signal
import sys
from typing import TYPE_CHECKING

import click

from commands.shared import as_json, in_home, now, running_cluster
from commands.watching import end_when_told, take_turns
from schemas.home import Home

if TYPE_CHECKING:
    from handover.layout import Layout
    from handover.putting import Given
    from handover.turns import Watch

_TERMINATED = 128 + signal.SIGTERM

_UPLOADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


@click.command()
@in_home
@click.option("--to", "where", required=True, metavar="DEST", help="A folder, or s3://bucket/below and the like.")
@click.option(
    "--layout", "layout_name", type=click.Choice(["raw", "processed"]), default="raw", show_default=True, help="Of the files."
)
@click.option("--uploader", default="nccid", show_default=True, help="The raw layout's raw-<uploader>.")
@click.option(
    "--training",
    type=click.IntRange(0, 100),
    default=80,
    show_default=True,
    help="Per cent, in the processed layout.",
)
@click.option("--verify", is_flag=True, help="Change nothing; compare what is there with the topics and the store.")
@click.option("--restore", is_flag=True, help="Put back what was delivered and is missing, too.")
@click.option("--watch", is_flag=True, help="Go on until stopped.")
@click.option("--unlock", is_flag=True, help="Take away the lock of an export that is no more; export nothing.")
@click.option("--every", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds between two looks.")
@as_json
def export(  # noqa: PLR0913  # what an export can be told
    home: Home,
    where: str,
    layout_name: str,
    uploader: str,
    training: int,
    every: float,
    *,
    verify: bool,
    restore: bool,
    watch: bool,
    unlock: bool,
    as_json: bool,
) -> None:
    """Hand complete cases over to the warehouse, and take out who has opted out. Done again, it does nothing."""
    from handover import turns
    from handover.places import destination
    from handover.words import outcome_words, verdict_words
    from local.homes import require_home
    from schemas.rules import read_rules

    if verify + restore + watch + unlock > 1:
        raise click.UsageError("give one of --verify, --restore, --watch and --unlock")
    if not _UPLOADER.fullmatch(uploader):
        raise click.UsageError("--uploader is made of letters, digits and hyphens, for example nccid")
    if unlock:
        click.echo(destination(where).unlock(), err=True)
        return
    layout = _layout(layout_name, uploader)
    end_when_told(_TERMINATED, signal.SIGTERM)
    kafka, rules = running_cluster(require_home(home)), read_rules(home.rules)
    if watch:
        watching = turns.Watch(kafka, rules, lambda: _given(home, where, layout, training))
        take_turns(lambda: _turn(watching, where), every, "not exported yet")
    given = _given(home, where, layout, training)
    if verify:
        verdict = turns.verify(kafka, rules, given)
        click.echo(json.dumps(verdict.as_json()) if as_json else verdict_words(verdict))
        sys.exit(0 if verdict.ok else 1)
    outcome = turns.export(kafka, rules, dataclasses.replace(given, restores=restore))
    click.echo(json.dumps(outcome.as_json())) if as_json else click.echo(outcome_words(outcome, where), err=True)


def _layout(name: str, uploader: str) -> "Layout":
    from handover.layout import Processed, Raw

    return Raw(uploader) if name == "raw" else Processed()


def _given(home: Home, where: str, layout: "Layout", training: int) -> "Given":
    from handover.cleaning.units import read_units
    from handover.places import destination
    from handover.putting import Given
    from schemas.sites import read_sites

    sites, units = read_sites(home.sites), read_units(home.units)
    return Given(destination(where), layout, home.store, sites, units, now().date(), training)


def _turn(watch: "Watch", where: str) -> None:
    from handover.words import outcome_words

    outcome = watch.turn()
    if outcome is not None and (outcome.delivered or outcome.withdrawn):
        logging.getLogger(__name__).info("%s", outcome_words(outcome, where))
