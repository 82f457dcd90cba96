"""What a step keeps of one partition, on the disk of its worker (RocksDB), so that a restart does not read the topic anew.

The topic is the truth, this is a copy of it up to a position, which is written together with what was kept up to there: whoever
opens the copy reads the topic from that position on. Nothing here is ever ahead of the topic: records wait in memory until the
broker has them for good (``settle``). A copy that cannot be used, whatever the reason, is thrown away and read anew.
"""

import contextlib
import datetime as dt
import functools
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteBufferManager

log = logging.getLogger(__name__)

Read = TypeVar("Read")

FORMAT = 1
"""Of what is written here; a copy of another format is thrown away."""

MOST_WAITING = 200_000
"""Records that may wait in memory for a disk that takes none; then the worker ends."""

ROOM = 32 * 1024**2
"""Bytes that have to be free before a disk that took nothing is tried again."""

_VALUE, _DEADLINE, _ABOUT = b"v", b"d", b"about"
_WRITE_BUFFER = 8 * 1024**2  # bytes, for each partition
_CACHE, _BUFFERS = 128 * 1024**2, 64 * 1024**2  # bytes, for all partitions of a worker together; the buffers count as cache
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

DeadlineOf = Callable[[bytes], dt.datetime | None]
"""The deadline of a record that is kept."""


class DiskError(Exception):
    """The copy cannot be read, or not be written any more; says what to do."""


