"""Whether everything adds up, and what could not be used."""

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING

import click

from commands.shared import (
    as_json,
    in_home,
    now,
    running_cluster,
)
from schemas.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitoring.quarantine import Held
    from monitoring.replay import Opener
    from schemas.records import PatientWithdrawn


@click.command()
@in_home
@as_json
@click.option(
    "--wait",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds for which something may still be on its way.",
)
def audit(home: Home, wait: float, *, as_json: bool) -> None:
    """Prove that in = out + quarantined, that every status follows, and that no topic holds an identifier."""
    from local.homes import require_home
    from monitoring.audit import run_audit
    from monitoring.audit_words import audit_table, verdict_words, waiting_words
    from monitoring.words import show
    from schemas.rules import read_rules
    from schemas.sites import read_sites
    from streams.topology import TOPOLOGY

    kafka = running_cluster(require_home(home))
    rules, sites = read_rules(home.rules), read_sites(home.sites)
    verdict = run_audit(kafka, TOPOLOGY, rules, sites, now, wait=wait, waiting=lambda n: click.echo(waiting_words(n), err=True))
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    else:
        show(audit_table(verdict))
        click.echo(verdict_words(verdict))
    sys.exit(0 if verdict.ok else 1)


@click.command()
@in_home
@as_json
def forget(home: Home, *, as_json: bool) -> None:
    """Take what is left of patients who have opted out off the topics and this machine, now. `up` does it by itself."""
    from local.homes import require_home
    from monitoring.forgetting.keeper import Keeper
    from monitoring.forgetting.words import forget_words

    done = Keeper(running_cluster(require_home(home)), lambda gone: forget_here(home, gone), now).turn()
    click.echo(json.dumps(done.as_json())) if as_json else click.echo(forget_words(done), err=True)


def forget_here(home: Home, opted_out: "Sequence[PatientWithdrawn]") -> int:
    """Forgets them on this machine, where it is a hospital's: at all of its sites."""
    from edge.door import open_door
    from schemas.sites import read_sites

    if not opted_out or not home.keyring.exists():
        return 0
    done = 0
    for code in read_sites(home.sites):
        with open_door(home, code) as door:
            done += door.forget(opted_out)
    return done


@click.command()
@in_home
@click.option("--on-call", required=True, help="The address that is woken.")
@click.option("--coordinator", required=True, help="The address of who calls the sites.")
@click.option("--smarthost", required=True, help="HOST:PORT of the mail server.")
@click.option("--sender", required=True, help="The address from which the mails come.")
def alertmanager(home: Home, on_call: str, coordinator: str, smarthost: str, sender: str) -> None:
    """Print Alertmanager's configuration: who is told of what, with a route for each site of the registry."""
    from monitoring import paging
    from schemas.sites import read_sites

    click.echo(json.dumps(paging.alertmanager(read_sites(home.sites), on_call, coordinator, smarthost, sender), indent=2))


@click.group()
def quarantine() -> None:
    """What could not be used: why, and what to do with it."""


IDS = click.argument("ids", nargs=-1)
ALL = click.option("--all", "everything", is_flag=True, help="All that is in quarantine.")


@quarantine.command("list")
@in_home
@click.option("--reason", help="Only those of this reason.")
@as_json
def quarantine_list(home: Home, reason: str | None, *, as_json: bool) -> None:
    """What is in quarantine, and how much of it for which reason."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import list_json, quarantine_table, reasons_table
    from monitoring.words import show

    held = chosen_by(held_in_quarantine(home), reason=reason, everything=reason is None)
    click.echo(list_json(held)) if as_json else show(quarantine_table(held), reasons_table(held))


@quarantine.command("show")
@in_home
@as_json
@click.argument("id_", metavar="ID")
def quarantine_show(home: Home, id_: str, *, as_json: bool) -> None:
    """Everything of one record; what is sealed stays sealed."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import show_words

    (held,) = chosen_by(held_in_quarantine(home), [id_])
    click.echo(json.dumps(held.in_full()) if as_json else show_words(held))


@quarantine.command("replay")
@in_home
@click.option("--reason", help="All of this reason.")
@ALL
@as_json
@IDS
def quarantine_replay(home: Home, ids: tuple[str, ...], reason: str | None, *, everything: bool, as_json: bool) -> None:
    """Put records on their topics again, once the cause is gone. Doing it twice does no harm."""
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import replay_words
    from monitoring.replay import replay

    one_of(ids, reason, everything, "give the IDs to replay, or --reason, or --all")
    chosen = chosen_by(held_in_quarantine(home), ids, reason=reason, everything=everything)
    done = replay(running_cluster(home), chosen, opener(home))
    click.echo(json.dumps({"records": [each.as_json() for each in done]})) if as_json else click.echo(
        replay_words(done), err=True
    )
    sys.exit(1 if any(each.why_not is not None and (ids or each.needed) for each in done) else 0)


@quarantine.command("purge")
@in_home
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="All that were quarantined before this day (UTC).")
@ALL
@click.option("--yes", is_flag=True, help="Really do it.")
@as_json
@IDS
def quarantine_purge(  # what is meant, and whether it is meant
    home: Home, ids: tuple[str, ...], before: dt.datetime | None, *, everything: bool, yes: bool, as_json: bool
) -> None:
    """Let go of records: their payloads cannot be shown or replayed any more."""
    from monitoring.purge import purge
    from monitoring.quarantine import chosen_by
    from monitoring.quarantine_words import purge_words

    one_of(ids, before, everything, "give the IDs to purge, or --before, or --all")
    day = before.replace(tzinfo=dt.UTC) if before else None
    chosen = chosen_by(held_in_quarantine(home), ids, before=day, everything=everything)
    if not yes:
        raise click.UsageError(f"{len(chosen)} would be purged, and could not be replayed any more; say --yes to do it")
    done = purge(running_cluster(home), chosen, now())
    click.echo(json.dumps(done.as_json())) if as_json else click.echo(purge_words(done), err=True)


def held_in_quarantine(home: Home) -> "list[Held]":
    """What lies in quarantine now."""
    from local.homes import require_home
    from monitoring.purge import read_quarantine

    return read_quarantine(running_cluster(require_home(home))).held()


def one_of(ids: tuple[str, ...], some: object, everything: bool, words: str) -> None:  # noqa: FBT001  # a flag as it was given
    """Refuses no choice, and two at once."""
    if sum(map(bool, (ids, some, everything))) != 1:
        raise click.UsageError(f"{words}; one of them")


def opener(home: Home) -> "Opener | None":
    """Opens sealed payloads, where the keyring is."""
    from identity import keyring
    from identity.seal import Sealer

    return Sealer(keyring.load(home.keyring)).open_payload if home.keyring.exists() else None
