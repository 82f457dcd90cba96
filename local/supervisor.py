"""The supervisor: keeps a set of roles running; what dies is started again, at once first, more slowly when it keeps dying."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.children import Child, ChildError, Role, stop
from schemas.problems import NEEDS_A_PERSON

log = logging.getLogger(__name__)

_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0)  # before a child that keeps dying is started again
_STEADY_SECONDS = 30.0  # after which an earlier death is forgotten
_LOOK_SECONDS = 0.1


@dataclass
class Supervisor:
    """Children by name, in the order in which they were started; stopped in the reverse order."""

    logs: Path
    children: dict[str, Child] = field(default_factory=dict)
    stopping: bool = False
    _deaths: dict[str, int] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _given_up: set[str] = field(default_factory=set)

    def start(self, role: Role) -> None:
        """Starts a role, or starts it again."""
        self._due.pop(role.name, None)
        if before := self.children.get(role.name):
            stop([before], 0.0)
        self.children[role.name] = Child(role, self.logs)

    def wait_ready(self, seconds: float) -> None:
        """Waits until all children are ready, or somebody wants them stopped.

        Raises:
            ChildError: one of them ended, or was not ready in time.
        """
        until = time.monotonic() + seconds
        for child in self.children.values():
            while not self.stopping and not child.is_ready(_LOOK_SECONDS):
                if time.monotonic() > until:
                    raise ChildError(f"{child.role.name} was not ready after {seconds:.0f} s; see {child.log_file}")

    def watch(self, died: Callable[[Role], None]) -> None:
        """Looks after the children until ``stopping``; ``died`` is told of each death and decides what to start."""
        while not self.stopping:
            for child in list(self.children.values()):
                self._look_at(child, died)
            time.sleep(_LOOK_SECONDS)

    def _look_at(self, child: Child, died: Callable[[Role], None]) -> None:
        name, now = child.role.name, time.monotonic()
        if child.ended is None or self.children.get(name) is not child:
            return  # it runs, or has been started again with others meanwhile
        if child.ended == NEEDS_A_PERSON:
            self._give_up(child)
        elif name not in self._due:
            steady = now - child.started_at > _STEADY_SECONDS
            self._deaths[name] = 0 if steady else self._deaths.get(name, -1) + 1
            self._due[name] = now + _PAUSES[min(self._deaths[name], len(_PAUSES) - 1)]
            log.warning("%s ended (status %s) and is started again; its log is %s", name, child.ended, child.log_file)
        if now >= self._due[name]:
            died(child.role)

    def _give_up(self, child: Child) -> None:
        """A role that stopped until a person has looked stays stopped, and is said once."""
        self._due.setdefault(child.role.name, math.inf)
        if child.role.name not in self._given_up:
            self._given_up.add(child.role.name)
            log.error("%s stopped and needs a person before it can go on: its log %s says why", child.role.name, child.log_file)

    def stop_all(self, seconds: float) -> None:
        """Stops the children, the first one started last and alone, within ``seconds`` and a little."""
        children = list(self.children.values())
        stop(children[1:], seconds * 3 / 4)
        stop(children[:1], seconds / 4)
        self.children.clear()
