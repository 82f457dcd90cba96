"""Images as the node takes them, without a node: for tests that need no association."""

import datetime as dt
from contextlib import closing
from pathlib import Path

from edge.deidentify.deidentify import Deidentified, Deidentifier
from edge.door import Door
from edge.store.folder import Staging, Store
from edge.store.intake import Delivery, Intake, stage


def taken_from_pacs(door: Door, folder: Path, now: dt.datetime) -> None:
    """Takes each file of a folder, and leaves its study open: more of it may be on its way."""
    store = Store(door.store)
    with closing(Staging(store)) as staging:
        intake = Intake(door.outbox, store, door.pseudonymiser, door.sealer)
        deidentifier = Deidentifier(door.site, door.pseudonymiser)
        deliveries = []
        for path in sorted(folder.iterdir()):
            image = deidentifier.file(path)
            assert isinstance(image, Deidentified)
            deliveries.append(Delivery(door.site, "node", stage(image, staging)))
        intake.take(deliveries, now, settled=False)
        intake.tidy(now)
