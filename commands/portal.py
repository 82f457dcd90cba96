"""The site's portal, and who may log in to it."""

import logging
import os

import click

from commands.shared import for_site, in_home, log_to_stderr, metrics_from
from schemas.home import Home

PORT = 8000
NAME = click.argument("name")
ASK = click.option("--ask", is_flag=True, help="Ask for the password at the terminal, instead of making one up.")


@click.command()
@in_home
def portal(home: Home) -> None:
    """The site's portal in the browser, configured by NCCID_* variables."""
    from edge.portal.app import make_app
    from edge.portal.parts import hub_from, make_portal
    from local.children import say_ready
    from web.assets import require_assets
    from web.serve import Listening, serve

    log_to_stderr()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    require_assets()
    where, metrics = Listening.from_environment(os.environ, PORT), metrics_from(os.environ)
    opened = make_portal(home, hub_from(os.environ, home))
    if metrics is not None:
        opened.counts.serve(*metrics)
    serve(make_app(opened), where, say_ready)


@click.group()
def users() -> None:
    """Accounts of the portal. A password that is made up is printed once, and changed by its owner at the first login."""


@users.command("add")
@in_home
@for_site
@NAME
@click.option("--administrator", is_flag=True, help="May add, disable and reset accounts of the site, and read its audit log.")
@ASK
def users_add(home: Home, code: str, name: str, *, administrator: bool, ask: bool) -> None:
    """Add an account for a site."""
    from edge.door import site_of
    from edge.portal.opened import accounts_of

    site_of(home, code)
    password = _password(ask=ask)
    with accounts_of(home) as accounts:
        account = accounts.add(name, code, password, administrator=administrator, must_change=not ask)
    _say(f"{account.name} may log in for {code}", None if ask else password)


@users.command("reset")
@in_home
@NAME
@ASK
def users_reset(home: Home, name: str, *, ask: bool) -> None:
    """Give an account another password, and let it in again where it was disabled or locked."""
    from edge.portal.limits import BY_NAME
    from edge.portal.opened import accounts_of, attempts_of

    password = _password(ask=ask)
    with accounts_of(home) as accounts:
        account = accounts.known(name)
        accounts.set_password(account, password, must_change=not ask)
        accounts.set_disabled(account, disabled=False)
    with attempts_of(home) as attempts:
        attempts.forget(BY_NAME, account.name)
    _say(f"{account.name} has another password", None if ask else password)


@users.command("disable")
@in_home
@NAME
def users_disable(home: Home, name: str) -> None:
    """Let an account log in no more; whoever is logged in with it is out at once."""
    from edge.portal.opened import accounts_of

    with accounts_of(home) as accounts:
        account = accounts.known(name)
        accounts.set_disabled(account, disabled=True)
    click.echo(f"{account.name} may not log in any more; `nccid users reset` lets them in again", err=True)


@users.command("list")
@in_home
def users_list(home: Home) -> None:
    """All accounts: name, site, what they may do."""
    from edge.portal.opened import accounts_of

    with accounts_of(home) as accounts:
        for each in accounts.all():
            marks = [word for word, is_so in (("administrator", each.administrator), ("disabled", each.disabled)) if is_so]
            click.echo("\t".join((each.name, each.site, ", ".join(marks))))


def _password(*, ask: bool) -> str:
    from edge.portal.passwords import made_up

    if ask:
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return made_up()


def _say(words: str, password: str | None) -> None:
    click.echo(f"{words}.", err=True)
    if password:
        click.echo("The password is printed once, and must be changed at the first login:", err=True)
        click.echo(password)
