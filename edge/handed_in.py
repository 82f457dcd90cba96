"""What a site has handed in, whichever way it came, and what became of it: so that the summary of a site shows all of it.

A line for each sheet, also for one that was refused, and a line a day for the images that came through one door. Counts only.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.sending.database import microseconds, moment
from edge.sending.outbox import Outbox, Transaction
from schemas.records import Kind, Origin

Way = Literal["portal", "command", "unknown"] | Origin
"""How it came; ``unknown`` is what came before this was noted."""

What = Literal["images"] | Kind


@dataclass(frozen=True, slots=True)
class Sender:
    """Who hands in a sheet."""

    way: Way = "command"
    who: str = ""  # the user's name, where there is one


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A sheet, or a day's images through one door."""

    at: dt.datetime  # of the latest image of the day
    what: What
    sender: Sender
    taken: int  # rows or images, those that came again left out
    problems: int
    warnings: int = 0
    accepted: bool = True


def note_sheet(transaction: Transaction, site: str, handed_in: HandedIn) -> None:
    """Writes down what became of a sheet."""
    each, sender = handed_in, handed_in.sender
    counts = (each.accepted, each.taken, each.problems, each.warnings)
    insert = """
        INSERT INTO handed_in (site, what, way, who, at, accepted, taken, problems, warnings)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
    transaction.write(insert, site, each.what, sender.way, sender.who, microseconds(each.at), *counts)


def note_images(transaction: Transaction, site: str, door: Origin, *, taken: int = 0, problems: int = 0) -> None:
    """Adds images to those that came through a door on this day, UTC."""
    if not taken and not problems:
        return
    at = transaction.instant
    upsert = """
        INSERT INTO handed_in (site, what, way, who, at, accepted, taken, problems, warnings, day)
        VALUES (?, 'images', ?, '', ?, 1, ?, ?, 0, ?) ON CONFLICT (site, way, day) DO UPDATE
        SET at = excluded.at, taken = taken + excluded.taken, problems = problems + excluded.problems
    """
    transaction.write(upsert, site, door, microseconds(at), taken, problems, at.date().isoformat())


def latest(outbox: Outbox, site: str, most: int = 10) -> Sequence[HandedIn]:
    """What a site handed in last, newest first.

    Raises:
        OutboxError: it cannot be read.
    """
    columns = "at, what, way, who, taken, problems, warnings, accepted"
    select = f"SELECT {columns} FROM handed_in WHERE site = ? ORDER BY at DESC LIMIT ?"  # noqa: S608  # columns are ours
    return [
        HandedIn(moment(at), what, Sender(way, who), taken, problems, warnings, bool(accepted))
        for at, what, way, who, taken, problems, warnings, accepted in outbox.query(select, site, most)
    ]
