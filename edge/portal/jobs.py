"""Uploads under way: each is checked and sent by a thread of its own while the page asks how far it is.

A finished one is kept for a while, for its result page: findings, which name no patient. The file itself is kept only where it
was refused, so that a copy with its faults marked can be made of it: in memory alone, for a quarter of an hour, or until logout.
"""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from edge.door import open_door
from edge.handed_in import Sender
from edge.portal.accounts import Account, Now
from edge.portal.memory_file import MemoryFile
from edge.upload import UploadAnswer
from schemas.home import Home
from schemas.problems import UnusableInputError, WorkFailedError
from schemas.records import Kind

log = logging.getLogger(__name__)

AT_ONCE = 2
RESULT_SECONDS = 60 * 60
FILE_SECONDS = 15 * 60
SAME_SECONDS = 60
"""The very same bytes for the same sheet within this time are a double click, and lead to the same result."""

MOST_KEPT = 200
MOST_FILES = 10

Stage = Literal["waiting", "checking", "done"]


@dataclass
class Job:
    """One upload."""

    id: str
    account: Account
    owner: str  # the session that may have the file back
    kind: Kind
    digest: bytes = field(repr=False)
    file: MemoryFile = field(repr=False)
    begun_at: int
    stage: Stage = "waiting"
    done: int = 0
    total: int | None = None
    answer: UploadAnswer | None = None
    trouble: str | None = None  # why there is no answer
    finished: "Future[None]" = field(default_factory=Future, repr=False)

    @property
    def percent(self) -> int:
        """How far the check is; 100 once all is over."""
        if self.stage == "done":
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0

    @property
    def accepted(self) -> bool:
        """Whether its rows are on their way."""
        return self.answer is not None and self.answer.accepted

    @property
    def wrong_section(self) -> bool:
        """Whether it is the other sheet, and belongs on the other page."""
        return self.answer is not None and any("it was uploaded under" in each.problem for each in self.answer.errors)

    @property
    def may_mark(self) -> bool:
        """Whether a copy with marks can be made: the file is here still, and faults have a place in it."""
        return self.answer is not None and not self.file.closed and any(each.sheet for each in self.answer.errors)

    def told(self, done: int, total: int | None) -> None:
        """Told by the check how far it is."""
        self.done, self.total = done, total


class Jobs:
    """All uploads of a portal since it started."""

    def __init__(self, home: Home, now: Now, when_done: Callable[[Job], None]) -> None:
        self._home = home
        self._now = now
        self._when_done = when_done
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, "upload")

    def begin(self, account: Account, owner: str, kind: Kind, file: MemoryFile) -> Job:
        """Starts an upload, or answers the one that the very same file has started a moment ago. The file is taken over."""
        with self._lock:
            self._tidy()
            if same := self._same(account, owner, kind, file):
                file.close()
                return same
            job = Job(secrets.token_urlsafe(16), account, owner, kind, file.digest, file, self._now())
            self._jobs[job.id] = job
        self._threads.submit(self._run, job)
        return job

    def find(self, name: str, account: Account) -> Job | None:
        """An upload, for somebody of the site that it was made for."""
        with self._lock:
            self._tidy()
            job = self._jobs.get(name)
        return job if job is not None and job.account.site == account.site else None

    def forget_files(self, owner: str) -> None:
        """At logout: no file of that session stays."""
        with self._lock:
            for job in self._jobs.values():
                if job.owner == owner and job.stage == "done":
                    job.file.close()

    def close(self) -> None:
        """Lets what runs come to its end, since it may have begun to send."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for job in self._jobs.values():
            job.file.close()

    def _same(self, account: Account, owner: str, kind: Kind, file: MemoryFile) -> Job | None:
        for job in self._jobs.values():
            alike = job.owner == owner and job.kind == kind and job.account.name == account.name and job.digest == file.digest
            if alike and (job.stage != "done" or self._now() - job.begun_at <= SAME_SECONDS):
                return job
        return None

    def _tidy(self) -> None:
        """Forgets what is old, and what is more than can be kept."""
        now = self._now()
        over = [job for job in self._jobs.values() if job.stage == "done"]
        for place, job in enumerate(reversed(over)):  # the newest first
            age = now - job.begun_at
            if age > FILE_SECONDS or place >= MOST_FILES:
                job.file.close()
            if age > RESULT_SECONDS or place >= MOST_KEPT:
                del self._jobs[job.id]

    def _run(self, job: Job) -> None:
        job.stage = "checking"
        try:
            with open_door(self._home, job.account.site) as door:
                job.answer = door.upload(job.file.path, job.kind, progress=job.told, sender=Sender("portal", job.account.name))
        except (UnusableInputError, WorkFailedError) as error:
            job.trouble = str(error)
        except Exception as error:  # noqa: BLE001  # a bug, of whatever kind; its text may hold a cell
            log.error("an upload of a %s sheet failed: %s", job.kind, type(error).__name__)  # noqa: TRY400  # the traceback too
            job.trouble = "The file could not be read, for a reason that is not its own. Tell whoever runs this portal."
        if job.answer is None or job.answer.accepted:
            job.file.close()
        job.stage = "done"
        with contextlib.suppress(Exception):
            self._when_done(job)
        job.finished.set_result(None)
