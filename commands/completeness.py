"""How complete the clinical data are: printed, or written to a file for a hub that may not read the rows."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import as_json, in_home, running_cluster
from commands.watching import take_turns
from schemas.completeness import CompletenessCounted, GroupCounted, encode
from schemas.home import Home
from schemas.problems import WorkFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

_GIVE_WAY = 10  # of the 19 that nice knows
_REST_SHARE = 9  # times what a count took: it costs at most a tenth of the time


@click.command()
@in_home
@click.option("--site", "code", help="One site only.")
@as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout and nothing else.")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON there, for a hub to read.")
@click.option("--watch", is_flag=True, help="With --to: go on until stopped.")
@click.option("--every", type=click.FloatRange(min=1), default=900.0, show_default=True, help="Seconds between two counts.")
@click.option("--for-parent", is_flag=True, hidden=True, help="Give way to others, and end with whoever started this.")
def completeness(  # noqa: PLR0913  # what it can be told
    home: Home,
    code: str | None,
    file: Path | None,
    every: float,
    *,
    as_json: bool,
    as_csv: bool,
    watch: bool,
    for_parent: bool,
) -> None:
    """How complete the clinical data are, by site and field group; counts under 5 suppressed, the others rounded to 5."""
    from local.children import die_with_parent
    from local.homes import require_home
    from schemas.sites import read_sites

    if for_parent:
        die_with_parent()
    if for_parent or watch:
        os.nice(_GIVE_WAY)
    if as_json + as_csv + (file is not None) > 1:
        raise click.UsageError("give one of --json, --csv and --to")
    if watch and file is None:
        raise click.UsageError("--watch needs --to: a file that is written time and again")
    if code is not None and code not in read_sites(require_home(home).sites):
        raise click.UsageError(f"there is no site {code!r} in {home.sites}")
    if file is None:
        _show(_counted(home, code), as_json=as_json, as_csv=as_csv)
    elif watch:
        take_turns(lambda: _write(file, _counted(home, code)), every, "not counted yet", rest_share=_REST_SHARE)
    else:
        _write(file, _counted(home, code))


def _counted(home: Home, code: str | None) -> list[GroupCounted]:
    from handover.cleaning.units import read_units
    from handover.counting import read_completeness
    from local.homes import require_home

    return read_completeness(running_cluster(require_home(home)), read_units(home.units)).lines(code)


def _json(lines: "Sequence[GroupCounted]") -> bytes:
    return encode(CompletenessCounted(lines=tuple(lines)))


def _show(lines: "Sequence[GroupCounted]", *, as_json: bool, as_csv: bool) -> None:
    from handover.words import completeness_csv, completeness_table
    from monitoring.words import show

    if as_json:
        click.echo(_json(lines))
    elif as_csv:
        click.echo(completeness_csv(lines))
    else:
        show(completeness_table(lines))


def _write(file: Path, lines: "Sequence[GroupCounted]") -> None:
    """Whole, or as it was: the old file is there until the new one is."""
    aside = file.with_name(f".{file.name}.new")
    try:
        aside.write_bytes(_json(lines) + b"\n")
        aside.replace(file)
    except OSError as error:
        raise WorkFailedError(f"{file} cannot be written ({error.strerror}); see that its folder is there and yours") from None
