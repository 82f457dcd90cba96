"""The front door: the ``nccid`` command. What it can do stands in ``commands``.

Exit status: 0 done, 1 the answer is no or the work failed, 2 wrong usage or unusable input.
"""

import sys

import click

from commands.benching import bench
from commands.completeness import completeness
from commands.handover import export
from commands.homes import backup, init, keys, restore
from commands.hospital import send_images, template, upload, withdraw
from commands.hub import hub, tokens
from commands.invented import demo, synth
from commands.knowledge import alerts, chase, check, status
from commands.linking import link
from commands.operations import alertmanager, audit, forget, quarantine
from commands.portal import portal, users
from commands.running import keeper, node, rebuild, rights, sender, topics, up, worker
from schemas.problems import UnusableInputError, WorkFailedError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nccid-coverage")
def cli() -> None:
    """Which COVID chest images and clinical rows have arrived, which are missing, and whose turn it is."""


COMMANDS = (
    *(init, keys, backup, restore),
    *(template, upload, send_images, withdraw),
    *(check, status, alerts, chase),
    *(audit, quarantine, forget, alertmanager),
    *(export, completeness, link),
    *(up, topics, rights, worker, rebuild, sender, keeper, node, portal, users, hub, tokens),
    *(synth, demo, bench),
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Runs the command line; known trouble becomes one message and an exit status, never a traceback."""
    try:
        cli()
    except UnusableInputError as error:
        _leave(2, error)
    except WorkFailedError as error:
        _leave(1, error)
    except OSError as error:
        _leave(1, f"{error.filename or 'something'} cannot be used: {error.strerror or type(error).__name__}")


def _leave(status: int, why: object) -> None:
    click.echo(f"nccid: {why}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
