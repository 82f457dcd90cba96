"""The intake: de-identified images become durable, together with what is reported of their studies, in one decision.

Each image lies complete and synced in a staging folder first. One transaction of the outbox then remembers the images, their
reports, and where each file belongs: its commit is the decision. Only after it are the files renamed into their places, and only
after that is anybody told of success. Whoever opens the store next clears up behind a process that was killed: staged files that
the outbox knows are put into their places, all others are deleted.

    reads   the staged files, the outbox
    writes  the store, the outbox: nccid.raw.images
    keeps   in the outbox, which file belongs where until it is known to be there
    rejects what belongs to a patient who has opted out
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edge.deidentify.deidentify import Deidentified
from edge.handed_in import note_images
from edge.images.headers import Instance
from edge.images.studies import Arrival, StudyBook
from edge.sending.outbox import Outbox, Transaction
from edge.store.clearing import clear
from edge.store.folder import Staging, Store
from identity import numbers
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.records import Origin
from schemas.sites import Site

_TIDY_AT = 1_000  # files in their places whose names are not synced yet


class Taken(StrEnum):
    """What came of an image that could be stored."""

    STORED = "stored"
    RESENT = "resent"  # it was in the store already
    WITHDRAWN = "withdrawn"  # its patient has opted out: it was dropped


@dataclass(frozen=True, slots=True)
class Staged:
    """An image that waits to be taken. ``folder``, ``study`` and ``file`` are pseudonymous names, ``staged`` that of the file."""

    instance: Instance = field(repr=False)
    patient: str
    study: str
    file: str  # in the study's folder
    staged: str

    def path(self, site: Site, file: str) -> str:
        """Where a file of this image's study lies in the store."""
        return f"{site.code}/{self.patient}/{self.study}/{file}"


def stage(found: Deidentified, staging: Staging) -> Staged:
    """Writes a de-identified image where it waits to be taken.

    Raises:
        StoreFullError, StoreError: it could not be written; nothing is left of it.
    """
    return Staged(
        instance=found.instance,
        patient=found.patient,
        study=found.study,
        file=f"{found.series}/{found.sop_instance}.dcm",
        staged=staging.write(found.parts),
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """An image and the door through which it came."""

    site: Site
    origin: Origin
    staged: Staged


class Intake:
    """Takes images, for one process; one thread at a time."""

    def __init__(self, outbox: Outbox, store: Store, pseudonymiser: Pseudonymiser, sealer: Sealer) -> None:
        self._outbox = outbox
        self._store = store
        self._pseudonymiser = pseudonymiser
        self._sealer = sealer
        self._placed: list[tuple[str, str]] = []

    def take(self, deliveries: Sequence[Delivery], now: dt.datetime, *, settled: bool) -> list[Taken]:
        """Takes all of them, or raises and has taken none that it does not say.

        Args:
            deliveries: of any sites and doors.
            now: the clock.
            settled: as ``StudyBook.take`` has it.

        Returns:
            What came of each, in their order. Nothing of it is lost from here on.

        Raises:
            OutboxError: nothing was taken.
            StoreError: what was taken could not all be put into its place; send everything again.
            KeyringError, SealError: a study is known from before under another keyring; nothing was taken.
        """
        placing: dict[str, str] = {}  # path -> staged
        with self._store.locked():
            with self._outbox.transaction(now) as transaction:
                taken = [self._sort(transaction, each, placing) for each in deliveries]
                self._remember(transaction, deliveries, taken, settled=settled)
                transaction.write_each("INSERT INTO placing VALUES (?, ?)", [(staged, path) for path, staged in placing.items()])
            for path, staged in placing.items():
                self._store.place(staged, path)
                self._placed.append((staged, path))
        for each, came_of_it in zip(deliveries, taken, strict=True):
            if came_of_it is not Taken.STORED:
                self._store.drop(each.staged.staged)
        if len(self._placed) >= _TIDY_AT:
            self.tidy(now)
        return taken

    def _sort(self, transaction: Transaction, delivery: Delivery, placing: dict[str, str]) -> Taken:
        site, staged = delivery.site, delivery.staged
        if self._has_opted_out(transaction, staged):
            return Taken.WITHDRAWN
        known = self.book(site, delivery.origin).file(transaction, staged.instance)
        path = staged.path(site, staged.file)
        if path in placing or (known and self._store.has(staged.path(site, known))):
            return Taken.RESENT
        placing[path] = staged.staged
        return Taken.STORED

    def _has_opted_out(self, transaction: Transaction, staged: Staged) -> bool:
        pseudonyms = [staged.patient]
        number = numbers.parse(staged.instance.patient_id.text)
        if isinstance(number, NhsNumber):
            pseudonyms.append(self._pseudonymiser.person(number))
        return any(transaction.query("SELECT 1 FROM message WHERE event = ?", f"withdrawn-{each}") for each in pseudonyms)

    def _remember(
        self, transaction: Transaction, deliveries: Sequence[Delivery], taken: Sequence[Taken], *, settled: bool
    ) -> None:
        """Counts what was taken, door by door; what came again is counted too, in case its study is not settled yet."""
        doors: dict[tuple[str, Origin], list[Delivery]] = {}
        files: dict[int, str | None] = {}
        for each, came_of_it in zip(deliveries, taken, strict=True):
            if came_of_it is not Taken.WITHDRAWN:
                doors.setdefault((each.site.code, each.origin), []).append(each)
                files[id(each)] = each.staged.file if came_of_it is Taken.STORED else None
        for group in doors.values():
            arrivals = [Arrival(each.staged.instance, files[id(each)]) for each in group]
            self.book(group[0].site, group[0].origin).take(transaction, arrivals, settled=settled)
            stored = sum(1 for arrival in arrivals if arrival.file)
            note_images(transaction, group[0].site.code, group[0].origin, taken=stored)

    def book(self, site: Site, origin: Origin) -> StudyBook:
        """Keeps count of a site's studies, at a door."""
        return StudyBook(site, origin, self._pseudonymiser, self._sealer)

    def tidy(self, now: dt.datetime) -> None:
        """Forgets which staged file belongs where, of those that are in their places for good.

        Raises:
            OutboxError, StoreError: it is still remembered.
        """
        if self._placed:
            self._store.sync(path for _, path in self._placed)
            with self._outbox.transaction(now) as transaction:
                transaction.write_each("DELETE FROM placing WHERE staged = ?", [(staged,) for staged, _ in self._placed])
            self._placed.clear()

    def recover(self, now: dt.datetime) -> int:
        """Clears up behind processes that were killed.

        Returns:
            How many files were put into their places.

        Raises:
            OutboxError, StoreError: it is to be done again.
        """
        found = 0
        with self._store.locked():
            for folder in self._store.abandoned():
                placed = list(self._recovered(folder))
                found += len(placed)
                self._store.sync(placed)
                with self._outbox.transaction(now) as transaction:
                    transaction.write("DELETE FROM placing WHERE staged GLOB ?", f"{folder}/*")
            clear(self._store, self._outbox, self._store.sites())
        return found

    def _recovered(self, folder: str) -> Iterator[str]:
        for staged, path in self._outbox.query("SELECT staged, path FROM placing WHERE staged GLOB ?", f"{folder}/*"):
            if self._store.is_staged(staged):
                self._store.place(staged, path)
                yield path
