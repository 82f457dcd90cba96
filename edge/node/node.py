"""``nccid node``: the processes of the image node, started, joined and stopped together. When one of them dies, all end.

reads   DICOM associations, the watched folder, the registry of sites, the rules, the keyring
writes  the store, the outbox: nccid.raw.images
keeps   in the outbox: images, studies, which of them are open
rejects see ``receiver`` and ``watcher``
"""

import datetime as dt
import gc
import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from edge.node.counting import NodeMetrics
from edge.node.desk import Desk
from edge.node.gate import Gate
from edge.node.receiver import Receiver
from edge.node.settings import NodeSettings, tls_context
from edge.node.stager import Kit
from edge.node.watcher import Watcher
from edge.node.writer import Writer
from edge.sending.outbox import Outbox
from edge.store.folder import Staging, Store
from edge.store.intake import Intake
from identity import keyring
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.home import Home
from schemas.metrics import NODE
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.rules import read_rules
from schemas.sites import Site, Sites, read_sites
from web.metrics import collectors, new_registry, serve_metrics

_log = logging.getLogger(__name__)
_FORK = multiprocessing.get_context("fork")  # before any thread is started: what is loaded is shared
_END_SECONDS = 3.0
_LOOK_SECONDS = 0.25


class NodeError(WorkFailedError):
    """The node cannot go on; says why."""


@dataclass(frozen=True, slots=True)
class _Stager:
    """A process that stages images: our ends of its lines, and the process."""

    gate: socket.socket
    desk: Connection
    process: ForkProcess


def callers(sites: Sites) -> Mapping[str, Site]:
    """The sites by AE title, as callers give it: outer spaces do not count (PS3.5 section 6.2).

    Raises:
        UnusableInputError: two sites would share a title, or none has any.
    """
    found: dict[str, Site] = {}
    for site in sites.values():
        for title in map(str.strip, site.ae_titles):
            if title in found:
                raise UnusableInputError(f"sites.toml: the AE title {title} belongs to {found[title].code} and to {site.code}")
            found[title] = site
    if not found:
        raise UnusableInputError("sites.toml: no site has an AE title (ae_titles), so nobody could call the node")
    return found


def run_node(home: Home, settings: NodeSettings, when_ready: Callable[[], None]) -> None:
    """Runs the node until SIGTERM or SIGINT.

    Raises:
        UnusableInputError: a file, a setting or the address cannot be used.
        WorkFailedError: the outbox or the store cannot be written, or one of the node's processes has ended.
    """
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    sites, rules, keys = read_sites(home.sites), read_rules(home.rules), keyring.load(home.keyring)
    pseudonymiser, store = Pseudonymiser(keys), Store(home.store)
    if settings.tls is not None:
        tls_context(settings.tls)  # so that it is said now, and by us
    with ExitStack() as stack:
        gate = Gate(settings.host, settings.port, settings.associations)
        stack.callback(gate.socket.close)
        staging = Staging(store)
        stack.callback(staging.close)
        kit = Kit(settings, store, staging, pseudonymiser, callers(sites), sites)
        stagers = _start(kit, gate)
        outbox = stack.enter_context(Outbox(home.outbox))
        intake = Intake(outbox, store, pseudonymiser, Sealer(keys))
        counting = _counting(settings, store, gate)
        writer = Writer(outbox, intake, sites, rules, counting, _now)
        if found := intake.recover(_now()):
            _log.info("%d images that had been taken before the last end are in their places now", found)
        _serve(gate, stagers, writer, stop, home, when_ready)


def _counting(settings: NodeSettings, store: Store, gate: Gate) -> NodeMetrics:
    registry = new_registry()
    metrics = NodeMetrics(collectors(NODE, registry), store.free, lambda: gate.lines)
    if settings.metrics is not None:
        host, port = settings.metrics
        _log.info("metrics are at http://%s:%d/metrics", host, serve_metrics(registry, host, port))
    return metrics


def _start(kit: Kit, gate: Gate) -> list[_Stager]:
    """The receivers, and the watcher behind them; each closes what is not its own, so that it sees when we end."""
    gc.collect()
    gc.freeze()  # what was loaded is looked at by no collection any more, in none of the processes, and so stays shared
    stagers: list[_Stager] = []
    roles = [*("receiver" for _ in range(kit.settings.receivers)), "watcher"]
    for role in roles:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        hearing, saying = _FORK.Pipe()
        others = [gate.socket, ours, hearing, *(end for each in stagers for end in (each.gate, each.desk))]
        process = _FORK.Process(target=_stage, args=(role, kit, theirs, saying, others), name=role, daemon=True)
        process.start()
        theirs.close()
        saying.close()
        stagers.append(_Stager(ours, hearing, process))
    return stagers


def _stage(role: str, kit: Kit, gate: socket.socket, saying: Connection, others: Sequence[socket.socket | Connection]) -> None:
    """A stager's whole life, in its own process."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # it ends when the gate does
    for other in others:
        other.close()
    desk = Desk(saying)
    (Receiver(kit, desk) if role == "receiver" else Watcher(kit, desk)).run(gate)
    os._exit(0)  # lines that are still open are cut; nothing of them was promised to anybody


def _serve(
    gate: Gate, stagers: Sequence[_Stager], writer: Writer, stop: threading.Event, home: Home, when_ready: Callable[[], None]
) -> None:
    receivers = [each.gate for each in stagers[:-1]]
    writing = threading.Event()
    for number, stager in enumerate(stagers):
        threading.Thread(target=writer.hear, args=(stager.desk, lambda number=number: gate.closed(number)), daemon=True).start()
    taking = threading.Thread(target=writer.run, args=(writing,), daemon=True)
    taking.start()
    threading.Thread(target=gate.serve, args=(receivers, stop), daemon=True).start()
    _log.info("the node listens on %s:%d", *gate.address)
    when_ready()
    try:
        _watch(stagers, taking, stop, home)
    finally:
        stop.set()
        for stager in stagers:
            stager.gate.close()
        _end(stagers)
        writing.set()
        taking.join(_END_SECONDS)


def _end(stagers: Sequence[_Stager]) -> None:
    """Waits a moment for those that are finishing something; what a killed one had staged is cleared up at the next start."""
    until = time.monotonic() + _END_SECONDS
    for stager in stagers:
        stager.process.join(max(0.0, until - time.monotonic()))
        if stager.process.is_alive():
            stager.process.kill()
            stager.process.join()


def _watch(stagers: Sequence[_Stager], taking: threading.Thread, stop: threading.Event, home: Home) -> None:
    """Until told to stop.

    Raises:
        NodeError: a part of the node has ended by itself.
    """
    began, said = _changed(home), False
    while not stop.wait(_LOOK_SECONDS):
        ended = [each.process.name for each in stagers if not each.process.is_alive()]
        if ended or not taking.is_alive():
            raise NodeError(f"the node's {ended[0] if ended else 'writer'} has ended; start the node again (`nccid up` does)")
        if not said and _changed(home) != began:
            _log.warning("sites.toml or rules.toml was changed; the node goes by what it read at its start: start it again")
            said = True


def _changed(home: Home) -> list[float]:
    return [path.stat().st_mtime if path.exists() else 0.0 for path in (home.sites, home.rules)]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
