"""``nccid bench node``: images in a second beside other receivers, and the node's memory over many images."""

import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.images import CT, DX, SMALL, Form, write_images
from bench.peers import Node, Peer, peers, running, send
from schemas.problems import WorkFailedError

Say = Callable[[str], None]

_IN_STUDIES = 100  # images of four studies: where memory is measured, patients and studies change


@dataclass(frozen=True, slots=True)
class Scene:
    """What is sent, over how many associations."""

    form: Form
    associations: int
    images: int  # over each

    @property
    def name(self) -> str:
        """As the table has it."""
        return f"{self.form.name}, {self.associations} association{'s' if self.associations > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    runs: int
    scenes: tuple[Scene, ...]
    memory: tuple[int, int]  # images in a step, and steps


FULL = Extent(3, (Scene(CT, 1, 200), Scene(CT, 4, 100), Scene(DX, 1, 20), Scene(DX, 4, 10)), (2_000, 10))
QUICK = Extent(2, (Scene(CT, 1, 40), Scene(CT, 4, 20), Scene(DX, 1, 4), Scene(DX, 4, 2)), (100, 3))


def measure(extent: Extent, folder: Path | None, say: Say) -> dict[str, Any]:
    """Measures, run by run, each receiver on an empty folder, in turn.

    Args:
        extent: how much.
        folder: on the disk that is meant; else the system's temporary one.
        say: told how far it is.

    Raises:
        UnusableInputError: the sender is not installed.
        WorkFailedError: a receiver does not come up, or has not taken everything.
    """
    with tempfile.TemporaryDirectory(prefix="nccid-bench-", dir=folder) as root:
        results = [_scene(scene, extent.runs, Path(root) / f"scene{number}", say) for number, scene in enumerate(extent.scenes)]
        memory = _memory(*extent.memory, Path(root) / "memory", say)
    return {"machine": machine(), "runs": extent.runs, "scenes": results, "memory": memory}


def _scene(scene: Scene, runs: int, root: Path, say: Say) -> dict[str, Any]:
    count = scene.images * scene.associations
    folders = write_images(root / "images", scene.form, count, scene.associations)
    receivers = peers()
    rates: dict[str, list[float]] = {peer.name: [] for peer in receivers}
    for run in range(runs):
        for peer in receivers[run % len(receivers) :] + receivers[: run % len(receivers)]:
            rates[peer.name].append(count / _one(peer, root / "receiver", folders, count))
            say(f"{scene.name}, run {run + 1} of {runs}, {peer.name}: {rates[peer.name][-1]:.1f} images/s")
    shutil.rmtree(root)
    return {
        "scene": scene.name,
        "images": count,
        "receivers": {name: summary(values, rates[Node.name]) for name, values in rates.items()},
    }


def _one(peer: Peer, folder: Path, folders: list[Path], count: int) -> float:
    os.sync()  # what the run before has left to be written is not this one's
    with running(peer, folder) as receiver:
        seconds = send(receiver.port, folders)
        if (stored := peer.stored(folder)) != count:
            raise WorkFailedError(f"{peer.name} has stored {stored} of {count} images")
    shutil.rmtree(folder)
    return seconds


def summary(values: Sequence[float], ours: Sequence[float]) -> dict[str, Any]:
    """Median and range of images in a second; and the ratio of our node to this receiver, run by run."""
    ratios = [our / value for our, value in zip(ours, values, strict=True)]
    return {
        "per_second": _spread(values),
        "node_to_this": _spread(ratios),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "least": round(min(values), 2), "most": round(max(values), 2)}


def _memory(step: int, steps: int, root: Path, say: Say) -> list[dict[str, Any]]:
    """The node's memory after each so many images, process by process, four studies and patients for each hundred images."""
    points: list[dict[str, Any]] = []
    with running(Node(), root / "receiver") as receiver:
        for number in range(1, steps + 1):
            folders = write_images(root / f"images{number}", SMALL, step, 4, first=step * (number - 1), in_study=_IN_STUDIES)
            send(receiver.port, folders)
            processes = _held(receiver.pid)
            images, mib = Node().stored(root / "receiver"), round(sum(processes.values()), 1)
            if images != step * number:
                raise WorkFailedError(f"{Node.name} has stored {images} of {step * number} images")
            points.append({"images": images, "mib": mib, "processes": processes})
            say(f"memory after {images} images: {mib} MiB")
            shutil.rmtree(root / f"images{number}")
    return points


def _held(pid: int) -> dict[str, float]:
    """MiB that each of the node's processes holds. What several share is parted among them; pages of files are the system's."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()  # in the order of their start
    names = ["writer", *(f"receiver {number}" for number in range(1, len(children))), "watcher"]
    return {name: _anonymous(each) for name, each in zip(names, [str(pid), *children], strict=True)}


def _anonymous(pid: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(round(int(line.split()[1]) / 1024, 1) for line in lines if line.startswith("Pss_Anon:"))


def machine() -> dict[str, str]:
    """What it was measured on and with; nothing that names the machine."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "processor": f"{len(models)} x {models[0] if models else platform.machine()}",
        "memory": f"{int(memory) // 2**20} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pynetdicom": version("pynetdicom"),
        "pydicom": version("pydicom"),
        "dcmtk": _first_line("dcmsend", "--version"),
        "orthanc": _first_line("Orthanc", "--version"),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    words = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return words[0].strip() if words else "unknown"
