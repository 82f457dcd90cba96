"""Answers of the hospital's commands: as JSON of the contract, and in words for a person at a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

if TYPE_CHECKING:  # each comes with a large library, which only its own command needs
    from edge.images.send_images import FileProblem, ImagesAnswer
    from edge.spreadsheets.findings import Finding
    from edge.upload import Progress as Told
    from edge.upload import UploadAnswer

_MOST = 50  # findings shown one by one; --json has all of them


def answer_json(answer: "UploadAnswer | ImagesAnswer") -> str:
    """The answer as one JSON document."""
    return msgspec.json.encode(answer).decode()


@contextmanager
def waiting(doing: str) -> "Iterator[Told]":
    """A progress bar on stderr, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def upload_words(answer: "UploadAnswer", file: Path, *, dry_run: bool) -> str:
    """What became of a spreadsheet: errors first, each with its cell, then warnings, then the outcome."""
    lines = [*_listed("ERROR  ", answer.errors), *_listed("warning", answer.warnings), _outcome(answer, file, dry_run=dry_run)]
    return "\n".join(lines)


def _listed(label: str, findings: "tuple[Finding, ...]") -> Iterator[str]:
    for finding in findings[:_MOST]:
        named = (finding.sheet and f"[{finding.sheet}]", finding.cell, finding.column and f"({finding.column})")
        place = " ".join(filter(None, named))
        expected = f"\n         {finding.expected}" if finding.expected else ""
        yield f"{label}  {place + ': ' if place else ''}{finding.problem}{expected}"
    if len(findings) > _MOST:
        yield f"{label}  ... and {len(findings) - _MOST} more; --json lists all of them"


def _outcome(answer: "UploadAnswer", file: Path, *, dry_run: bool) -> str:
    if not answer.accepted:
        return f"{file.name} was NOT sent: nothing of it has left. Correct what is listed above and upload it again."
    if dry_run:
        return f"{file.name} is correct ({answer.rows} rows). Nothing was sent, since this was a dry run."
    return f"{file.name} was accepted: {answer.rows} rows are on their way."


def images_words(answer: "ImagesAnswer") -> str:
    """What became of the files: those that failed, those held back and those left out, then the outcome."""
    held = [each for each in answer.failed if each.is_held]
    failed = [each for each in answer.failed if not each.is_held]
    lines = [*_files("FAILED  ", failed), *_files("HELD    ", held), *_files("left out", answer.excluded)]
    outcome = f"{answer.accepted} images of {answer.studies} studies were accepted"
    left = f"{len(failed)} files failed, {len(held)} are held back and need a look, {len(answer.excluded)} were left out"
    return "\n".join([*lines, f"{outcome}; {left}."])


def _files(label: str, problems: "Iterable[FileProblem]") -> Iterator[str]:
    listed = list(problems)
    for each in listed[:_MOST]:
        yield f"{label}  {each.file}: {each.reason}"
    if len(listed) > _MOST:
        yield f"{label}  ... and {len(listed) - _MOST} more; --json lists all of them"
