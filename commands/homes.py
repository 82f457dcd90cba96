"""A home, and its keys."""

import json
from pathlib import Path

import click

from commands.shared import as_json, in_home, now, running_cluster
from schemas.home import Home
from schemas.problems import WorkFailedError

NEW = click.Path(path_type=Path)
THERE = click.Path(exists=True, dir_okay=False, path_type=Path)


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


@click.command()
@in_home
@click.option("-o", "--output", type=NEW, required=True, help="A new folder, on another disk.")
@click.option("--keyring-to", "keyring_copy", type=NEW, help="A new file for the keyring, to be kept apart from the rest.")
@click.option("--without-images", is_flag=True, help="All but the store, which then has to be copied after this, by other means.")
@as_json
def backup(home: Home, output: Path, keyring_copy: Path | None, *, without_images: bool, as_json: bool) -> None:
    """Copy the home into a new folder, also while it is in use; the keyring apart from it."""
    from edge.backup.backing_up import back_up, back_up_keyring
    from local.homes import require_home

    require_home(home)
    if keyring_copy is not None:
        back_up_keyring(home, keyring_copy)
    kept = back_up(home, output, now(), images=not without_images)
    said = {"files": len(kept.files), "messages": kept.messages, "key_versions": kept.key_versions}
    apart = f"the keyring is in {keyring_copy}" if keyring_copy else f"keep a copy of {home.keyring} elsewhere"
    words = f"{output} holds {len(kept.files)} files, {kept.messages} messages among them; {apart}"
    click.echo(json.dumps(said)) if as_json else click.echo(words, err=True)


@click.command()
@in_home
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--keyring", "keyring_copy", type=THERE, required=True, help="The copy of the keyring that belongs to it.")
def restore(home: Home, folder: Path, keyring_copy: Path) -> None:
    """Make a new home of a back-up, if it is whole and the keyring is the one that belongs to it."""
    from edge.backup import restoring

    kept = restoring.restore(folder, keyring_copy, home)
    click.echo(
        f"{home.root} is as it was at {kept.made_at:%d/%m/%Y %H:%M} UTC, with {kept.messages} messages in its outbox. "
        "Give in again what was taken in since then: what was there already is not counted twice",
        err=True,
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


@keys.command("retire")
@in_home
def keys_retire(home: Home) -> None:
    """Let go of the older keys for sealing, when nothing is sealed with them any more: the outbox is sealed anew first."""
    from edge.reseal import reseal
    from edge.sending.outbox import Outbox
    from identity import keyring
    from identity.seal import Sealer
    from local.homes import require_home
    from monitoring.sealed import sealed_with_older

    ring = keyring.load(require_home(home).keyring)
    with Outbox(home.outbox) as outbox:
        anew = reseal(outbox, Sealer(ring), ring.sealing_version, now())
    click.echo(f"{anew} records in the outbox were sealed anew with key {ring.sealing_version}", err=True)
    if held := sealed_with_older(running_cluster(home), ring.sealing_version):
        told = ", ".join(f"{topic} {count}" for topic, count in sorted(held.items()))
        raise WorkFailedError(
            f"the topics hold messages sealed with an older key: {told}. Raw topics let go of them after 7 days, quarantine "
            "after 90 or by `nccid quarantine purge`, the embedded broker when it stops. No key was retired; do this again then"
        )
    retired = ", ".join(map(str, keyring.retire(home.keyring))) or "none"
    click.echo(f"retired: {retired}. Copy {home.keyring} to who pseudonymises, and delete older copies of it", err=True)


@keys.command("list")
@in_home
def keys_list(home: Home) -> None:
    """The versions in the keyring, without any secret."""
    from identity import keyring

    for key in keyring.versions(home.keyring):
        click.echo(f"{key.version}\t{key.created_at.isoformat()}" + ("\tretired" if key.is_retired else ""))
