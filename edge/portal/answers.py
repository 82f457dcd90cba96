"""The Checker's answers in plain words: is the patient collected, what is missing, since when, whose turn it is."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge.chasing.looks import FLAG_MEANINGS
from edge.checker import Asked
from schemas.coverage import CoverageStatus, State

MOST_NUMBERS = 1_000
_BETWEEN = re.compile(r"[\n\r\t,;]+")
_CHEST = ("xray", "ct")


@dataclass(frozen=True, slots=True)
class Tag:
    """A word in a coloured box; the word alone says it."""

    text: str
    colour: str  # of the NHS's tags


@dataclass(frozen=True, slots=True)
class CaseWords:
    """What is known of the patient at one site."""

    site: str
    tag: Tag
    since: str
    to_do: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """The answer to one number, by its place in what was typed: the number itself is not repeated."""

    place: int
    tags: tuple[Tag, ...]
    reason: str | None
    cases: tuple[CaseWords, ...]


STATES: dict[State, Tag] = {
    "complete": Tag("Complete", "green"),
    "awaiting-images": Tag("Awaiting images", "yellow"),
    "images-missing": Tag("Images missing", "red"),
    "awaiting-spreadsheet": Tag("Awaiting spreadsheet", "yellow"),
    "spreadsheet-missing": Tag("Spreadsheet missing", "red"),
    "withdrawn": Tag("Withdrawn", "grey"),
}
_TO_DO: dict[State, str] = {
    "complete": "Nothing is missing.",
    "awaiting-images": "PACS: send the chest X-rays or CT{by}.",
    "images-missing": "PACS: send the chest X-rays or CT now. They were due{by}.",
    "awaiting-spreadsheet": "Nurse: upload {row}{by}.",
    "spreadsheet-missing": "Nurse: upload {row} now. It was due{by}.",
    "withdrawn": "The patient has opted out. Send nothing more.",
}
TURNS: dict[State, str] = {
    "complete": "Nobody: nothing is missing",
    "awaiting-images": "PACS: there is still time",
    "images-missing": "PACS: the images are overdue",
    "awaiting-spreadsheet": "Nurse: there is still time",
    "spreadsheet-missing": "Nurse: the spreadsheet row is overdue",
    "withdrawn": "Nobody: the patient has opted out",
}
"""For all patients of a state together."""

_OVERDUE = ("images-missing", "spreadsheet-missing")


def split(typed: str) -> list[str]:
    """The numbers in what was typed or pasted: one a line, or with commas, semicolons or tabs between them."""
    return [piece.strip() for piece in _BETWEEN.split(typed) if piece.strip()]


def lines(asked: Sequence[Asked], known: dict[str, list[CoverageStatus]]) -> list[Line]:
    """One answer a number, in the order asked."""
    return [
        _invalid(place, each.reason) if each.reason is not None else _line(place, known.get(each.person or "", []))
        for place, each in enumerate(asked, start=1)
    ]


def _invalid(place: int, reason: str) -> Line:
    return Line(place, (Tag("Not a valid number", "red"),), f"{reason[:1].upper()}{reason[1:]}.", ())


def _line(place: int, cases: Sequence[CoverageStatus]) -> Line:
    live = [case for case in cases if case.state != "withdrawn"]
    words = tuple(_case(case) for case in cases)
    if not cases:
        return Line(place, (Tag("Not collected", "grey"),), "Nothing has arrived for this patient.", ())
    if not live:
        return Line(place, (STATES["withdrawn"],), None, words)
    return Line(place, (Tag("Collected", "green"), _data(live), _images(live)), None, words)


def _data(cases: Sequence[CoverageStatus]) -> Tag:
    if any(case.data != "none" for case in cases):
        return Tag("Data received", "green")
    overdue = any(case.state == "spreadsheet-missing" for case in cases)
    return Tag("Data missing", "red") if overdue else Tag("Data awaited", "yellow")


def _images(cases: Sequence[CoverageStatus]) -> Tag:
    if any(getattr(case.images, kind).in_window for case in cases for kind in _CHEST):
        return Tag("Images received", "green")
    overdue = any(case.state == "images-missing" for case in cases)
    return Tag("Images missing", "red") if overdue else Tag("Images awaited", "yellow")


def _case(case: CoverageStatus) -> CaseWords:
    due = f"{' on' if case.state in _OVERDUE else ' by'} {day(case.deadline)}" if case.deadline else ""
    row = "the row in the main sheet (the status sheet says positive)" if case.data == "status" else "the spreadsheet row"
    notes = tuple(FLAG_MEANINGS[flag] for flag in case.flags)
    return CaseWords(case.site, STATES[case.state], day(case.since), _TO_DO[case.state].format(by=due, row=row), notes)


def day(at: dt.date) -> str:
    """A day as the NHS writes it (UTC): 3 May 2020."""
    return f"{at.day} {at:%B %Y}"
