"""Backing up: a home that is in use becomes a folder that a new home can be made of.

The outbox comes before the images: whatever it says is in the store is then in the back-up too. Images that came later may be
there as well, and do no harm. The keyring goes elsewhere: whoever has both can open everything.

    reads   the home
    writes  a new folder: settings, outbox, accounts, images, and last the list of it all
"""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from edge.backup import copying
from edge.backup.copying import LIST
from edge.sending.database import explained
from edge.store.folder import STAGING, Store
from identity import keyring
from schemas.home import Home
from schemas.records import Raw, Record, Time
from schemas.topics import RAW_IMAGES, RAW_ROWS, RAW_WIRE

SETTINGS = (
    "sites.toml",
    "rules.toml",
    "units.toml",
    "hub-tokens.json",
    "linkage-approvers.json",
    "data/linkage-log.jsonl",
)
"""Files that are copied as they are, where there are any."""


class Kept(Record, frozen=True, kw_only=True):
    """The list in a back-up: what it holds, and how to see that it is whole."""

    made_at: Time
    messages: int  # in the outbox
    key_versions: list[int]  # with which they were sealed
    files: dict[str, str]  # path -> SHA-256


def back_up(home: Home, into: Path, now: dt.datetime, *, images: bool = True) -> Kept:
    """Copies a home, all but its keyring, into a new folder; whatever runs on the home goes on.

    Args:
        home: to be backed up.
        into: a folder that is not there yet.
        now: the clock.
        images: the store too.

    Returns:
        The list of what was copied, which is in the folder as well.

    Raises:
        BackupError: the folder is there already.
        OutboxError, StoreError: something cannot be read or written; what was copied so far is of no use.
    """
    copying.make_folder(into)
    outbox, store = into / "data" / home.outbox.name, Store(home.store)
    if home.outbox.exists():
        with store.locked():  # no image is between the outbox and its place in the store
            copying.copy_database(home.outbox, outbox)
        _put_staged(outbox, store, into / "store" if images else None)
    if home.portal.exists():
        copying.copy_database(home.portal, into / "data" / home.portal.name)
    for name in SETTINGS:
        if (home.root / name).exists():
            copying.copy(home.root / name, into / name)
    if images:
        _copy_images(home.store, into / "store")
    kept = Kept(
        made_at=now,
        messages=_messages(outbox),
        key_versions=sorted(record.identity.key_version for record in samples(outbox)),
        files=dict(copying.digests(into)),
    )
    copying.write(into / LIST, msgspec.json.format(msgspec.json.encode(kept)))
    return kept


def back_up_keyring(home: Home, file: Path) -> None:
    """Copies the keyring to a place of its own.

    Raises:
        KeyringError: it cannot be used, so a copy of it would be of no use either.
        BackupError: the file is there already.
    """
    keyring.load(home.keyring)
    copying.write(file, home.keyring.read_bytes())


def samples(outbox: Path) -> Iterator[Raw]:
    """The latest sealed record under each version of the key; none where there is no outbox."""
    if not outbox.exists():
        return
    seen: set[int] = set()
    select = "SELECT value FROM message WHERE topic IN (?, ?) ORDER BY id DESC"
    with explained(outbox), closing(sqlite3.connect(outbox)) as connection:
        for (value,) in connection.execute(select, (RAW_ROWS.name, RAW_IMAGES.name)):
            record = RAW_WIRE.decode(value)
            if record.identity.key_version not in seen:
                seen.add(record.identity.key_version)
                yield record


def _messages(outbox: Path) -> int:
    if not outbox.exists():
        return 0
    with explained(outbox), closing(sqlite3.connect(outbox)) as connection:
        (messages,) = connection.execute("SELECT count(*) FROM message").fetchone()
    return int(messages)


def _put_staged(outbox: Path, store: Store, into: Path | None) -> None:
    """Files that a killed process had taken and not yet put into their places are in their places in the back-up."""
    with explained(outbox), closing(sqlite3.connect(outbox, isolation_level=None)) as connection:
        for staged, path in connection.execute("SELECT staged, path FROM placing").fetchall():
            if into is not None and store.is_staged(staged):
                copying.copy(store.root / STAGING / staged, into / path)
        connection.execute("DELETE FROM placing")


def _copy_images(store: Path, into: Path) -> None:
    for source in copying.files(store):
        name = source.relative_to(store)
        if name.parts[0].startswith(".") or (into / name).exists():
            continue
        try:
            copying.copy(source, into / name)
        except FileNotFoundError:
            continue  # its patient was taken out meanwhile
