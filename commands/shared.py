"""What the commands share: options, the clock, the broker of a home."""

import datetime as dt
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.home import DEFAULT, ENVIRONMENT, Home
from schemas.problems import WorkFailedError

if TYPE_CHECKING:
    from monitoring.view import StatusView
    from schemas.kafka import KafkaSettings

in_home = click.option(
    "--dir", "home", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT, envvar=ENVIRONMENT, show_default=True,
    callback=lambda _context, _parameter, value: Home(value), help="The home folder.",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else.")
for_site = click.option("--site", "code", required=True, help="The site's code in sites.toml.")
KIND = click.Choice(["positive", "negative"])
FILE = click.Path(exists=True, path_type=Path)


def now() -> dt.datetime:
    """The clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def kafka_from(environment: Mapping[str, str]) -> "KafkaSettings":
    """The cluster that an environment names."""
    from schemas.kafka import from_environment

    return from_environment(environment)


def metrics_from(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Where a role that has no pages of its own serves ``/metrics``; None where nobody asked for it."""
    port = environment.get("NCCID_METRICS_PORT")
    return (environment.get("NCCID_METRICS_HOST", "127.0.0.1"), int(port)) if port else None


def running_cluster(home: Home) -> "KafkaSettings":
    """The broker of the set-up that runs on this home, or the one that the environment names."""
    from local.running import find_running
    from schemas.kafka import VARIABLES

    environment = dict(os.environ)
    if running := find_running(home):
        if running.embedded:  # plain, on loopback, whatever the environment says of another cluster
            return kafka_from({VARIABLES["bootstrap"]: running.bootstrap})
        environment[VARIABLES["bootstrap"]] = running.bootstrap
    if VARIABLES["bootstrap"] not in environment:
        raise WorkFailedError(
            f"nothing runs on {home.root}, so the status cannot be had; start it with: nccid up --dir {home.root}"
        )
    return kafka_from(environment)


def current_status(home: Home) -> "StatusView":
    """All statuses, as they are now."""
    from local.homes import require_home
    from monitoring.reading import read_status

    return read_status(running_cluster(require_home(home)))


def lines_on_stdin() -> list[str]:
    """Lines with something on them; none at a terminal, where nobody meant to type."""
    return [] if sys.stdin.isatty() else [line.strip() for line in sys.stdin if line.strip()]


def log_to_stderr() -> None:
    """Logging of a role: our own lines, and only the warnings of the libraries."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("faust", "mode", "aiokafka", "kafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
