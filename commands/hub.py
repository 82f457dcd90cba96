"""The hub: the role itself, and the tokens with which people and programs ask it."""

import logging
import os

import click

from commands.counted import completeness_of
from commands.shared import in_home, kafka_from, log_to_stderr, now
from schemas.home import Home
from schemas.problems import UnusableInputError

PORT = 8001
COUNTS = "NCCID_COMPLETENESS_FILE"
"""A file with what ``nccid completeness --json`` printed, for a hub that may not read the rows itself."""


@click.command()
@in_home
def hub(home: Home) -> None:
    """The hub: HTTP API and live dashboard, configured by NCCID_* variables."""
    from local.children import say_ready
    from local.homes import require_home
    from monitoring.hub.access import Access, TokenFile
    from monitoring.hub.allowance import allowance_from
    from monitoring.hub.app import make_app
    from monitoring.hub.hub import Hub
    from monitoring.hub.snapshot import Snapshots
    from schemas.sites import read_sites
    from web.assets import require_assets
    from web.serve import Listening, serve

    log_to_stderr()
    require_home(home)
    try:
        require_assets()
    except UnusableInputError as error:  # programs need no looks
        logging.getLogger(__name__).warning("%s. Until then the dashboard has no looks", error)
    where = Listening.from_environment(os.environ, PORT)
    embedded = os.environ.get("NCCID_EMBEDDED") == "1"
    snapshots = Snapshots(home.state / "hub" / "snapshot", now)
    state = Hub.on(kafka_from(os.environ), read_sites(home.sites), now, snapshots, embedded=embedded)
    state.completeness = completeness_of(home, os.environ.get(COUNTS), now)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    access = Access(TokenFile(home.hub_tokens), asking=allowance_from(os.environ))
    serve(make_app(state, access), where, when_ready=say_ready)


@click.group()
def tokens() -> None:
    """Tokens for the hub: for programs, and to log in to the dashboard with."""


def _scope(home: Home, code: str | None, *, national: bool) -> str | None:
    """The site or ``national``; None where neither was given."""
    from monitoring.hub.tokens import NATIONAL
    from schemas.sites import read_sites

    if national and code:
        raise click.UsageError("give either --site CODE or --national")
    if code and code not in read_sites(home.sites):
        raise click.UsageError(f"there is no site {code!r} in {home.sites}")
    return NATIONAL if national else code


_for_site = click.option("--site", "code", help="For this site alone.")
_for_all = click.option("--national", is_flag=True, help="For all sites.")


@tokens.command("add")
@in_home
@_for_site
@_for_all
@click.option("--label", default="", help="Whose it is, as a note.")
def tokens_add(home: Home, code: str | None, label: str, *, national: bool) -> None:
    """Make a token. It is printed once, and kept nowhere."""
    from local.homes import require_home
    from local.running import find_running
    from monitoring.hub import tokens as kept

    scope = _scope(require_home(home), code, national=national)
    if scope is None:
        raise click.UsageError("say for whom: --site CODE or --national")
    made, secret = kept.add(home.hub_tokens, scope, label, now())
    running = find_running(home)
    page = running.listeners.get("hub") if running else None
    click.echo(secret)
    click.echo(
        f"token {made.id} is good at once. Programs send it as: Authorization: Bearer TOKEN. People paste it into "
        f"{page or f'http://127.0.0.1:{PORT}'}/login",
        err=True,
    )


@tokens.command("revoke")
@in_home
@_for_site
@_for_all
@click.argument("ids", nargs=-1, metavar="[ID]...")
def tokens_revoke(home: Home, code: str | None, ids: tuple[str, ...], *, national: bool) -> None:
    """Make tokens worthless, at once: those with these IDs, or all of a site, or all national ones."""
    from local.homes import require_home
    from monitoring.hub import tokens as kept

    scope = _scope(require_home(home), code, national=national)
    if bool(ids) == (scope is not None):
        raise click.UsageError("say which: IDs, or --site CODE, or --national; `nccid tokens list` shows them")
    gone = kept.revoke(home.hub_tokens, ids=ids, scope=scope)
    click.echo(f"revoked: {', '.join(token.id for token in gone)}", err=True)


@tokens.command("list")
@in_home
def tokens_list(home: Home) -> None:
    """The tokens that are good, without any secret."""
    from local.homes import require_home
    from monitoring.hub import tokens as kept

    for token in kept.read_tokens(require_home(home).hub_tokens):
        click.echo(f"{token.id}\t{token.scope}\t{token.made_at:%Y-%m-%d %H:%M} UTC\t{token.label}")
