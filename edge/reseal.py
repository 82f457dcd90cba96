"""Sealing anew what the outbox holds, with the newest key, so that an older one can be retired.

reads   the outbox: messages and the reports of studies
writes  the same, each sealed with the newest key; nothing else of it is changed, and nothing is sent again
"""

import datetime as dt
from collections.abc import Iterator

from msgspec.structs import replace

from edge.sending.outbox import Outbox, Transaction
from identity.seal import Sealer
from schemas.records import Raw
from schemas.topics import RAW_IMAGES, RAW_ROWS, RAW_WIRE

Changed = tuple[bytes, int]
"""The record as it is to be, and its row."""


def reseal(outbox: Outbox, sealer: Sealer, newest: int, now: dt.datetime) -> int:
    """Seals with the newest key what was sealed with an older one, and overwrites what was there.

    Args:
        outbox: the home's; other processes may use it meanwhile, if they have the newest key.
        sealer: opens all, and seals with the newest.
        newest: that key's version.
        now: the clock.

    Returns:
        How many records were sealed anew.

    Raises:
        KeyringError, SealError: one does not open; nothing was changed.
        OutboxError: the file cannot be read or written; nothing was changed.
    """
    with outbox.transaction(now) as transaction:
        transaction.query("PRAGMA secure_delete = ON")
        messages = list(_resealed(transaction, "message", "value", sealer, newest))
        studies = list(_resealed(transaction, "study", "report", sealer, newest))
        transaction.write_each("UPDATE message SET value = ? WHERE id = ?", messages)
        transaction.write_each("UPDATE study SET report = ? WHERE id = ?", studies)
    outbox.query("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds what was there before
    return len(messages) + len(studies)


def _resealed(transaction: Transaction, table: str, column: str, sealer: Sealer, newest: int) -> Iterator[Changed]:
    select = f"SELECT id, {column} FROM {table}"  # noqa: S608  # names of our own, above
    raw = f" WHERE topic IN ('{RAW_ROWS.name}', '{RAW_IMAGES.name}')" if table == "message" else ""
    for row, value in transaction.query(select + raw):
        record = RAW_WIRE.decode(value)
        if record.identity.key_version != newest:
            yield RAW_WIRE.encode(_sealed_anew(record, sealer)), row


def _sealed_anew(record: Raw, sealer: Sealer) -> Raw:
    context = f"{record.site}/{record.event}"
    return replace(record, identity=sealer.seal(sealer.open(record.identity, context), context))
