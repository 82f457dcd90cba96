"""``nccid node``: the processes of the image node, started, joined and stopped together. When one of them dies, all end.

    reads   DICOM associations, the watched folder, the registry of sites, the rules, the keyring
    writes  the store, the outbox: nccid.raw.images
    keeps   in the outbox: images, studies, which of them are open
    rejects see ``receiver`` and ``watcher``
"""

import datetime as dt
import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess

from prometheus_client import CollectorRegistry

from edge.node.counting import NodeMetrics
from edge.node.desk import Desk
from edge.node.gate import Gate
from edge.node.receiver import Kit, Receiver, tls_context
from edge.node.settings import NodeSettings
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
from web.metrics import collectors, serve_metrics

_log = logging.getLogger(__name__)
_FORK = multiprocessing.get_context("fork")  # before any thread is started: what is loaded is shared
_END_SECONDS = 4.0


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
