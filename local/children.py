"""Child processes: started so that they cannot outlive their parent, watched, and stopped in good time."""

import ctypes
import logging
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from schemas.problems import WorkFailedError

log = logging.getLogger(__name__)

READY_VARIABLE = "NCCID_READY_FD"
_PR_SET_PDEATHSIG = 1
_LOG_BYTES = 10 * 1024 * 1024


class ChildError(WorkFailedError):
    """A child process does not come up; says which, and where its log is."""


@dataclass(frozen=True, slots=True)
class Role:
    """What to start: a name, a command, its environment, and whether it says when it is ready."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    says_ready: bool = True


def own_command(*arguments: str) -> list[str]:
    """The command line of one of our own roles, in this very installation."""
    return [sys.executable, "-P", "-m", "nccid", *arguments]


class Child:
    """One running role."""

    def __init__(self, role: Role, logs: Path) -> None:
        self.role = role
        self.log_file = logs / f"{role.name}.log"
        self._is_ready = not role.says_ready
        self.started_at = time.monotonic()
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        reading, writing = os.pipe()
        environment = {**os.environ, **self.role.environment, READY_VARIABLE: str(writing), "NCCID_RUN_ID": uuid.uuid4().hex}
        try:
            with _log_file(self.log_file) as output:
                return subprocess.Popen(
                    self.role.command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(writing,),
                    start_new_session=True,  # Ctrl-C goes to the parent, which stops its children in order
                    preexec_fn=die_with_parent,  # noqa: PLW1509  # the supervisor has one thread
                )
        finally:
            os.close(writing)
            self._ready = reading

    def is_ready(self, seconds: float) -> bool:
        """Whether the child has said that it is ready; waits ``seconds`` for it.

        Raises:
            ChildError: it ended without ever being ready.
        """
        if not self._is_ready and select.select([self._ready], [], [], seconds)[0]:
            if not os.read(self._ready, 16):
                self.process.wait()
                raise ChildError(f"{self.role.name} ended with status {self.ended} before it was ready; see {self.log_file}")
            self._is_ready = True
        return self._is_ready

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll()

    def close(self) -> None:
        """Forgets the pipe on which the child said that it was ready."""
        os.close(self._ready)


def stop(children: list[Child], seconds: float) -> None:
    """Asks all children to stop, and kills those that have not after ``seconds``."""
    for child in children:
        if child.ended is None:
            child.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + seconds
    for child in children:
        try:
            child.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop in time and was killed", child.role.name)
            child.process.kill()
            child.process.wait()
        child.close()


def say_ready() -> None:
    """Called in a child: tells the parent that it is ready; nothing where there is no such parent."""
    descriptor = os.environ.pop(READY_VARIABLE, None)
    if descriptor is not None:
        os.write(int(descriptor), b"ready\n")
        os.close(int(descriptor))


def _log_file(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    full = path.exists() and path.stat().st_size > _LOG_BYTES
    return path.open("wb" if full else "ab")


def die_with_parent() -> None:
    """In the child, before its program: the kernel kills it when the parent dies, also by kill -9 (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
