"""What an export did, in counts."""

from dataclasses import dataclass, fields

from handover.ledger import Delivered
from handover.putting import Work


@dataclass(slots=True)
class Outcome:
    """What an export did."""

    complete: int = 0  # patients who may be handed over
    delivered: int = 0  # of them, those of whom something new went
    data: int = 0
    status: int = 0
    images: int = 0
    held: int = 0  # new versions that wait for tomorrow, since there is a record of today
    awaited: int = 0  # studies of which the store has fewer images than were reported
    unknown_site: int = 0
    restored: int = 0  # files that were missing and are there again
    lost: int = 0  # files that are missing, and what they held is not to be had
    withdrawn: int = 0  # patients
    deleted: int = 0  # files
    to_delete: int = 0  # files that are listed, in a place that is not ours

    def as_json(self) -> dict[str, int]:
        """The form of ``nccid export --json``."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def count(self, work: Work, now: Delivered) -> None:
        """Counts what was done for one patient, of whom ``now`` is delivered what the ledger says."""
        new = [file.what for file in now.files[len(work.before.files) :]]
        self.delivered += bool(new)
        self.data += new.count("data")
        self.status += new.count("status")
        self.images += new.count("image")
        self.held += work.held
        self.awaited += work.awaited
        if work.restoring is not None:
            self.restored += len(work.restoring.restored)
            self.lost += len(work.restoring.lost)
