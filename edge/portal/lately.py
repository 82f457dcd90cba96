"""What a site handed in last, in the words of the summary: sheets and images, whichever way they came."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.handed_in import HandedIn, Way, What, latest
from edge.portal.answers import Tag
from edge.portal.times import moment
from edge.sending.outbox import Outbox
from schemas.home import Home

WAYS: dict[Way, str] = {
    "portal": "This portal",
    "command": "Command line (nccid upload)",
    "send-images": "Command line (nccid send-images)",
    "node": "From PACS, over DICOM",
    "folder": "Watched folder",
    "unknown": "Not noted",
}
_WHAT: dict[What, str] = {"positive": "Covid Data", "negative": "Covid Status Data", "images": "Images"}
_SENT, _REFUSED = Tag("Sent", "green"), Tag("Not sent", "red")
_RECEIVED, _PARTLY = Tag("Received", "green"), Tag("Some not received", "yellow")


@dataclass(frozen=True, slots=True)
class Lately:
    """A line of the table."""

    when: str
    what: str
    way: str
    who: str
    outcome: Tag
    counted: str  # rows or images, with the word
    problems: int
    warnings: int | None  # images have none


def lately(home: Home, site: str) -> Sequence[Lately]:
    """The latest, newest first; images of one day that came one way are one line.

    Raises:
        OutboxError: what was handed in cannot be read.
    """
    with Outbox(home.outbox) as outbox:
        return [line(each) for each in latest(outbox, site)]


def line(each: HandedIn) -> Lately:
    """One of them in words."""
    images, sender = each.what == "images", each.sender
    counted = _counted(each.taken, "image" if images else "row")
    warnings = None if images else each.warnings
    return Lately(
        moment(each.at), _WHAT[each.what], WAYS[sender.way], sender.who, _outcome(each), counted, each.problems, warnings
    )


def _outcome(each: HandedIn) -> Tag:
    if each.what == "images":
        return _PARTLY if each.taken and each.problems else _REFUSED if each.problems else _RECEIVED
    return _SENT if each.accepted else _REFUSED


def _counted(count: int, one: str) -> str:
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"
