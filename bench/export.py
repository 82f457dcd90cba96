"""Exports in a second: `nccid export` of so many complete patients, its memory, and plain copying beside it.

The floor is what nobody can do without: each image copied, synced and hashed, by one loop that knows nothing else.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases import case_record
from bench.complete import fill_store, make_home, publish
from bench.servers import broker
from schemas.home import Home
from schemas.problems import WorkFailedError

Say = Callable[[str], None]

FULL = (1_000, 2_000, 5_000, 10_000, 20_000)
QUICK = (50, 100)
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
        home = make_home(root / "home")
        say(f"{patients:,} complete patients: making them")
        records = [case_record(number) for number in range(patients * 4 // 3)]  # three of four are complete
        images = fill_store(home.store, records, root)
        publish(address, records)
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
