"""Who looks while studies arrive: somebody at the dashboard, by the stream of events, and somebody who asks the Checker."""

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_PATIENCE_SECONDS = 60.0
_ASK_SECONDS = 0.02
_AT_ONCE = 200  # pseudonyms in a question; more are not on their way at a time


@dataclass
class Seen:
    """What was seen when."""

    counts: list[tuple[float, int]] = field(default_factory=list)  # on the dashboard: so many cases
    answered: dict[str, float] = field(default_factory=dict)  # in the Checker: a person
    questions: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def first(self, count: int) -> float:
        """When the dashboard counted so many first."""
        return next(at for at, cases in self.counts if cases >= count)


@contextmanager
def looking(hub: str, token: str, site: str, persons: Sequence[str]) -> Iterator[Seen]:
    """Looks for these persons at a site, which arrive in about this order, until the end of the block."""
    seen, headers = Seen(), {"Authorization": f"Bearer {token}"}
    stream = _opened(urllib.request.Request(f"{hub}/v1/stream", headers=headers))  # noqa: S310  # our own address
    for work, given in ((_watch, (stream, site, seen)), (_ask, (hub, headers, persons, seen))):
        threading.Thread(target=work, args=given, daemon=True).start()
    try:
        yield seen
    finally:
        seen.over.set()


def _watch(stream: Any, site: str, seen: Seen) -> None:  # noqa: ANN401  # urllib's answer, whose types vary
    begin = f'data: {{"site":"{site}"'.encode()
    for line in stream:
        if line.startswith(begin):
            seen.counts.append((time.monotonic(), json.loads(line[6:])["coverage"]["cases"]))
        if seen.over.is_set():
            return


def _ask(hub: str, headers: dict[str, str], persons: Sequence[str], seen: Seen) -> None:
    waiting = list(persons)
    while waiting and not seen.over.is_set():
        body = json.dumps({"persons": waiting[:_AT_ONCE]}).encode()
        request = urllib.request.Request(  # noqa: S310  # our own address
            f"{hub}/v1/status", body, headers | {"Content-Type": "application/json"}
        )
        with _opened(request) as answer:
            known = {person for person, cases in json.load(answer)["persons"].items() if cases}
        at, seen.questions = time.monotonic(), seen.questions + 1
        seen.answered |= dict.fromkeys(known, at)
        waiting = [person for person in waiting if person not in known]
        seen.over.wait(_ASK_SECONDS)


def _opened(request: urllib.request.Request) -> Any:  # noqa: ANN401  # urllib's answer, whose types vary
    return urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS)  # noqa: S310  # our own address
