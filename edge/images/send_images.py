"""DICOM files and folders in, without a PACS: what they are, and reports of their studies in the outbox."""

import datetime as dt
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.images.folders import Found, files
from edge.images.headers import Excluded, Instance, read_image
from edge.images.studies import StudyBook
from edge.sending.outbox import Outbox
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from schemas.records import Record
from schemas.sites import Site

_BATCH = 500  # files read before what was found is committed

Progress = Callable[[int, int | None], None]
"""Told now and then: files done, and files in all where that is known."""


class FileProblem(Record, frozen=True, kw_only=True):
    """A file that was not taken, and why. The path is the user's own, for the user's own screen."""

    file: str
    problem: str


class ImagesAnswer(Record, frozen=True, kw_only=True):
    """What ``nccid send-images --json`` prints."""

    studies: int  # distinct studies of the images taken
    instances: int  # images read that can be used, also where they had come before
    accepted: int  # those of them that are durably counted: all of them, once this answer is given
    failed: tuple[FileProblem, ...]  # to be put right
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


def send_images(
    paths: Sequence[Path],
    site: Site,
    outbox: Outbox,
    pseudonymiser: Pseudonymiser,
    sealer: Sealer,
    now: dt.datetime,
    progress: Progress | None = None,
) -> ImagesAnswer:
    """Reads every file under the paths and commits what was found, some hundred files at a time.

    Raises:
        OutboxError: something could not be stored; the files committed before stay, and sending all again is safe.
        KeyringError, SealError: a study is known from before under another keyring.
    """
    book = StudyBook(site, "send-images", pseudonymiser, sealer)
    tally = _Tally()
    total = sum(1 for _ in files(paths)) if progress else None
    batch: list[Instance] = []
    for count, found in enumerate(files(paths), start=1):
        _sort(found, batch, tally)
        if len(batch) == _BATCH:
            _commit(batch, book, outbox, now, tally)
        if progress:
            progress(count, total)
    _commit(batch, book, outbox, now, tally)
    return tally.answer()


def _sort(found: Found, batch: list[Instance], tally: _Tally) -> None:
    """Reads one file and puts it where it belongs."""
    if found.excluded:
        tally.excluded.append(_problem(found.path, found.excluded))
    elif found.failed:
        tally.failed.append(_problem(found.path, found.failed))
    else:
        match read_image(found.path):
            case Instance() as instance:
                batch.append(instance)
            case Excluded(problem):
                tally.excluded.append(_problem(found.path, problem))
            case unusable:
                tally.failed.append(_problem(found.path, unusable.problem))


def _commit(batch: list[Instance], book: StudyBook, outbox: Outbox, now: dt.datetime, tally: _Tally) -> None:
    """Makes a batch durable, and empties it."""
    if batch:
        with outbox.transaction(now) as transaction:
            tally.studies |= book.take(transaction, batch, settled=True)
        tally.accepted += len(batch)
        batch.clear()


def _problem(path: Path, problem: str) -> FileProblem:
    return FileProblem(file=os.fsencode(path).decode("utf-8", "replace"), problem=problem)
