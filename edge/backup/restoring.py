"""Restoring: a new home of a back-up and its keyring, if the back-up is whole and the two belong together.

reads   the folder that ``backing_up`` wrote, the keyring's copy
writes  a home, at once or not at all
rejects what is not finished, not whole, or was sealed with other keys
"""

import shutil
from pathlib import Path

import msgspec

from edge.backup import copying
from edge.backup.backing_up import Kept, samples
from edge.backup.copying import LIST, BackupError
from edge.store.folder import sync_folder
from identity import keyring
from identity.keyring import KeyringError
from identity.seal import Sealer, SealError
from schemas.home import Home


def restore(folder: Path, keys: Path, home: Home) -> Kept:
    """Makes a home of a back-up.

    Args:
        folder: the back-up.
        keys: the copy of the keyring.
        home: where nothing is yet.

    Returns:
        The back-up's list.

    Raises:
        BackupError: it is no back-up, not whole, or sealed with other keys; or something is at the new place already.
        KeyringError: the keyring cannot be used.
    """
    kept = _checked(folder)
    _require_opens(folder / "data" / home.outbox.name, keys)
    if home.root.exists():
        raise BackupError(f"{home.root} is there already; choose another --dir, or put it aside first. Nothing was changed")
    beside = Home(home.root.with_name(home.root.name + ".restoring"))
    shutil.rmtree(beside.root, ignore_errors=True)  # of a restore that was killed
    copying.make_folder(beside.root)
    for name in kept.files:
        copying.copy(folder / name, beside.root / name)
    copying.write(beside.keyring, keys.read_bytes())
    beside.root.rename(home.root)
    sync_folder(home.root.parent)
    return kept


def _checked(folder: Path) -> Kept:
    try:
        kept = msgspec.json.decode((folder / LIST).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        raise BackupError(f"{folder} is no finished back-up: it has no {LIST} that can be read. Nothing was changed") from None
    found = dict(copying.digests(folder))
    if spoilt := sorted(name for name in kept.files if found.get(name) != kept.files[name]):
        where = "an image" if spoilt[0].startswith("store/") else spoilt[0]  # names of images are pseudonyms
        raise BackupError(
            f"{folder} is not whole: {len(spoilt)} of {len(kept.files)} files are missing or changed, the first of them {where}; "
            "use another back-up. Nothing was changed"
        )
    return kept


def _require_opens(outbox: Path, keys: Path) -> None:
    """With another keyring the home would take what comes in and join it to nothing."""
    sealer = Sealer(keyring.load(keys))
    for record in samples(outbox):
        try:
            sealer.open(record.identity, f"{record.site}/{record.event}")
        except (SealError, KeyringError):
            raise BackupError(
                f"{keys} is not the keyring of this back-up: what was sealed with key {record.identity.key_version} does not "
                "open with it. Take the copy that was made after the last rotation before this back-up. Nothing was changed"
            ) from None
