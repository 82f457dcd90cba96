"""The stream of server-sent events: coverage and alerts of the sites that somebody may see, as they move."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from monitoring.hub.access import Access
from monitoring.hub.answers import site_json
from monitoring.hub.hub import Hub
from monitoring.hub.problems import Refusal
from monitoring.hub.tokens import Token
from schemas.wire import Wire

MEDIA_TYPE = "text/event-stream"

_RETRY_MS = 2_000
_MOST_STREAMS = 500
_MOST_STREAMS_OF_ONE = 50


@dataclass
class Streams:
    """Those who watch. Each is told when it is ready to be told more, so a slow one holds up nobody and fills nothing."""

    hub: Hub
    access: Access
    heartbeat_seconds: float = 5.0
    watching: dict[str, int] = field(default_factory=dict)

    def open(self, token: Token, last_event_id: str) -> AsyncIterator[bytes]:
        """The events for this token after the one of this id; without an id, or an unknown one, the present state first.

        Raises:
            Refusal: 429 where too many watch already.
        """
        if self.count >= _MOST_STREAMS or self.watching.get(token.id, 0) >= _MOST_STREAMS_OF_ONE:
            raise Refusal(429, "Too many streams are open; close one first.", headers={"Retry-After": "60"})
        return self._events(token, last_event_id)

    @property
    def count(self) -> int:
        """How many watch."""
        return sum(self.watching.values())

    async def _events(self, token: Token, mark: str) -> AsyncIterator[bytes]:
        self.watching[token.id] = self.watching.get(token.id, 0) + 1
        try:
            yield f"retry: {_RETRY_MS}\n\n".encode()
            due = 0.0
            while self.access.still_good(token):
                pieces, mark = self._news(token, mark)
                if time.monotonic() >= due:
                    pieces.append(_health(self.hub))
                    due = time.monotonic() + self.heartbeat_seconds
                if pieces:
                    yield b"".join(pieces)
                if self.hub.changes.mark() == mark:
                    await self.hub.changes.wait(due - time.monotonic())
            yield b"event: ended\ndata: {}\n\n"
        finally:
            self.watching[token.id] -= 1

    def _news(self, token: Token, mark: str) -> tuple[list[bytes], str]:
        """What is new after a mark, as events; and the new mark."""
        latest, changes = self.hub.changes.mark(), self.hub.changes.after(mark)
        if changes is None:
            return self._whole(token, latest), latest
        return [
            event(change.kind, change.data, self.hub.changes.mark(change.number))
            for change in changes
            if token.may_see(change.site)
        ], latest

    def _whole(self, token: Token, mark: str) -> list[bytes]:
        """Told to those who are new or fell behind: look again; then each site as it is."""
        view, today = self.hub.known.view, self.hub.now().date()
        sites = [code for code in sorted({*self.hub.sites, *view.coverage()}) if token.may_see(code)]
        told = [event("coverage", site_json(view, code, today), mark) for code in sites]
        return [event("again", b"{}", mark), *told]


def event(kind: str, data: bytes, mark: str) -> bytes:
    """One event as the HTML standard writes it; JSON has no line break of its own."""
    return b"id: " + mark.encode() + b"\nevent: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def _health(hub: Hub) -> bytes:
    """The heartbeat: how far the hub has read."""
    return b"event: view\ndata: " + Wire.encode(hub.progress.standing) + b"\n\n"
