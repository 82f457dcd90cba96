"""What is to be put for one patient: the clinical record before the images, each once."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from handover import clinical, images, ledger
from handover.cleaning.record import cleaned_record
from handover.cleaning.units import Units
from handover.destination import Destination, digest_of_content
from handover.layout import Image, Layout, Side, cleaned, metadata
from handover.ledger import Delivered, File, What
from handover.once import Once
from handover.plan import Plan
from handover.publishable import Publishable
from handover.restoring import Restoring
from handover.split import side_for
from schemas.records import RowPseudonymised
from schemas.sites import Site, Sites

Job = Callable[[], list[File]]
"""Puts one file, or an image with its header beside it; in any thread."""


@dataclass(frozen=True, slots=True)
class Given:
    """What an export is given."""

    destination: Destination
    layout: Layout
    store: Path
    sites: Sites
    units: Units
    today: dt.date
    training: int = 80  # per cent
    restores: bool = False  # puts back what was delivered and is missing


@dataclass(slots=True)
class Work:
    """What is to be done for one patient."""

    before: Delivered
    jobs: list[Job] = field(default_factory=list)
    held: bool = False  # a new version waits for tomorrow: there is a record of today already
    awaited: int = 0  # studies of which the store has fewer images than were reported
    restoring: Restoring | None = None


class Putting:
    """Knows what is there already."""

    def __init__(self, given: Given, plan: Plan, unfinished: set[dt.date]) -> None:
        """Takes over where the exports before left off.

        Args:
            given: as the export has it.
            plan: who may be handed over.
            unfinished: the days on which an export was killed: there may be files that no ledger knows.
        """
        self._given, self._plan = given, plan
        self._once = Once(given.destination, given.today, unfinished)
        self._to = given.destination
        self._sides: dict[str, Side] = {}  # of those whose ledger is not written yet

    def written(self) -> None:
        """All ledgers are written: what they say need not be remembered."""
        self._sides.clear()

    def before(self, case: Publishable, is_known: bool) -> Delivered:  # noqa: FBT001  # one of two columns that a pool maps
        """What was delivered of a patient before; nothing where there is no ledger."""
        kept = ledger.read(self._to, case.patient) if is_known else None
        return kept or Delivered(case.patient, case.row.site, case.person)

    def work(self, case: Publishable, row: RowPseudonymised, before: Delivered) -> Work:
        """What is to be put of one patient."""
        if before.withdrawn_on is not None:  # the ledger outlives the topics
            return Work(before)
        side = self._side(case, before)
        work = Work(replace(before, person=case.person, side=side if self._given.layout.sorted_in else None))
        content = clinical.encoded(clinical.record(row, self._given.sites[row.site]))
        latest = before.latest
        if latest is None or latest.sha256 != digest_of_content(content).sha256:
            if latest is not None and latest.day >= self._given.today:
                work.held = True
            else:
                work.jobs += self._clinical(row, self._given.sites[row.site], content, side)
        self._images(case, side, work)
        if self._given.restores:
            self._restore(case, row, content, work)
        return work

    def _restore(self, case: Publishable, row: RowPseudonymised, content: bytes, work: Work) -> None:
        typed = clinical.encoded(cleaned_record(row, self._given.sites[row.site], self._given.units))
        work.restoring = Restoring(self._to, self._given.store / case.row.site / case.patient, (content, typed))
        work.jobs += work.restoring.jobs(work.before)

    def _side(self, case: Publishable, before: Delivered) -> Side:
        if not self._given.layout.sorted_in:
            return "training"
        side = before.side
        if side is None:
            same = self._plan.same_person(case.person)
            decided = [known for each in same if (known := self._decided(each)) is not None]
            side = side_for(case.patient, same, decided, self._given.training)
        self._sides[case.patient] = side
        return side

    def _decided(self, patient: str) -> Side | None:
        if patient in self._sides:
            return self._sides[patient]
        kept = ledger.read(self._to, patient)
        return kept.side if kept else None

    def _clinical(self, row: RowPseudonymised, site: Site, content: bytes, side: Side) -> Iterator[Job]:
        layout, word = self._given.layout, clinical.file_word(row)
        what: What = "data" if word == "data" else "status"
        typed = clinical.encoded(cleaned_record(row, site, self._given.units))
        yield lambda: self._once.version(lambda day: layout.clinical(row.patient, word, day, side), what, content)
        yield lambda: self._once.version(lambda day: cleaned(row.patient, day), "cleaned", typed)

    def _images(self, case: Publishable, side: Side, work: Work) -> None:
        there = {file.source for file in work.before.files if file.what == "image"}
        taken = {_stem(file.path) for file in work.before.files if file.what == "image"}
        for study, reported in case.studies:
            found = list(images.stored(self._given.store, case.row.site, case.patient, study))
            work.awaited += len(found) < reported
            for image in found:
                if image.source not in there:
                    taken.add(name := free(f"{case.patient}_{image.instance}", taken))
                    work.jobs.append(self._image(image, case.patient, name, side))

    def _image(self, image: images.Stored, patient: str, name: str, side: Side) -> Job:
        def put() -> list[File]:
            try:
                head = images.header(image.path) if self._given.layout.sorted_in else None
                named = Image(patient, image.study, image.series, name, head.modality if head else None)
                path = self._given.layout.image
                files = [self._once.put(lambda day: path(named, day, side), "image", image.path, image.source)]
            except FileNotFoundError:  # taken out of the store at this moment
                return []
            if head is not None:
                content = clinical.encoded(head.json)
                files.append(self._once.put(lambda _: metadata(named, side), "metadata", content, image.source))
            return files

        return put


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".dcm")


def free(name: str, taken: set[str]) -> str:
    """The name, or the next one that is not taken: a PACS may have one SOP Instance UID in two series."""
    number, chosen = 1, name
    while chosen in taken:
        number += 1
        chosen = f"{name}_{number}"
    return chosen
