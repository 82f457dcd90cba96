"""The outbox: what the edge took in, on disk before anyone is told so, and how far each broker has acknowledged it.

All that one upload or one batch of images leads to is one transaction, so that a crash leaves all of it or nothing. No identifier
lies in it in clear: ``schema.sql`` says what is sealed and what is keyed.

"Sent" holds for one cluster only. A broker with another cluster id has acknowledged nothing yet and is sent everything again, in
the original order: so the embedded one, empty at each start and with a new id, is filled.
"""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from edge.sending import database
from edge.sending.database import OutboxError

__all__ = ["MAX_BYTES", "Message", "Outbox", "OutboxError", "Stored", "Transaction"]

MAX_BYTES = 1_000_000
"""The longest message: what a broker takes as it is delivered (``message.max.bytes``), less room for key and framing."""

Value = str | int | bytes | None


@dataclass(frozen=True, slots=True)
class Message:
    """One record on its way to a topic."""

    event: str
    topic: str
    key: bytes
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it lies in the outbox; ids are in the order of commitment."""

    id: int
    topic: str
    key: bytes
    value: bytes = field(repr=False)


class Transaction:
    """All or nothing: what is written through it is there when the ``with`` of ``Outbox.transaction`` has ended."""

    def __init__(self, connection: sqlite3.Connection, instant: dt.datetime) -> None:
        self._connection = connection
        self.instant = instant
        """When it happened: later than any transaction before it."""

    def add(self, messages: Iterable[Message]) -> int:
        """Puts messages behind all others; an event that is there already is left as it is.

        Returns:
            How many were new.

        Raises:
            OutboxError: a message is longer than a broker takes; it would wait for ever, and all others behind it.
        """
        created = database.microseconds(self.instant)
        rows = ((each.event, each.topic, each.key, _sendable(each.value), created) for each in messages)
        insert = "INSERT OR IGNORE INTO message (event, topic, key, value, created_at) VALUES (?, ?, ?, ?, ?)"
        return self._connection.executemany(insert, rows).rowcount

    def query(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Rows, those written in this transaction among them."""
        return self._connection.execute(sql, values).fetchall()

    def write(self, sql: str, *values: Value) -> None:
        """One statement."""
        self._connection.execute(sql, values)

    def write_each(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """One statement for each row of values."""
        self._connection.executemany(sql, rows)


class Outbox:
    """The outbox in a file. Several processes may have it open; one ``Outbox`` is for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it.

        Raises:
            OutboxError: it cannot be made or read, is no outbox, or was made by another version.
        """
        self.path = path
        self._connection = database.connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self, now: dt.datetime) -> Iterator[Transaction]:
        """One transaction, alone among all processes; an exception inside undoes it.

        Args:
            now: the clock, aware; the transaction's instant is at least one microsecond after the last one's.

        Raises:
            OutboxError: the file cannot be written (disk full, another writer for a minute).
        """
        with database.explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection, database.next_instant(self._connection, now))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Rows of what is committed.

        Raises:
            OutboxError: the file cannot be read.
        """
        with database.explained(self.path):
            return self._connection.execute(sql, values).fetchall()

    def unsent(self, cluster: str, limit: int) -> list[Stored]:
        """The oldest messages that this cluster has not acknowledged, in order."""
        select = "SELECT id, topic, key, value FROM message WHERE id > ? ORDER BY id LIMIT ?"
        return [Stored(*row) for row in self.query(select, self._through(cluster), limit)]

    def mark_sent(self, cluster: str, through: int) -> None:
        """This cluster has acknowledged every message up to and with this id."""
        upsert = "INSERT INTO sent VALUES (?, ?) ON CONFLICT (cluster) DO UPDATE SET through = max(through, excluded.through)"
        with database.explained(self.path):
            self._connection.execute(upsert, (cluster, through))

    def depth(self, cluster: str) -> int:
        """How many messages this cluster has not acknowledged."""
        return int(self.query("SELECT count(*) FROM message WHERE id > ?", self._through(cluster))[0][0])

    def _through(self, cluster: str) -> int:
        rows = self.query("SELECT through FROM sent WHERE cluster = ?", cluster)
        return int(rows[0][0]) if rows else 0


def _sendable(value: bytes) -> bytes:
    if len(value) > MAX_BYTES:
        raise OutboxError(f"a row holds {len(value):,} bytes of text, more than the {MAX_BYTES:,} that can be sent; shorten it")
    return value
