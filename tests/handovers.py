"""An export without a broker: the topology in memory, a store with files that pydicom wrote, and a destination."""

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pydicom

from handover.cleaning.units import own_units
from handover.destination import Destination
from handover.export import Export
from handover.folder import Folder
from handover.layout import Layout, Raw
from handover.outcome import Outcome
from handover.plan import Plan, Planner
from handover.putting import Given
from handover.verify import Verdict, Verify
from identity.pseudonyms import Pseudonymiser
from schemas.records import RowPseudonymised
from schemas.topics import COVERAGE_STATUS, PERSON_WITHDRAWALS, ROWS, WITHDRAWALS
from tests.edge_factories import dicom_file
from tests.factories import (
    ANN,
    BOB,
    CAT,
    FILMED,
    KEYRING,
    NOON,
    RR1,
    RR2,
    RULES,
    SITES,
    Flow,
    Sent,
    hospital_number,
    raw_row,
    raw_study,
)

TODAY = dt.date(2020, 6, 1)
TOMORROW = TODAY + dt.timedelta(days=1)


def pseudonym(own: str = RR1, code: str = "RDGM") -> str:
    return Pseudonymiser(KEYRING).patient(SITES[code], hospital_number(own))


def study_uid(short: str) -> str:
    return Pseudonymiser(KEYRING).uid(short)


def store_image(store: Path, own: str = RR1, study: str = "S1", instance: str = "I1", code: str = "RDGM", **header: Any) -> Path:  # noqa: ANN401  # as pydicom's own setters
    """A file where the node's store has it, header and names of pseudonyms."""
    patient, uid, series, sop = pseudonym(own, code), study_uid(study), study_uid(f"{study}/series"), study_uid(instance)
    path = store / code / patient / uid / series / f"{sop}.dcm"
    named = {"PatientID": patient, "PatientName": patient, "StudyInstanceUID": uid, "SeriesInstanceUID": series}
    usual = {"SOPInstanceUID": sop, "Modality": "DX", "StudyDate": f"{FILMED:%Y%m%d}"}
    return dicom_file(path, **(named | usual | header))


@dataclass
class Handover:
    """A flow, its store, and where it is exported to."""

    root: Path
    layout: Layout = field(default_factory=lambda: Raw("nccid"))
    flow: Flow = field(default_factory=Flow)
    to: Destination | None = None
    training: int = 80
    restores: bool = False

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def tree(self) -> Path:
        return self.root / "out"

    @property
    def destination(self) -> Destination:
        return self.to or Folder(self.tree)

    def arrives(self, *records: Sent) -> "Handover":
        self.flow.arrives(*records)
        return self

    def complete(
        self,
        own: str = RR1,
        nhs_number: str | None = ANN,
        *,
        kind: Literal["positive", "negative"] = "positive",
        site: str = "RDGM",
        study: str | None = None,
        instances: Sequence[str] = (),
        values: dict[str, str] | None = None,
        at: dt.datetime = NOON,
    ) -> "Handover":
        """A patient with a row and a study of one image, in the store too."""
        study = study or f"S-{site}-{own}"
        names = instances or [f"{study}-1"]
        for name in names:
            store_image(self.store, own, study, name, site)
        row = raw_row(nhs_number=nhs_number, hospital_number=own, site=site, kind=kind, uploaded_at=at, values=values)
        film = raw_study(patient_id=own, site=site, study=study, instances={"DX": len(names)}, received_at=at)
        return self.arrives(row, film)

    def plan(self) -> Plan:
        planner = Planner(RULES)
        topics = self.flow.broker.topics
        for _, value in topics[COVERAGE_STATUS.name]:
            planner.published(COVERAGE_STATUS.wire.decode(value))
        for _, value in topics[WITHDRAWALS.name]:
            planner.opted_out(WITHDRAWALS.wire.decode(value))
        for _, value in topics[PERSON_WITHDRAWALS.name]:
            planner.opted_out(PERSON_WITHDRAWALS.wire.decode(value))
        return planner.plan()

    def rows(self) -> list[RowPseudonymised]:
        return [ROWS.wire.decode(value) for _, value in self.flow.broker.topics[ROWS.name]]

    def given(self, today: dt.date = TODAY) -> Given:
        return Given(self.destination, self.layout, self.store, SITES, own_units(), today, self.training, self.restores)

    def export(self, today: dt.date = TODAY) -> Outcome:
        with Export(self.given(today), self.plan()) as turn:
            turn.take(self.rows())
            return turn.finish()

    def verify(self, today: dt.date = TODAY) -> Verdict:
        with Verify(self.given(today), self.plan()) as turn:
            turn.take(self.rows())
            return turn.finish()

    def delivered(self) -> list[str]:
        """What lies in the tree for the warehouse, without what is ours."""
        ours = ("ledger/", "manifests/", "unfinished/", "cleaned/", "layout.json")
        return sorted(path for path in self.destination.paths("") if not path.startswith(ours))

    def json(self, path: str) -> Any:  # noqa: ANN401  # JSON
        content = self.destination.get(path)
        assert content is not None, path
        return json.loads(content)

    def manifest(self, day: dt.date = TODAY) -> Any:  # noqa: ANN401  # JSON
        return self.json(f"manifests/{day.isoformat()}.json")


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def image_name(own: str, instance: str, code: str = "RDGM") -> str:
    return f"{pseudonym(own, code)}_{study_uid(instance)}"


def read(path: Path) -> pydicom.Dataset:
    return pydicom.dcmread(path)


__all__ = ["ANN", "BOB", "CAT", "RR1", "RR2"]
