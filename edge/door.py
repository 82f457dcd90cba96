"""The hospital's own process: opens a home for one site, and offers what a nurse or a PACS department does there.

Spreadsheets, images and Kafka each come with a large library, which is imported by the one command that needs it: so each answers
soon.
"""

import datetime as dt
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.handed_in import Sender
from edge.sending.outbox import Outbox
from identity import keyring
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.home import Home
from schemas.kafka import KafkaSettings
from schemas.problems import UnusableInputError
from schemas.records import Kind
from schemas.sites import Site, read_sites

if TYPE_CHECKING:
    from edge.images.send_images import ImagesAnswer
    from edge.upload import Progress, UploadAnswer
    from edge.withdraw import WithdrawalAnswer
    from schemas.records import PatientWithdrawn


@dataclass(frozen=True, slots=True)
class Door:
    """One site's way in."""

    site: Site
    outbox: Outbox
    store: Path
    pseudonymiser: Pseudonymiser
    sealer: Sealer

    def upload(
        self,
        path: Path,
        kind: Kind,
        *,
        dry_run: bool = False,
        progress: "Progress | None" = None,
        sender: Sender = Sender(),  # noqa: B008  # it cannot change
    ) -> "UploadAnswer":
        """Checks a spreadsheet and takes its rows; see ``edge.upload``."""
        from edge.upload import submit_upload

        return submit_upload(
            path,
            self.site,
            kind,
            self.outbox,
            self.pseudonymiser,
            self.sealer,
            _now(),
            dry_run=dry_run,
            progress=progress,
            sender=sender,
        )

    def send_images(self, paths: Sequence[Path], *, progress: "Progress | None" = None) -> "ImagesAnswer":
        """Takes images from files and folders; see ``edge.images.send_images``."""
        from edge.images.send_images import send_images
        from edge.store.folder import Store

        store = Store(self.store)
        return send_images(paths, self.site, self.outbox, store, self.pseudonymiser, self.sealer, _now(), progress=progress)

    def withdraw(self, numbers: Sequence[str]) -> "WithdrawalAnswer":
        """Takes patients out who have opted out; see ``edge.withdraw``."""
        from edge.store.clearing import cleared
        from edge.store.folder import Store
        from edge.withdraw import Withdrawal

        with cleared(Store(self.store), self.outbox, self.site.code):
            return Withdrawal(self.site, self.outbox, self.pseudonymiser, self.sealer)(numbers, _now())

    def forget(self, opted_out: "Sequence[PatientWithdrawn]") -> int:
        """Deletes what is here of patients who opted out elsewhere; see ``edge.forget``."""
        from edge.forget import Forgetting
        from edge.holding import Holding
        from edge.store.clearing import cleared
        from edge.store.folder import Store

        with cleared(Store(self.store), self.outbox, self.site.code):
            return Forgetting(Holding(self.site, self.pseudonymiser, self.sealer), self.outbox)(opted_out, _now())


@contextmanager
def open_door(home: Home, code: str) -> Iterator[Door]:
    """The door of the site with this code.

    Raises:
        UnusableInputError: no home, no such site, a keyring that cannot be used.
        OutboxError: the outbox cannot be opened.
    """
    site = site_of(home, code)
    keys = keyring.load(home.keyring)
    with Outbox(home.outbox) as outbox:
        yield Door(site, outbox, home.store, Pseudonymiser(keys), Sealer(keys))


def site_of(home: Home, code: str) -> Site:
    """The site with this code.

    Raises:
        UnusableInputError: no registry, or no such site in it.
    """
    sites = read_sites(home.sites)
    if code not in sites:
        raise UnusableInputError(f"there is no site {code[:40]!r} in {home.sites}; there are {', '.join(sorted(sites))}")
    return sites[code]


def run_sender(home: Home, kafka: KafkaSettings, when_ready: Callable[[], None], metrics: tuple[str, int] | None = None) -> None:
    """Drains the outbox until SIGTERM or SIGINT.

    Args:
        home: whose outbox.
        kafka: the cluster.
        when_ready: called when it begins.
        metrics: host and port for ``/metrics``, if it is to be served.
    """
    from edge.sending.counting import SenderMetrics
    from edge.sending.sender import Sender

    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    counting = SenderMetrics()
    if metrics is not None:
        counting.serve(*metrics)
    with Outbox(home.outbox) as outbox:
        when_ready()
        Sender(outbox, kafka, counting).run(stop)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
