"""``nccid bench upload``: a large workbook through `nccid upload`, beside programs that only read it."""

import contextlib
import datetime as dt
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from bench.figures import ratios, spread
from bench.machine import machine, versions_of
from bench.peers_environment import peers_python
from bench.pseudonymous import course
from bench.raw import nhs_numbers
from bench.rivals import OWN
from schemas.problems import WorkFailedError
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Column, template

Say = Callable[[str], None]
OURS = "nccid upload"
_LOOK_SECONDS = 0.02
_READING = {
    "openpyxl": "import openpyxl, sys; [row for each in openpyxl.load_workbook(sys.argv[1], read_only=True) for row in each]",
    "pandas": "import pandas, sys; pandas.read_excel(sys.argv[1], sheet_name=None, dtype=object)",
}


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    rows: int
    runs: int


FULL, QUICK = Extent(20_000, 5), Extent(200, 1)


@dataclass(frozen=True, slots=True)
class Ran:
    """One program, from start to end."""

    seconds: float
    busy: float  # seconds of processor time
    mib: float  # at most
    said: bytes


def measure(extent: Extent, folder: Path | None, say: Say) -> dict[str, Any]:
    """Uploads a workbook of so many rows to a new home, run by run, and has others read the same file.

    Raises:
        WorkFailedError: a program fails, or the upload is not accepted whole.
    """
    rows, runs = extent.rows, extent.runs
    about, peers = machine(), peers_python(say)
    found: dict[str, list[Ran]] = {}
    with tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as name:
        book = Path(name) / "positive.xlsx"
        say(f"writing a workbook of {rows:,} rows")
        write_book(book, rows)
        for run in range(runs):
            ran = {OURS: _upload(Path(name) / f"home{run}", book, rows)}
            ran |= {f"{each}, reading alone": _run([str(peers), "-c", words, str(book)]) for each, words in _READING.items()}
            for each, result in ran.items():
                found.setdefault(each, []).append(result)
                say(f"run {run + 1} of {runs}, {each}: {result.seconds:.1f} s, {result.mib:.0f} MiB")
        size = book.stat().st_size
    ours = [each.seconds for each in found[OURS]]
    return {
        "machine": {**about, **versions_of(peers, "openpyxl", "pandas")},
        "rows": rows,
        "book_mib": round(size / 2**20, 1),
        "runs": runs,
        "programs": {
            each: {
                "seconds": spread([ran.seconds for ran in results]),
                "busy_seconds": spread([ran.busy for ran in results]),
                "mib": spread([ran.mib for ran in results], 0),
                "upload_to_this": ratios(ours, [ran.seconds for ran in results]),
            }
            for each, results in found.items()
        },
    }


def write_book(path: Path, rows: int) -> None:
    """A main sheet with every cell filled."""
    sheet_of = template("positive")
    book = Workbook(write_only=True)
    sheet = book.create_sheet(sheet_of.sheet)
    sheet.append([column.header for column in sheet_of.columns])
    for number, nhs in zip(range(rows), nhs_numbers(), strict=False):
        own = {NHS_KEY: nhs, HOSPITAL_KEY: f"RR{number + 1:08d}"}
        sheet.append([_cell(column, {**course(number), **own}) for column in sheet_of.columns])
    book.save(path)


def _cell(column: Column, values: dict[str, str]) -> str | int | float | dt.date:
    text = values[column.key]
    match column.type:
        case "date":
            return dt.date.fromisoformat(text)
        case "integer":
            return int(text)
        case "number":
            return float(text)
        case _:
            return text


def _upload(home: Path, book: Path, rows: int) -> Ran:
    subprocess.run([*OWN, "init", "--dir", str(home)], check=True, capture_output=True)
    ran = _run([*OWN, "upload", "--dir", str(home), "--site", "RDGM", "--kind", "positive", "--json", str(book)])
    answer = json.loads(ran.said)
    if not answer["accepted"] or answer["rows"] != rows:
        raise WorkFailedError(f"the upload was not accepted whole: {answer['errors'][:3]}")
    return ran


def _run(command: Sequence[str]) -> Ran:
    began, most = time.monotonic(), 0
    with tempfile.TemporaryFile() as said:
        before = _children_seconds()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            most = max(most, _most_held(process.pid))
            time.sleep(_LOOK_SECONDS)
        seconds, busy = time.monotonic() - began, _children_seconds() - before
        said.seek(0)
        if process.returncode:
            raise WorkFailedError(f"{' '.join(command[:4])} failed with status {process.returncode}")
        return Ran(seconds, busy, most / 1024, said.read())


def _children_seconds() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _most_held(pid: int) -> int:
    """KiB of memory that a process has held at most; the kernel's own account for its parent begins with the parent's memory."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    return 0
