"""What the warehouse receives, and how complete it is."""

import dataclasses
import json
import logging
import os
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

from commands.shared import as_json, in_home, log_to_stderr, now, running_cluster
from schemas.home import Home
from schemas.problems import WorkFailedError

if TYPE_CHECKING:
    from handover.layout import Layout
    from handover.putting import Given
    from handover.turns import Watch

UNITS = "units.toml"
"""In a home: which site writes which column in which unit."""

_GIVE_WAY = 10  # of the 19 that nice knows

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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that nothing stays locked
    kafka, rules = running_cluster(require_home(home)), read_rules(home.rules)
    if watch:
        _watch(turns.Watch(kafka, rules, lambda: _given(home, where, layout, training)), every, where)
        return
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

    sites, units = read_sites(home.sites), read_units(home.root / UNITS)
    return Given(destination(where), layout, home.store, sites, units, now().date(), training)


def _watch(watch: "Watch", every: float, where: str) -> None:
    """Takes turns until SIGINT or SIGTERM; a turn that fails is taken again."""
    from handover.words import outcome_words

    log_to_stderr()
    log, stop = logging.getLogger(__name__), threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    while not stop.is_set():
        try:
            outcome = watch.turn()
            if outcome is not None and (outcome.delivered or outcome.withdrawn):
                log.info("%s", outcome_words(outcome, where))
        except WorkFailedError as error:
            log.warning("not exported yet, which is tried again: %s", error)
        stop.wait(every)


@click.command()
@in_home
@click.option("--site", "code", help="One site only.")
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout and nothing else.")
@click.option("--for-parent", is_flag=True, hidden=True, help="Give way to others, and end with whoever started this.")
def completeness(home: Home, code: str | None, *, as_json: bool, as_csv: bool, for_parent: bool) -> None:
    """How complete the clinical data are, by site and field group; counts under 5 suppressed, the others rounded to 5."""
    from handover.cleaning.units import read_units
    from handover.completeness import read_completeness
    from handover.words import completeness_csv, completeness_table
    from local.children import die_with_parent
    from local.homes import require_home
    from monitoring.words import show
    from schemas.sites import read_sites

    if for_parent:
        die_with_parent()
        os.nice(_GIVE_WAY)
    if as_json and as_csv:
        raise click.UsageError("give either --json or --csv")
    if code is not None and code not in read_sites(require_home(home).sites):
        raise click.UsageError(f"there is no site {code!r} in {home.sites}")
    lines = read_completeness(running_cluster(require_home(home)), read_units(home.root / UNITS)).lines(code)
    if as_json:
        click.echo(json.dumps({"lines": [line.as_json() for line in lines]}))
    elif as_csv:
        click.echo(completeness_csv(lines))
    else:
        show(completeness_table(lines))
