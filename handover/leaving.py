"""Opting out reaches what was delivered: the files are listed for deletion, and deleted where the place is ours."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from handover import ledger
from handover.destination import Destination
from handover.layout import delivered_paths, patient_of
from handover.ledger import Delivered
from handover.once import file
from handover.plan import Plan


class Leaving:
    """Takes out who has opted out. The ledger says so first: whoever is killed in between is followed by one who goes on."""

    def __init__(
        self, destination: Destination, plan: Plan, today: dt.date, unfinished: set[dt.date], begin: Callable[[], None]
    ) -> None:
        self.patients = 0
        self.files = 0
        self._to, self._plan, self._today, self._begin = destination, plan, today, begin
        self._open = unfinished | {today}

    def kept(self, delivered: Delivered) -> Delivered:
        """What the ledger says of a patient who is not handed over any more."""
        if delivered.withdrawn_on is None and self._plan.has_opted_out(delivered.patient, delivered.person):
            delivered = self._marked(delivered)
        if self._to.owned and delivered.withdrawn_on in self._open:
            for each in delivered.files:
                self._to.delete(each.path)
        return delivered

    def _marked(self, delivered: Delivered) -> Delivered:
        self._begin()
        marked = replace(delivered, withdrawn_on=self._today)
        ledger.write(self._to, marked)
        self._to.settle()
        self.patients += 1
        self.files += len(marked.files)
        return marked

    def strays(self) -> Iterator[Delivered]:
        """Files of those who opted out that no ledger knows, since the export that put them was killed."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in delivered_paths(self._to):
            patient = patient_of(path)
            if patient and self._plan.has_opted_out(patient):
                found[patient].append(path)
        for patient, paths in sorted(found.items()):
            known = ledger.read(self._to, patient) or Delivered(patient, "")
            there = {each.path for each in known.files}
            digests = [(path, digest) for path in paths if path not in there and (digest := self._to.digest(path))]
            if digests:
                strays = [file(path, "image", self._today, digest) for path, digest in digests]
                yield self.kept(replace(known.more(strays), withdrawn_on=None))
