"""A worker process: puts steps and runner together, says so when it takes records, and runs until it is told to stop."""

import asyncio
import datetime as dt
import gc
from collections.abc import Awaitable, Callable

import faust
import mode

from identity import keyring
from schemas.rules import read_rules
from schemas.sites import read_sites
from streams.app import build_app
from streams.counting import WorkerMetrics
from streams.earlier import quarantined_before
from streams.fast import FastRunner
from streams.folding import Around, Folding
from streams.joining import joining
from streams.limits import Limits
from streams.runner import Running, attach
from streams.settings import WorkerSettings
from streams.steps import Given
from streams.topology import TOPOLOGY


def run_worker(settings: WorkerSettings, when_ready: Callable[[], None]) -> None:
    """Runs the steps of the settings; returns never, the process exits.

    Raises:
        SitesError, RulesError, KeyringError: the home folder cannot be used.
        DiskError: what the steps keep cannot be written there.
    """
    settings.home.state.mkdir(parents=True, exist_ok=True)
    cluster = None if settings.embedded else settings.kafka
    around = Around(lambda: dt.datetime.now(dt.UTC), _limits(settings), cluster, _metrics(settings))
    if settings.runner == "fast":
        foldings = [Folding(step, step.build(given(settings)), around) for step in map(TOPOLOGY.step, settings.steps)]
        fast = FastRunner(joining(settings, foldings), when_ready)
        _rarely_look_for_rings()
        mode.Worker(
            fast, loglevel="WARNING", override_logging=False, quiet=True, redirect_stdouts=False
        ).execute_from_commandline()
    app = build_app(settings)
    running = attach(app, TOPOLOGY, settings.steps, given(settings), around)
    app.task(_when_ready(app, running, when_ready))
    faust.Worker(app, loglevel="WARNING", override_logging=False, quiet=True, redirect_stdouts=False).execute_from_commandline()


def _rarely_look_for_rings() -> None:
    """What is folded is garbage at once and holds no rings: looking for them at every 700 objects took a quarter of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def given(settings: WorkerSettings) -> Given:
    """Registry and rules for every step; the keyring only where a step needs it."""
    needs_keys = any(TOPOLOGY.step(name).needs_keys for name in settings.steps)
    return Given(
        sites=read_sites(settings.home.sites),
        rules=read_rules(settings.home.rules),
        keyring=keyring.load(settings.home.keyring) if needs_keys else None,
    )


def _metrics(settings: WorkerSettings) -> WorkerMetrics | None:
    """Counts, where somebody asks for it."""
    if settings.metrics is None:
        return None
    counting = WorkerMetrics(cases="reconcile")
    counting.serve(*settings.metrics)
    return counting


def _limits(settings: WorkerSettings) -> Limits:
    """On the embedded broker everything is read anew, so nothing was before."""
    most = settings.quarantine_limit
    earlier = quarantined_before(settings.kafka, 10 * most) if most and not settings.embedded else {}
    return Limits(most, earlier)


def _when_ready(app: faust.App, running: list[Running], call: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def say() -> None:
        await app.tables.recovery.completed.wait()
        await asyncio.gather(*(each.look() for each in running))
        call()

    return say
