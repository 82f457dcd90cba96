"""A home, and its keys."""

from pathlib import Path

import click

from commands.shared import in_home, now
from schemas.home import Home


@click.command()
@in_home
@click.option(
    "--sites",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A registry; else the example of five invented sites.",
)
def init(home: Home, sites: Path | None) -> None:
    """Make a new home: keyring, rules.toml, sites.toml. Overwrites nothing."""
    from identity import keyring
    from local.homes import make_home
    from schemas import rules
    from schemas import sites as registry

    source = sites or registry.EXAMPLE
    registry.read_sites(source)
    make_home(home, source.read_text(encoding="utf-8"), rules.DEFAULT.read_text(encoding="utf-8"))
    keyring.create(home.keyring, now())
    click.echo(
        f"{home.root} is ready. Keep a copy of {home.keyring} in a safe place: without it nothing can be joined.", err=True
    )


@click.group()
def keys() -> None:
    """The keyring alone."""


@keys.command("init")
@in_home
def keys_init(home: Home) -> None:
    """Make a keyring where there is none. Overwrites nothing."""
    from identity import keyring

    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    keyring.create(home.keyring, now())


@keys.command("rotate")
@in_home
def keys_rotate(home: Home) -> None:
    """Add a key for sealing; what older keys sealed can still be opened, pseudonyms stay as they are."""
    from identity import keyring

    click.echo(f"key {keyring.rotate(home.keyring, now())} seals from the next start on", err=True)


@keys.command("list")
@in_home
def keys_list(home: Home) -> None:
    """The versions in the keyring, without any secret."""
    from identity import keyring

    for key in keyring.versions(home.keyring):
        click.echo(f"{key.version}\t{key.created_at.isoformat()}")
