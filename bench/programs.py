"""Programs that are measured: started, watched through the kernel's own accounts, stopped or killed."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.children import die_with_parent
from schemas.problems import WorkFailedError

_END_SECONDS = 20.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Program:
    """What to start."""

    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Started:
    """A program at work."""

    process: "subprocess.Popen[bytes]"
    log: Path
    began: float  # by time.monotonic

    def must_run(self) -> None:
        """Raises WorkFailedError with the end of its log when it has ended by itself."""
        if self.process.poll() is not None:
            words = self.log.read_text(encoding="utf-8", errors="replace")[-1500:]
            raise WorkFailedError(f"{self.log.stem} ended with status {self.process.returncode}:\n{words}")

    def kill(self) -> None:
        """Kill -9, and waits until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Asks it to stop, and kills it when it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()


def start(program: Program, log: Path) -> Started:
    """Starts it, without what this process' environment says to our programs."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")}
    environment = {**plain, "NCCID_RUN_ID": uuid.uuid4().hex, **program.environment}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,  # noqa: PLW1509  # a benchmark that is killed leaves nobody behind
        )
    return Started(process, log, time.monotonic())


@contextmanager
def running(program: Program, log: Path) -> Iterator[Started]:
    """It runs while the block does."""
    started = start(program, log)
    try:
        yield started
    finally:
        started.stop()


def busy_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used; other work on the machine does not change them much."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
