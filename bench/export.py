"""Exports in a second: `nccid export` of so many complete patients, its memory, and plain copying beside it.

The floor is what nobody can do without: each image copied, synced and hashed, by one loop that knows nothing else.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from bench.cases import case_record
from bench.images import SMALL, write_images
from bench.servers import broker
from schemas.coverage import CasesReconciled
from schemas.home import Home
from schemas.problems import WorkFailedError
from schemas.records import RowPseudonymised
from schemas.rules import DEFAULT
from schemas.templates import template
from schemas.topics import COVERAGE_STATUS, ROWS

Say = Callable[[str], None]

FULL = (1_000, 2_000, 5_000, 10_000, 20_000)
QUICK = (50, 100)
_SITES = 25
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class _Ran:
    """One command, from start to end."""

    seconds: float
    mib: float
    said: dict[str, Any]


def measure(sizes: tuple[int, ...], folder: Path | None, say: Say) -> dict[str, Any]:
    """Patients and images in a second, and memory, for each number of complete patients.

    Args:
        sizes: how many complete patients.
        folder: on the disk to be measured; else the system's temporary one.
        say: told what is going on.
    """
    found = [_size(patients, folder, say) for patients in sizes]
    grown = 1024 * (found[-1]["mib"] - found[0]["mib"]) / max(1, found[-1]["patients"] - found[0]["patients"])
    say(f"memory grows by {grown:.2f} KiB a patient from {found[0]['patients']:,} to {found[-1]['patients']:,}")
    return {"sizes": found, "kib_per_patient": round(grown, 3)}


def _size(patients: int, folder: Path | None, say: Say) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=folder, prefix="nccid-bench-") as name, broker(Path(name)) as address:
        root = Path(name)
        home = _home(root / "home")
        say(f"{patients:,} complete patients: making them")
        records = [case_record(number) for number in range(patients * 4 // 3)]  # three of four are complete
        images = _store(home.store, records, root)
        _publish(address, records)
        del records
        say(f"{patients:,} complete patients: exporting")
        first = _export(home, address, root / "out")
        say(f"{patients:,} complete patients: {first.seconds:.1f} s, {first.mib:.0f} MiB; once more, and copying alone")
        again = _export(home, address, root / "out")
        if first.said["images"] != images or again.said["delivered"]:
            raise WorkFailedError(f"the export did not do what it should: {first.said}, then {again.said}")
        floor = _copied(home.store, root / "copied")
    return {
        "patients": first.said["delivered"],
        "images": images,
        "seconds": round(first.seconds, 2),
        "patients_per_second": round(first.said["delivered"] / first.seconds, 1),
        "images_per_second": round(images / first.seconds, 1),
        "mib": round(first.mib, 1),
        "again_seconds": round(again.seconds, 2),
        "again_mib": round(again.mib, 1),
        "copying_seconds": round(floor, 2),
    }


def _home(root: Path) -> Home:
    home = Home(root)
    home.store.mkdir(parents=True)
    shutil.copyfile(DEFAULT, home.rules)
    site = '[[site]]\ncode = "SITE{0:02d}"\nname = "Invented {0:02d}"\npacs_identifier = "hospital"\n'
    site += 'hospital_number_pattern = "[A-Z]{{2}}[0-9]{{8}}"\nae_titles = ["AE{0:02d}"]\ncontact_email = "a@example.org"\n'
    home.sites.write_text("\n".join(site.format(number) for number in range(_SITES)), encoding="utf-8")
    home.keyring.touch(0o600)  # a home has one; an export does not read it
    return home


def _store(store: Path, records: list[CasesReconciled], root: Path) -> int:
    """One small image a study; their number."""
    (made,) = write_images(root / "one", SMALL, 1, 1)
    image = next(made.iterdir()).read_bytes()
    count = 0
    for case in (known.case for record in records for known in record.cases):
        for study in case.studies:
            path = store / case.site / case.patient / study / f"{study}.1" / f"{study}.1.1.dcm"
            path.parent.mkdir(parents=True)
            path.write_bytes(image)
            count += 1
    return count


def _publish(address: str, records: list[CasesReconciled]) -> None:
    producer = KafkaProducer(bootstrap_servers=address, linger_ms=20)
    for record in records:
        producer.send(COVERAGE_STATUS.name, COVERAGE_STATUS.wire.encode(record), key=record.match.encode())
        for row in _rows(record):
            producer.send(ROWS.name, ROWS.wire.encode(row), key=record.match.encode())
    producer.flush()
    producer.close()


def _rows(record: CasesReconciled) -> Iterator[RowPseudonymised]:
    for case in (known.case for known in record.cases):
        if case.main is not None:
            yield RowPseudonymised(
                event=f"{case.main.upload}-{case.main.row}", site=case.site, kind="positive", upload=case.main.upload,
                uploaded_at=case.main.uploaded_at, row=case.main.row, patient=case.patient, person=case.main.person,
                match=record.match, nhs_sealed=None, key_version=1, form=case.main.form, swab_date=case.main.swab_date,
                result=None, values=_VALUES,
            )  # fmt: skip


_VALUES = {
    column.key: "2020-05-12" if column.type == "date" else next(iter(column.codes), "12")
    for column in template("positive").columns
    if column.type not in {"nhs_or_chi", "hospital_number"}
}
"""A row with every cell filled."""


def _export(home: Home, address: str, to: Path) -> _Ran:
    command = [str(Path(sys.executable).with_name("nccid")), "export", "--dir", str(home.root), "--to", str(to), "--json"]
    began, most = time.monotonic(), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, env={**os.environ, "NCCID_BOOTSTRAP": address})
        while process.poll() is None:
            most = max(most, _most_held(process.pid))
            time.sleep(_LOOK_SECONDS)
        seconds = time.monotonic() - began
        if process.returncode:
            raise WorkFailedError("the export failed; its words stand above")
        said.seek(0)
        return _Ran(seconds, most / 1024, json.loads(said.read()))


def _most_held(pid: int) -> int:
    """KiB of memory that a process has held at most; the kernel's own account for its parent begins with the parent's memory."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    return 0


def _copied(store: Path, to: Path) -> float:
    """Seconds for copying, syncing and hashing every image of the store."""
    to.mkdir()
    began = time.monotonic()
    for number, path in enumerate(sorted(store.rglob("*.dcm"))):
        content = path.read_bytes()
        hashlib.sha256(content).hexdigest()
        with (to / f"{number}.dcm").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    return time.monotonic() - began
