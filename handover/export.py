"""One export: what is complete goes to the destination, what has opted out goes from it; done again, it does nothing.

Order is what makes it safe to be killed: files first, then the patient's ledger, which says that they are there, then the
manifest of the day. Before the first file a marker says that this day is unfinished; whoever comes next looks there for files
that no ledger knows yet, takes over those that are as they should be, and writes the manifest.

    reads      the plan, the rows of nccid.rows, the store of images, the ledgers
    writes     clinical records, their typed copies, images, ledgers, manifests
    keeps      in the destination: the ledgers
    leaves out what is not complete, has no site in the registry, or has opted out
"""

import contextlib
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Self, TypeVar

import msgspec

from handover import ledger
from handover.aside import Names
from handover.layout import LAYOUT, UNFINISHED
from handover.leaving import Leaving
from handover.ledger import Delivered
from handover.manifest import Spool, spools
from handover.outcome import Outcome
from handover.plan import Plan
from handover.publishable import Publishable
from handover.putting import Given, Putting
from schemas.problems import UnusableInputError
from schemas.records import RowPseudonymised

_BATCH = 32
"""Patients whose files are put before their ledgers are written."""

T = TypeVar("T")


class Export:
    """One turn. A context manager: it holds the destination, and threads."""

    def __init__(self, given: Given, plan: Plan) -> None:
        self._given, self._plan, self._to = given, plan, given.destination
        self.outcome = Outcome(complete=len(plan))
        self._begun = False
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._to.alone())
            self._pool = stack.enter_context(ThreadPoolExecutor(self._to.workers))
            self._require_layout()
            self._unfinished = {dt.date.fromisoformat(path.removeprefix(UNFINISHED)) for path in self._to.paths(UNFINISHED)}
            self._seen = stack.enter_context(closing(Names()))
            self._known = stack.enter_context(closing(Names(ledger.patients(self._to))))
            self._spools: list[Spool] = spools(self._unfinished | {self._given.today}, self._given.layout.name, stack)
            self._putting = Putting(self._given, self._plan, self._unfinished)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _require_layout(self) -> None:
        """One destination has one layout for ever, or everything would be there twice."""
        kept, wanted = self._to.get(LAYOUT), msgspec.json.encode({"layout": self._given.layout.name})
        if kept is None:
            self._to.put(LAYOUT, wanted)
        elif kept != wanted:
            raise UnusableInputError(
                f"this destination was begun with another layout ({kept.decode(errors='replace')}); export to another one"
            )

    def take(self, rows: Iterable[RowPseudonymised]) -> None:
        """Delivers what belongs to these rows, as far as they count; any order, any number of times."""
        for batch in _batches(pair for row in rows if (pair := self._wanted(row)) is not None):
            self._deliver(batch)

    def _wanted(self, row: RowPseudonymised) -> tuple[Publishable, RowPseudonymised] | None:
        case = self._plan.of(row.patient)
        if case is None or row.patient in self._seen or not case.row.is_of(row):
            return None
        if row.site not in self._given.sites:
            self.outcome.unknown_site += 1
            return None
        self._seen.add(row.patient)
        return case, row

    def _deliver(self, batch: Sequence[tuple[Publishable, RowPseudonymised]]) -> None:
        cases = [case for case, _ in batch]
        before = self._pool.map(self._putting.before, cases, [case.patient in self._known for case in cases])
        works = [self._putting.work(case, row, kept) for (case, row), kept in zip(batch, before, strict=True)]
        if any(work.jobs for work in works):
            self._begin()
        done = self._pool.map(lambda job: job(), [job for work in works for job in work.jobs])
        after = [work.before.more([file for _ in work.jobs for file in next(done)]) for work in works]
        self._to.settle()  # files first, then what says that they are there
        changed = [now for now, work in zip(after, works, strict=True) if len(now.files) > len(work.before.files)]
        list(self._pool.map(lambda delivered: ledger.write(self._to, delivered), changed))
        self._to.settle()
        self._putting.written()
        for work, now in zip(works, after, strict=True):
            self.outcome.count(work, now)
        self._tell(after)

    def _begin(self) -> None:
        """Says that this day's manifest is not right any more, before the first file is put."""
        if not self._begun:
            self._begun = True
            self._to.put(f"{UNFINISHED}{self._given.today.isoformat()}", b"")
            self._to.settle()

    def _tell(self, delivered: Iterable[Delivered]) -> None:
        for each in delivered:
            for spool in self._spools:
                spool.add(each)

    def finish(self) -> Outcome:
        """Takes out who has opted out, and writes the manifests; to be called when all rows were taken."""
        leaving = Leaving(self._to, self._plan, self._given.today, self._unfinished, self._begin)
        for batch in _batches(patient for patient in self._known if patient not in self._seen):
            found = self._pool.map(lambda patient: ledger.read(self._to, patient), batch)
            self._tell([leaving.kept(each) for each in found if each is not None])
        if self._unfinished:
            self._tell(leaving.strays())
        self.outcome.withdrawn, files = leaving.patients, leaving.files
        self.outcome.deleted, self.outcome.to_delete = (files, 0) if self._to.owned else (0, files)
        if self._begun or self._unfinished:
            self._close()
        return self.outcome

    def _close(self) -> None:
        for spool in self._spools:
            if not spool.is_empty:
                spool.write(self._to)
        self._to.settle()
        for day in self._unfinished | {self._given.today}:
            self._to.delete(f"{UNFINISHED}{day.isoformat()}")
        self._to.settle()


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(things)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
