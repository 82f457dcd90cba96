"""Who folds: our worker on either path, and what else one would write. Each is a program that runs until it is told to stop."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import Cluster
from bench.peers_environment import peers_python
from bench.programs import Program

OWN = (sys.executable, "-P", "-m", "nccid")
FAST, STOCK, QUIX, AIOKAFKA, CONFLUENT = "nccid, fast", "nccid, stock", "Quix Streams", "aiokafka loop", "confluent-kafka loop"


IDEMPOTENT = "idempotent"


@dataclass(frozen=True, slots=True)
class Rival:
    """One of them; ``not_embedded`` says why it cannot run on the embedded broker."""

    name: str
    program: Callable[[Cluster, Path], Program]
    not_embedded: str = ""


def rivals(say: Callable[[str], None]) -> list[Rival]:
    """All, our own first. Makes the peers' environment."""
    peers = str(peers_python(say))
    return [
        worker(FAST, "fast"),
        worker(STOCK, "stock"),
        Rival(QUIX, _loop(peers, "quix"), not_embedded="asks for settings of topics that the embedded broker does not tell"),
        Rival(AIOKAFKA, _loop(sys.executable, "aiokafka_loop")),
        Rival(CONFLUENT, _loop(peers, "confluent_loop")),
    ]


def worker(name: str, runner: str, *steps: str) -> Rival:
    """Our worker of these steps (``reconcile`` alone, if none is named) on one of its paths, with a home of its own."""

    def program(cluster: Cluster, folder: Path) -> Program:
        home = folder / "home"
        if not home.exists():
            subprocess.run([*OWN, "init", "--dir", str(home)], check=True, capture_output=True)
        named = [word for step in steps or ("reconcile",) for word in ("--step", step)]
        environment = {
            "NCCID_HOME": str(home),
            "NCCID_BOOTSTRAP": cluster.bootstrap,
            "NCCID_EMBEDDED": "1" if cluster.embedded else "0",
            "NCCID_RUNNER": runner,
        }
        return Program([*OWN, "worker", *named], environment)

    return Rival(name, program)


def _loop(python: str, module: str) -> Callable[[Cluster, Path], Program]:
    def program(cluster: Cluster, folder: Path) -> Program:
        shutil.rmtree(folder / "state", ignore_errors=True)
        (folder / "state").mkdir(parents=True)
        path = str(Path(__file__).parents[1])
        arguments = [cluster.bootstrap, f"bench-{module}", str(folder / "state"), "" if cluster.embedded else IDEMPOTENT]
        return Program([python, "-P", "-m", f"bench.contenders.{module}", *arguments], {"PYTHONPATH": path})

    return program