class OnDisk:
    """The records that a step keeps of a partition, for the most part on disk."""

    def __init__(self, folder: Path, identity: str, deadline_of: DeadlineOf | None) -> None:
        """Opens the copy in ``folder``, or begins an empty one; ``identity`` names the topic and the cluster that it is of.

        Raises:
            DiskError: the folder cannot be written.
        """
        self._folder = folder
        self._deadline_of = deadline_of
        self._waiting: dict[bytes, tuple[bytes, dt.datetime | None]] = {}  # until the broker has them for good
        self._fetched: dict[bytes, bytes | None] = {}
        self._is_full = False
        self._db, about = _opened(folder, identity)
        self._about = about
        self.position: int = about["position"]

    def expect(self, keys: Iterable[bytes]) -> None:
        """Fetches these together; one at a time takes four times as long."""
        wanted = [key for key in set(keys) if key not in self._waiting]
        values: Any = self._read(lambda: self._db.get([_VALUE + key for key in wanted])) if wanted else []
        self._fetched = dict(zip(wanted, values, strict=True))

    def get(self, key: bytes) -> bytes | None:
        """The latest record under a key."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting[0]
        if key in self._fetched:
            return self._fetched[key]
        found: bytes | None = self._read(lambda: self._db.get(_VALUE + key))
        return found

    def put(self, key: bytes, value: bytes, deadline: dt.datetime | None) -> None:
        """Keeps a record, and its deadline."""
        self._waiting[key] = (value, deadline)

    def forget(self, key: bytes) -> None:
        """Keeps nothing under this key any more."""
        self._waiting.pop(key, None)
        self._fetched.pop(key, None)
        self._read(lambda: self._db.delete(_VALUE + key))

    def values(self) -> Iterator[bytes]:
        """All that is kept."""
        for key, value in self._items(_VALUE):
            if key not in self._waiting:
                yield value
        yield from [value for value, _ in self._waiting.values()]

    def is_due(self, at: dt.datetime) -> bool:
        """Whether a deadline has passed, among what the broker has for good."""
        return next(self._passed(at), None) is not None

    def due(self, at: dt.datetime) -> list[bytes]:
        """The keys whose deadline has passed, earliest first."""
        return list(dict.fromkeys(self._passed(at)))

    def settle(self, position: int | None) -> None:
        """Writes what waited; where the disk takes nothing, it waits on.

        Raises:
            DiskError: too much is waiting.
        """
        if not self._waiting and position is None:
            return
        batch = WriteBatch(raw_mode=True)
        for key, (value, deadline) in self._waiting.items():
            batch.put(_VALUE + key, value)
            if deadline is not None:
                batch.put(_DEADLINE + _sortable(deadline) + key, b"")
        reached = self.position if position is None else position
        batch.put(_ABOUT, json.dumps({**self._about, "position": reached}).encode())
        try:
            self._reopen_if_there_is_room()
            self._db.write(batch)
        except Exception as error:  # noqa: BLE001  # rocksdict raises plain exceptions, of which the text alone tells
            self._not_written(error)
            return
        self.position = reached
        self._waiting.clear()
        self._fetched = {}
        self._is_full = False

    def close(self) -> None:
        """Closes the copy; what waited is on the topic, or was never written."""
        self._waiting.clear()
        self._let_go()

    def discard(self) -> None:
        """Throws the copy away: the next one is read from the topic."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _passed(self, at: dt.datetime) -> Iterator[bytes]:
        """Keys whose deadline has passed. A deadline that has moved left its old entry behind, which goes here."""
        old = []
        for entry, _ in self._items(_DEADLINE):
            deadline, key = _EPOCH + dt.timedelta(microseconds=int.from_bytes(entry[:8], "big")), entry[8:]
            if deadline > at:
                break
            kept = self.get(key)
            if kept is not None and self._deadline_of is not None and self._deadline_of(kept) == deadline:
                yield key
            elif key not in self._waiting:
                old.append(_DEADLINE + entry)
        for entry in old:
            self._db.delete(entry)

    def _items(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        items: Any = self._read(lambda: self._db.items(from_key=prefix))
        while (item := self._read(lambda: next(items, None))) is not None and item[0].startswith(prefix):
            yield item[0][len(prefix) :], item[1]

    def _read(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except Exception as error:  # noqa: BLE001  # rocksdict raises plain exceptions
            self.discard()
            raise DiskError(f"{self._folder} cannot be read any more ({type(error).__name__}) and was thrown away") from None

    def _let_go(self) -> None:
        with contextlib.suppress(Exception):  # of a write that has failed, once more
            self._db.close()

    def _reopen_if_there_is_room(self) -> None:
        """RocksDB takes nothing more after a write has failed, until it is opened anew; reading goes on meanwhile."""
        if not self._is_full or shutil.disk_usage(self._folder).free < ROOM:
            return
        self._let_go()
        self._db = Rdict(str(self._folder), _options())
        log.warning("%s takes records again", self._folder)

    def _not_written(self, error: Exception) -> None:
        if len(self._waiting) > MOST_WAITING:
            raise DiskError(
                f"{self._folder} has taken nothing for {len(self._waiting)} records: is there room, and may we write there?"
            ) from None
        if not self._is_full:
            log.error(
                "%s takes nothing (%s): is there room, and may we write there? The stream goes on, from memory, for %d records",
                self._folder,
                type(error).__name__,
                MOST_WAITING,
            )
        self._is_full = True


def _opened(folder: Path, identity: str) -> tuple[Rdict, dict[str, Any]]:
    """The copy in this folder if it is whole and of this topic; else an empty one."""
    fresh = {"format": FORMAT, "of": identity, "position": 0}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{folder} cannot be made ({error.strerror}): what the steps keep is to lie there") from None
    try:
        db = Rdict(str(folder), _options())
        about = json.loads(db.get(_ABOUT) or json.dumps(fresh))
        if about["format"] == FORMAT and about["of"] == identity and isinstance(about["position"], int):
            return db, about
        db.close()
        log.warning("%s is of another topic or an older version, and is thrown away: it is read anew from the topic", folder)
    except Exception as error:  # noqa: BLE001  # rocksdict raises plain exceptions
        log.warning("%s is damaged (%s) and is thrown away: it is read anew from the topic", folder, type(error).__name__)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Rdict(str(folder), _options()), fresh
    except Exception as error:  # noqa: BLE001  # as above
        raise DiskError(f"{folder} cannot be used ({type(error).__name__}): is there room, and may we write there?") from None


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_write_buffer_size(_WRITE_BUFFER)
    options.set_max_write_buffer_number(2)
    options.set_max_total_wal_size(4 * _WRITE_BUFFER)
    options.set_keep_log_file_num(2)
    table = BlockBasedOptions()
    table.set_bloom_filter(10, block_based=False)
    cache, buffers = _shared()
    table.set_block_cache(cache)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_manager(buffers)
    return options


@functools.cache
def _shared() -> tuple[Cache, WriteBufferManager]:
    """What all partitions of a worker have together, so that its memory does not depend on how many it has."""
    cache = Cache(_CACHE)
    return cache, WriteBufferManager.new_write_buffer_manager_with_cache(_BUFFERS, allow_stall=False, cache=cache)


def _sortable(at: dt.datetime) -> bytes:
    """Microseconds since 1970, so that earlier ones come first."""
    return max(0, round(at.timestamp() * 1e6)).to_bytes(8, "big")  # a float is exact enough until 2242
