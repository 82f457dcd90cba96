"""Invented sites, and the demonstration with them."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import current_status, now, running_cluster
from schemas.home import Home
from schemas.problems import UnusableInputError, WorkFailedError

if TYPE_CHECKING:
    from local.demo import Parts


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="An empty or new folder.")
@click.option("--seed", default=1, show_default=True)
@click.option("--patients", default=200, show_default=True, type=click.IntRange(min=1))
def synth(out: Path, seed: int, patients: int) -> None:
    """Invented sites: spreadsheets, DICOM files, opt-outs, rules, and the truth they should reconcile to."""
    from schemas.sites import EXAMPLE, read_sites
    from synth.files import write_world
    from synth.world import make_world

    if out.exists() and any(out.iterdir()):
        raise UnusableInputError(f"{out} is not empty; choose another --out, nothing was changed")
    write_world(make_world(seed, patients, read_sites(EXAMPLE), now().date()), out)


@click.command()
@click.option("--once", is_flag=True, help="End when reconciled; exit 0 only when the outcome equals the truth.")
@click.option(
    "--dir", "directory", type=click.Path(file_okay=False, path_type=Path), help="Where to put it; else a temporary folder."
)
@click.option("--seed", default=1, show_default=True)
@click.option("--patients", default=200, show_default=True, type=click.IntRange(min=1))
def demo(directory: Path | None, seed: int, patients: int, *, once: bool) -> None:
    """Everything on this machine, with invented sites that send over about a minute."""
    from rich.console import Console

    from local.demo import run_demo

    sys.exit(
        run_demo(_demo_parts(seed, patients), directory, once=once, console=Console(width=None if sys.stdout.isatty() else 200))
    )


def listening_node(home: Home) -> str:
    """Where the node of the set-up on this home listens."""
    from local.running import find_running

    running = find_running(home)
    if running is None or "node" not in running.listeners:
        raise WorkFailedError("no image node runs, so what PACS sends cannot be taken")
    return running.listeners["node"]


def _demo_parts(seed: int, patients: int) -> "Parts":
    from edge.checker import asked
    from edge.door import open_door
    from edge.node.calling import send
    from edge.portal.opened import accounts_of
    from edge.portal.passwords import made_up
    from identity import keyring
    from local.demo import Parts
    from local.homes import make_home
    from monitoring.checker import Question, answers
    from monitoring.coverage import coverage
    from monitoring.follow import Follower
    from monitoring.hub import tokens as hub_tokens
    from schemas import sites
    from synth.compare import differences
    from synth.deadlines import LONGEST
    from synth.files import write_world
    from synth.world import make_world

    def new_home(home: Home, world: Path) -> None:
        registry, rules = (world / name for name in ("sites.toml", "rules.toml"))
        make_home(home, registry.read_text(encoding="utf-8"), rules.read_text(encoding="utf-8"))
        keyring.create(home.keyring, now())

    def deliver(home: Home, code: str, kind: str, path: Path) -> None:
        with open_door(home, code) as door:
            if kind == "images":
                door.send_images([path])
            elif kind == "pacs":
                send(listening_node(home), door.site.ae_titles[0], "NCCID", sorted(path.iterdir()))
            elif kind == "withdraw":
                door.withdraw(path.read_text(encoding="utf-8").splitlines())
            elif not (answer := door.upload(path, kind)).accepted:  # type: ignore[arg-type]  # one of the two kinds
                raise WorkFailedError(f"{path} was refused: {answer.errors[0].problem}")

    def compare(home: Home, truth: Mapping[str, Any]) -> list[str]:
        view = current_status(home)
        numbers = list(truth["people"])
        found = answers([Question(each.person, each.reason) for each in asked(numbers, home)], view)
        counted = {code: site.as_json() for code, site in coverage(view).items()}
        return differences(truth, {"sites": counted}, {n: a.as_json() for n, a in zip(numbers, found, strict=True)})

    def visitors(home: Home, addresses: Mapping[str, str]) -> list[str]:
        """A nurse at each site and a coordinator, invented with everything else."""
        _, token = hub_tokens.add(home.hub_tokens, hub_tokens.NATIONAL, "coordinator of the demonstration", now())
        lines = [f"Coordinator: {addresses['hub']} with the token {token}"]
        with accounts_of(home) as accounts:
            for code in sites.read_sites(home.sites):
                password = made_up()
                accounts.add(f"nurse.{code.lower()}", code, password, must_change=False)
                lines.append(f"Nurse of {code}: {addresses['portal']} as nurse.{code.lower()} with the password {password}")
        return [*lines, f"PACS: DICOM to {addresses['node']}, AE title NCCID"]

    return Parts(
        make_world=lambda out: write_world(make_world(seed, patients, sites.read_sites(sites.EXAMPLE), now().date()), out),
        make_home=new_home,
        deliver=deliver,
        watch=lambda home: Follower(running_cluster(home)),
        differences=compare,
        visitors=visitors,
        longest_wait=LONGEST.total_seconds(),
    )
