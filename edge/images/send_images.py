"""DICOM files and folders in, without a PACS: de-identified into the store, and reports of their studies in the outbox."""

import datetime as dt
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from edge.deidentify.deidentify import Deidentified, Deidentifier, Held
from edge.handed_in import note_images
from edge.images.folders import Found, files
from edge.images.headers import Excluded
from edge.sending.outbox import Outbox
from edge.store.folder import Staging, Store
from edge.store.intake import Delivery, Intake, Staged, Taken, stage
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.records import Record
from schemas.sites import Site

_BATCH = 200  # files staged before they are committed
_HELD = "held back: "
_OPTED_OUT = "the patient has opted out; nothing of it was kept"

Progress = Callable[[int, int | None], None]
"""Told now and then: files done, and files in all where that is known."""


class FileProblem(Record, frozen=True, kw_only=True):
    """A file that was not taken, and why. The path is the user's own, for the user's own screen."""

    file: str
    problem: str

    @property
    def is_held(self) -> bool:
        """Whether it is an image, and not taken since it may show who the patient is."""
        return self.problem.startswith(_HELD)

    @property
    def reason(self) -> str:
        """What is wrong, without what it led to."""
        return self.problem.removeprefix(_HELD)


class ImagesAnswer(Record, frozen=True, kw_only=True):
    """What ``nccid send-images --json`` prints."""

    studies: int  # distinct studies of the images taken
    instances: int  # images read that can be used, also where they had come before
    accepted: int  # those of them that are durably counted: all of them, once this answer is given
    failed: tuple[FileProblem, ...]  # to be put right, or looked at: those that are held back say so
    excluded: tuple[FileProblem, ...]  # left out on purpose


@dataclass(slots=True)
class _Tally:
    """What has come of the files so far."""

    studies: set[str] = field(default_factory=set)
    accepted: int = 0
    failed: list[FileProblem] = field(default_factory=list)
    excluded: list[FileProblem] = field(default_factory=list)

    def answer(self) -> ImagesAnswer:
        return ImagesAnswer(
            studies=len(self.studies),
            instances=self.accepted,
            accepted=self.accepted,
            failed=tuple(self.failed),
            excluded=tuple(self.excluded),
        )


@dataclass(slots=True)
class _Sending:
    """One command at work."""

    site: Site
    deidentifier: Deidentifier
    staging: Staging
    intake: Intake
    now: dt.datetime
    tally: _Tally = field(default_factory=_Tally)
    batch: list[tuple[Path, Staged]] = field(default_factory=list)

    def take(self, found: Found) -> None:
        """Reads one file and puts it where it belongs."""
        if found.excluded:
            self.tally.excluded.append(_problem(found.path, found.excluded))
        elif found.failed:
            self.tally.failed.append(_problem(found.path, found.failed))
        else:
            match self.deidentifier.file(found.path):
                case Deidentified() as image:
                    self.batch.append((found.path, stage(image, self.staging)))
                case Excluded(problem):
                    self.tally.excluded.append(_problem(found.path, problem))
                case Held(problem):
                    self.tally.failed.append(_problem(found.path, _HELD + problem))
                case unusable:
                    self.tally.failed.append(_problem(found.path, unusable.problem))
        if len(self.batch) == _BATCH:
            self.commit()

    def commit(self) -> None:
        """Makes a batch durable, and empties it."""
        deliveries = [Delivery(self.site, "send-images", staged) for _, staged in self.batch]
        taken = self.intake.take(deliveries, self.now, settled=True) if deliveries else []
        for (path, staged), came_of_it in zip(self.batch, taken, strict=True):
            if came_of_it is Taken.WITHDRAWN:
                self.tally.excluded.append(_problem(path, _OPTED_OUT))
            else:
                self.tally.accepted += 1
                self.tally.studies.add(staged.study)
        self.batch.clear()


def send_images(  # noqa: PLR0913  # what a command is made of, and by whom; the door names each
    paths: Sequence[Path],
    site: Site,
    outbox: Outbox,
    store: Store,
    pseudonymiser: Pseudonymiser,
    sealer: Sealer,
    now: dt.datetime,
    *,
    progress: Progress | None = None,
) -> ImagesAnswer:
    """Reads every file under the paths, de-identifies it, and commits what was found, some hundred files at a time.

    Raises:
        OutboxError, StoreError: something could not be stored; what was committed before stays, and sending all again is safe.
        KeyringError, SealError: a study is known from before under another keyring.
    """
    with closing(Staging(store)) as staging:
        intake = Intake(outbox, store, pseudonymiser, sealer)
        intake.recover(now)
        sending = _Sending(site, Deidentifier(site, pseudonymiser), staging, intake, now)
        total = sum(1 for _ in files(paths)) if progress else None
        for count, found in enumerate(files(paths), start=1):
            sending.take(found)
            if progress:
                progress(count, total)
        sending.commit()
        intake.tidy(now)
    if sending.tally.failed:
        with outbox.transaction(now) as transaction:
            note_images(transaction, site.code, "send-images", problems=len(sending.tally.failed))
    return sending.tally.answer()


def _problem(path: Path, problem: str) -> FileProblem:
    return FileProblem(file=os.fsencode(path).decode("utf-8", "replace"), problem=problem)
