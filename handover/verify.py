"""Verify: a delivered tree compared with what it should be, file by file: missing, changed, extra, and what is still to be done.

reads  the plan, the rows of nccid.rows, the store, the ledgers, every delivered file
finds  missing      a ledger names it, and it is not there
changed      it holds something else than was delivered, or than the row and the store hold now
extra        nobody delivered it
undelivered  it may be handed over and was not
to-delete    its patient has opted out
doubtful     its patient is not complete any more; nothing is taken back by itself
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Self

from handover import clinical, images, ledger
from handover.aside import Names
from handover.destination import digest_of_content, digest_of_file
from handover.layout import delivered_paths
from handover.ledger import Delivered
from handover.plan import Plan
from handover.publishable import Publishable
from handover.putting import Given
from schemas.records import RowPseudonymised

What = Literal["missing", "changed", "extra", "undelivered", "to-delete", "doubtful"]

_MOST = 10_000
"""Differences that are told one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be; named by pseudonyms."""

    what: What
    path: str


@dataclass(slots=True)
class Verdict:
    """What was found."""

    patients: int = 0
    files: int = 0
    held: int = 0  # new versions that wait for tomorrow
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the tree is as it should be; a doubt is no fault of the tree."""
        return not (set(self.counts) - {"doubtful"})

    def add(self, what: What, path: str) -> None:
        """Counts a difference."""
        self.counts[what] += 1
        if len(self.differences) < _MOST:
            self.differences.append(Difference(what, path))

    def as_json(self) -> dict[str, object]:
        """The form of ``nccid export --verify --json``."""
        told = [{"what": each.what, "path": each.path} for each in self.differences]
        return {
            "ok": self.ok,
            "patients": self.patients,
            "files": self.files,
            "held": self.held,
            "counts": dict(sorted(self.counts.items())),
            "differences": told,
        }


class Verify:
    """Compares; changes nothing. A context manager."""

    def __init__(self, given: Given, plan: Plan) -> None:
        self._given, self._plan, self._to = given, plan, given.destination
        self.verdict = Verdict()
        self._seen, self._paths = Names(), Names()  # patients; all that ledgers name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()
        self._paths.close()

    def take(self, rows: Iterable[RowPseudonymised]) -> None:
        """Compares what was delivered with these rows, as far as they count."""
        for row in rows:
            case = self._plan.of(row.patient)
            if case is None or row.patient in self._seen or not case.row.is_of(row) or row.site not in self._given.sites:
                continue
            self._seen.add(row.patient)
            kept = ledger.read(self._to, row.patient) or Delivered(row.patient, row.site)
            self._compare(kept, row)
            self._compare_images(kept, case)

    def _compare(self, kept: Delivered, row: RowPseudonymised) -> None:
        content = clinical.encoded(clinical.record(row, self._given.sites[row.site]))
        latest = kept.latest
        if latest is None:
            self.verdict.add("undelivered", f"{row.patient}_{clinical.file_word(row)}.json")
        elif latest.sha256 != digest_of_content(content).sha256:
            if latest.day >= self._given.today:
                self.verdict.held += 1
            else:
                self.verdict.add("undelivered", f"{row.patient}_{clinical.file_word(row)}.json")

    def _compare_images(self, kept: Delivered, case: Publishable) -> None:
        delivered = {file.source: file for file in kept.files if file.what == "image"}
        for study, _ in case.studies:
            for image in images.stored(self._given.store, case.row.site, case.patient, study):
                file = delivered.get(image.source)
                if file is None:
                    self.verdict.add("undelivered", f"{case.patient}/{image.source}.dcm")
                elif digest_of_file(image.path).sha256 != file.sha256:
                    self.verdict.add("changed", file.path)

    def finish(self) -> Verdict:
        """Compares the tree with the ledgers; to be called when all rows were taken."""
        for patient in ledger.patients(self._to):
            if (kept := ledger.read(self._to, patient)) is not None:
                self.verdict.patients += 1
                self._paths.add(*(file.path for file in kept.files))
                self._compare_files(kept)
        for path in delivered_paths(self._to):
            if path not in self._paths:
                self.verdict.add("extra", path)
        return self.verdict

    def _compare_files(self, kept: Delivered) -> None:
        gone = kept.withdrawn_on is not None or self._plan.has_opted_out(kept.patient, kept.person)
        for file in kept.files:
            self.verdict.files += 1
            digest = self._to.digest(file.path)
            if gone:
                if digest is not None:
                    self.verdict.add("to-delete", file.path)
            elif digest is None:
                self.verdict.add("missing", file.path)
            elif digest.sha256 != file.sha256:
                self.verdict.add("changed", file.path)
        if not gone:
            for path in self._doubtful(kept):
                self.verdict.add("doubtful", path)

    def _doubtful(self, kept: Delivered) -> Iterator[str]:
        """What was right to hand over once, and would not be now."""
        case = self._plan.of(kept.patient)
        studies = {study for study, _ in case.studies} if case else set()
        for file in kept.files:
            if case is None or (file.source and file.source.partition("/")[0] not in studies):
                yield file.path
