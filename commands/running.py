"""What runs: everything on this machine, or one role."""

import os
from typing import Any

import click

from commands.shared import in_home, kafka_from, log_to_stderr, metrics_from, now
from schemas.home import Home

LISTENERS: dict[str, dict[str, Any]] = {
    "portal": {},
    "hub": {"reads_broker": True},
    "node": {"form": "{address}"},
}
"""The roles of ``up`` that people and machines connect to, in the order of the ready line, with what sets each apart."""


@click.command()
@in_home
@click.option("--bootstrap", help="HOST:PORT of a Kafka cluster; without it an embedded broker is started.")
@click.option("--broker-port", default=19092, show_default=True, help="Port of the embedded broker; 0 = any free one.")
@click.option("--portal-port", default=8000, show_default=True, help="Port of the site's portal; 0 = any free one.")
@click.option("--hub-port", default=8001, show_default=True, help="Port of the hub; 0 = any free one.")
@click.option("--node-port", default=11112, show_default=True, help="Port of the image node; 0 = any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where portal, hub and node listen.")
def up(home: Home, bootstrap: str | None, host: str, broker_port: int, **ports: int) -> None:
    """Everything on this machine, until Ctrl-C or SIGTERM."""
    from identity import keyring
    from local.homes import require_home
    from local.up import Listener, Up
    from monitoring.hub.tokens import ensure_local_access
    from schemas.rules import read_rules
    from schemas.sites import read_sites
    from streams.admin import ensure_topics
    from streams.topology import TOPOLOGY

    log_to_stderr()
    require_home(home)
    keyring.load(home.keyring)
    sites = read_sites(home.sites)
    read_rules(home.rules)
    ensure_local_access(home, sites, now())
    cluster = kafka_from({**os.environ, "NCCID_BOOTSTRAP": bootstrap}) if bootstrap else None
    listeners = tuple(Listener(name, ports[f"{name}_port"], **LISTENERS[name]) for name in LISTENERS)
    Up(home, cluster, broker_port, TOPOLOGY.workers, ensure_topics, listeners, host).run()


@click.command()
@click.option("--copies", default=-1, show_default=True, help="Replication factor; -1 is the cluster's own.")
def topics(copies: int) -> None:
    """Make the topics that a cluster lacks, configured by NCCID_* variables. Changes and deletes none."""
    from streams.admin import ensure_topics

    log_to_stderr()
    ensure_topics(kafka_from(os.environ), copies)


@click.command()
def rights() -> None:
    """Give the roles their rights on a cluster (deploy/acls), configured by NCCID_* variables, as a super user."""
    from streams import access
    from streams.granting import grant
    from streams.topology import TOPOLOGY

    log_to_stderr()
    grant(kafka_from(os.environ), access.rights(TOPOLOGY))


@click.command()
@in_home
@click.option("--step", "steps", multiple=True, help="Run only this step of the topology; may be repeated.")
def worker(home: Home, steps: tuple[str, ...]) -> None:
    """One worker of the streams, configured by NCCID_* variables."""
    from local.children import say_ready
    from streams.limits import limit_from
    from streams.settings import WorkerSettings, runner_from
    from streams.topology import TOPOLOGY
    from streams.worker import run_worker

    log_to_stderr()
    known = tuple(step.name for step in TOPOLOGY.steps)
    if unknown := set(steps) - set(known):
        raise click.BadParameter(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(known)}", param_hint="--step")
    embedded = os.environ.get("NCCID_EMBEDDED") == "1"
    run_id = os.environ.get("NCCID_RUN_ID", "")
    settings = WorkerSettings(
        home,
        kafka_from(os.environ),
        steps or known,
        embedded,
        run_id,
        quarantine_limit=limit_from(os.environ),
        metrics=metrics_from(os.environ),
        runner=runner_from(os.environ),
    )
    run_worker(settings, when_ready=say_ready)


@click.command()
@in_home
def rebuild(home: Home) -> None:
    """Judge all cases anew, from the topics, after rules.toml was changed. Their workers have to be stopped; the hub goes on."""
    from commands.shared import running_cluster
    from local.homes import require_home
    from local.running import find_running
    from schemas.problems import UnusableInputError
    from schemas.rules import read_rules
    from schemas.sites import read_sites
    from streams.rebuilding import Rebuilt
    from streams.rebuilding import rebuild as rebuild_cases
    from streams.steps import Given
    from streams.topology import TOPOLOGY

    log_to_stderr()
    running = find_running(require_home(home))
    if running is not None and running.embedded:
        raise UnusableInputError(
            "the embedded broker has nothing to rebuild: stop `nccid up` and start it, and all is folded anew"
        )
    given = Given(sites=read_sites(home.sites), rules=read_rules(home.rules), keyring=None)

    def done(part: Rebuilt) -> None:
        click.echo(f"partition {part.partition}: {part.messages} messages folded, {part.changed} keys published anew", err=True)

    rebuild_cases(running_cluster(home), TOPOLOGY, given, now, done)


@click.command()
@in_home
def sender(home: Home) -> None:
    """Carry what the edge took in from the outbox to the broker, configured by NCCID_* variables."""
    from edge.door import run_sender
    from local.children import say_ready

    log_to_stderr()
    run_sender(home, kafka_from(os.environ), when_ready=say_ready, metrics=metrics_from(os.environ))


@click.command()
@in_home
def keeper(home: Home) -> None:
    """See to it that patients who have opted out are forgotten, configured by NCCID_* variables."""
    import datetime as dt
    import signal
    import threading

    from commands.operations import forget_here
    from commands.shared import now
    from local.children import say_ready
    from monitoring.forgetting.keeper import Keeper

    log_to_stderr()
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    every = dt.timedelta(seconds=float(os.environ.get("NCCID_FORGET_EVERY", "300")))
    say_ready()
    Keeper(kafka_from(os.environ), lambda gone: forget_here(home, gone), now).run(stop, every)


@click.command()
@in_home
def node(home: Home) -> None:
    """The image node: takes DICOM from PACS, and files from a watched folder, de-identified; configured by NCCID_* variables."""
    from edge.node.node import run_node
    from edge.node.settings import node_settings
    from local.children import say_ready
    from local.homes import require_home

    log_to_stderr()
    require_home(home)
    run_node(home, node_settings(os.environ, home), when_ready=say_ready)
