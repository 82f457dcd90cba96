"""The outbox: in order, all or nothing, private, and sent only as far as this cluster says."""

import datetime as dt
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.sending.outbox import MAX_BYTES, Message, Outbox, OutboxError
from tests.edge_factories import NOON

WRITER = """
import datetime as dt, sys
from pathlib import Path
from edge.sending.outbox import Message, Outbox
name, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with Outbox(path) as outbox:
    for number in range(count):
        with outbox.transaction(dt.datetime.now(dt.UTC)) as transaction:
            transaction.add([Message(f"{name}-{number}", "topic", b"key", b"value")])
"""

HANGS_INSIDE = """
import datetime as dt, sys, time
from pathlib import Path
from edge.sending.outbox import Message, Outbox
with Outbox(Path(sys.argv[1])) as outbox, outbox.transaction(dt.datetime.now(dt.UTC)) as transaction:
    transaction.add(Message(f"late-{number}", "topic", b"key", b"v" * 2000) for number in range(5000))
    print("inside", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox.sqlite3"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    with Outbox(path) as opened:
        yield opened


def message(event: str, value: bytes = b"value") -> Message:
    return Message(event, "topic", b"key", value)


def put(outbox: Outbox, *events: str, now: dt.datetime = NOON) -> dt.datetime:
    with outbox.transaction(now) as transaction:
        transaction.add(message(event, event.encode()) for event in events)
        return transaction.instant


def waiting(outbox: Outbox, cluster: str = "one") -> list[str]:
    return [stored.value.decode() for stored in outbox.unsent(cluster, 100)]


def test_messages_wait_in_the_order_in_which_they_were_committed(outbox: Outbox) -> None:
    put(outbox, "b", "a")
    put(outbox, "c")
    assert waiting(outbox) == ["b", "a", "c"]
    assert [stored.value for stored in outbox.unsent("one", 2)] == [b"b", b"a"]


def test_what_a_cluster_has_acknowledged_waits_no_more_for_that_cluster_only(outbox: Outbox) -> None:
    put(outbox, "a", "b", "c")
    outbox.mark_sent("one", outbox.unsent("one", 2)[-1].id)
    assert (waiting(outbox, "one"), outbox.depth("one")) == (["c"], 1)
    assert (waiting(outbox, "two"), outbox.depth("two")) == (["a", "b", "c"], 3)


def test_a_mark_never_goes_back(outbox: Outbox) -> None:
    put(outbox, "a", "b")
    first, second = outbox.unsent("one", 2)
    outbox.mark_sent("one", second.id)
    outbox.mark_sent("one", first.id)
    assert outbox.depth("one") == 0


def test_an_event_is_kept_once(outbox: Outbox) -> None:
    put(outbox, "a", "b")
    with outbox.transaction(NOON) as transaction:
        assert transaction.add([message("a", b"other"), message("c", b"c")]) == 1
    assert waiting(outbox) == ["a", "b", "c"]


def test_an_exception_inside_a_transaction_undoes_all_of_it(outbox: Outbox) -> None:
    with pytest.raises(ZeroDivisionError), outbox.transaction(NOON) as transaction:
        transaction.add(message("a", bytes(1 // number)) for number in (1, 0))
    assert outbox.depth("one") == 0
    put(outbox, "b")
    assert waiting(outbox) == ["b"]


def test_instants_only_rise_also_when_the_clock_steps_back(outbox: Outbox) -> None:
    instants = [put(outbox, "a"), put(outbox, "b"), put(outbox, "c", now=NOON - dt.timedelta(days=1))]
    assert instants == [NOON + dt.timedelta(microseconds=step) for step in range(3)]
    assert put(outbox, "d", now=NOON + dt.timedelta(hours=1)) == NOON + dt.timedelta(hours=1)


def test_a_message_that_no_broker_takes_is_refused_with_all_of_its_transaction(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match="more than the 1,000,000"), outbox.transaction(NOON) as transaction:
        transaction.add([message("a"), message("b", b"v" * (MAX_BYTES + 1))])
    assert outbox.depth("one") == 0


def test_only_the_owner_can_read_the_file_its_log_and_its_folder(outbox: Outbox, path: Path) -> None:
    put(outbox, "a")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path.parent, *path.parent.iterdir())}
    assert modes == {"data": 0o700, **{f"outbox.sqlite3{end}": 0o600 for end in ("", "-wal", "-shm")}}


def test_several_processes_open_a_new_file_and_write_at_once(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, f"writer{each}", str(path), "40"]) for each in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    with Outbox(path) as outbox:
        stored = outbox.unsent("one", 1000)
        assert len(stored) == 160
        instants = [instant for (instant,) in outbox.query("SELECT created_at FROM message ORDER BY id")]
    assert instants == sorted(set(instants))


class Locked:
    """A connection to a file that another process is preparing at this moment."""

    def __init__(self, connection: sqlite3.Connection, times: int) -> None:
        self._connection = connection
        self._times = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, values: tuple[str | int | bytes, ...] = ()) -> sqlite3.Cursor:
        if sql == "PRAGMA journal_mode = WAL" and self._times:
            self._times -= 1
            raise sqlite3.OperationalError("database is locked")
        return self._connection.execute(sql, values)


def locked(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: Locked(connect(*given, **options), times))


def test_a_file_that_another_process_is_preparing_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked(monkeypatch, 3)
    with Outbox(path) as outbox:
        assert outbox.query("PRAGMA journal_mode") == [("wal",)]


def test_a_file_that_stays_locked_is_told_in_words(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked(monkeypatch, 3)
    monkeypatch.setattr("edge.sending.database._BUSY_SECONDS", 0.01)
    with pytest.raises(OutboxError, match="database is locked"):
        Outbox(path)


def test_a_process_killed_inside_a_transaction_leaves_nothing_and_no_lock(outbox: Outbox, path: Path) -> None:
    put(outbox, "before")
    with subprocess.Popen([sys.executable, "-c", HANGS_INSIDE, str(path)], stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"inside\n"
        os.kill(victim.pid, signal.SIGKILL)
    put(outbox, "after")
    assert waiting(outbox) == ["before", "after"]


def test_a_file_that_is_no_outbox_is_told_in_words(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"a letter to nobody, long enough to be taken for a page" * 100)
    with pytest.raises(OutboxError, match="cannot be used"):
        Outbox(path)


def test_an_outbox_of_another_version_is_left_alone(path: Path) -> None:
    Outbox(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(OutboxError, match="form 9, not 3"):
        Outbox(path)


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(OutboxError, match="see that the disk has room"):
        Outbox(tmp_path / "data" / "outbox.sqlite3")


def test_a_write_that_fails_is_told_in_words(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match="no such table"), outbox.transaction(NOON) as transaction:
        transaction.write("DELETE FROM nowhere")


def test_a_transaction_that_sqlite_has_ended_itself_is_told_in_words(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match="no transaction is active"), outbox.transaction(NOON) as transaction:
        transaction.write("ROLLBACK")
    put(outbox, "after")
    assert waiting(outbox) == ["after"]


def test_nothing_prints_what_a_message_holds() -> None:
    assert "value" not in repr(message("a")).replace("value=", "")
