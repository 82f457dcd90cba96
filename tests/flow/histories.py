"""Histories: what may happen to a few patients at three sites, step by step, and how each step is told to the flow."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from hypothesis import strategies as st

from schemas.rules import Rules, parse_rules
from tests.factories import ANN, BOB, CAT, Sent, patient_withdrawn, person_withdrawn, raw_row, raw_study
from tests.flow.oracle import Event, OptOut, Row, Study, row_place

RULES: Rules = parse_rules('[site.PENM.grace]\nimages = "2d"\nspreadsheet = "3d"\n')
START = dt.datetime(2020, 5, 5, 9, 0, tzinfo=dt.UTC)
NUMBERS = {
    "RDGM": ("RR99900001", "RR99900002", "99900001", "rr99900001", ANN),
    "PENM": ("0999123", "999123", "0999124"),
    "NTHV": (ANN, "999 462 1785", BOB, "X999123"),
}
"""Site -> how its patients are written, rightly and wrongly; NTHV's PACS goes by NHS numbers."""
SWABS = (dt.date(2020, 5, 1), dt.date(2020, 2, 29), None)
EDGES = tuple(
    day + dt.timedelta(days=step)
    for day in (dt.date(2017, 5, 1), dt.date(2017, 2, 28), dt.date(2017, 5, 5), *(d for d in SWABS if d))
    for step in (-29, -28, -1, 0, 1, 28, 29)
)
"""Study dates around the ends of the windows that the swabs, or an upload without one, give."""

T = TypeVar("T")

Restart = Literal["kept", "kept and told again", "empty and told again"]


@dataclass(frozen=True)
class Clock:
    """So much time passes, and somebody looks."""

    hours: int


@dataclass(frozen=True)
class Again:
    """Something that has arrived arrives once more, exactly as it was."""

    which: int


@dataclass(frozen=True)
class UploadAgain:
    """A file of before is uploaded once more: a new upload of the old rows."""

    which: int


Step = list[Event] | Clock | Again | UploadAgain | Restart


@dataclass(frozen=True)
class Told:
    """A history worked out: what arrived in which order, between which restarts, and what time it is in the end."""

    steps: tuple[Event | dt.datetime | Restart, ...]
    now: dt.datetime

    @property
    def events(self) -> list[Event]:
        """Everything that arrived, without repetitions."""
        return list(dict.fromkeys(step for step in self.steps if isinstance(step, Row | Study | OptOut)))


@st.composite
def uploads(draw: st.DrawFn) -> list[Event]:
    """The rows of a file, each of another patient; times and names are given later."""
    site = draw(st.sampled_from(sorted(NUMBERS)))
    kind = draw(st.sampled_from(("positive", "negative")))
    rows: dict[object, Event] = {}
    for line in range(2, 2 + draw(st.integers(1, 3))):
        number = draw(st.sampled_from(NUMBERS[site]))
        row = Row(
            site=site,
            kind=kind,
            nhs=draw(st.sampled_from(_people(site, number))),
            number=number,
            at=START,
            upload="",
            line=line,
            swab=draw(st.sampled_from(SWABS)),
            result=None if kind == "positive" else draw(st.sampled_from((0, 0, 1))),
        )
        rows.setdefault(row_place(row), row)
    return list(rows.values())


def _people(site: str, number: str) -> tuple[str | None, ...]:
    """Whom a row may name: where its number is an NHS number, nobody else."""
    if site == "NTHV":
        return (ANN, ANN, BOB, CAT)
    return (ANN,) if number == ANN else (ANN, ANN, BOB, None)


@st.composite
def studies(draw: st.DrawFn) -> list[Event]:
    site = draw(st.sampled_from(sorted(NUMBERS)))
    modalities = st.sampled_from(("DX", "CR", "CT", "MR", "US"))
    images = draw(st.dictionaries(modalities, st.integers(1, 3), min_size=1, max_size=2))
    return [
        Study(
            site=site,
            number=draw(st.sampled_from(NUMBERS[site])),
            study=draw(st.sampled_from(("S1", "S2"))),
            at=START,
            dated=draw(st.sampled_from((dt.date(2020, 5, 2), *EDGES, None))),
            images=tuple(sorted(images.items())),
            patient_ids=draw(st.sampled_from((1, 1, 1, 2))),
            settled=draw(st.booleans()),
        )
    ]


@st.composite
def opt_outs(draw: st.DrawFn) -> list[Event]:
    """By NHS number; or by the site's own, which may come with the NHS number of its row."""
    nhs = draw(st.sampled_from((ANN, BOB, None)))
    if nhs is not None and draw(st.booleans()):
        return [OptOut(START, nhs)]
    site = draw(st.sampled_from(("RDGM", "PENM")))
    return [OptOut(START, nhs, site, draw(st.sampled_from(NUMBERS[site])))]


def steps() -> st.SearchStrategy[Step]:
    """One step; uploads and studies most often."""
    restarts: st.SearchStrategy[Step] = st.sampled_from(("kept", "kept and told again", "empty and told again"))
    often: list[st.SearchStrategy[Step]] = [uploads(), uploads(), uploads(), studies(), studies(), studies()]
    again: list[st.SearchStrategy[Step]] = [st.builds(Again, st.integers(0, 30)), st.builds(UploadAgain, st.integers(0, 30))]
    return st.one_of(*often, *again, st.builds(Clock, st.integers(1, 200)), restarts)


@st.composite
def histories(draw: st.DrawFn) -> Told:
    """A history. What is said at one time may arrive later than what is said after it, up to two days."""
    script = draw(st.lists(steps(), min_size=1, max_size=12))
    if draw(st.integers(0, 2)) == 0:
        for opt_out in draw(st.lists(opt_outs(), min_size=1, max_size=2)):
            script.insert(draw(st.integers(0, len(script))), opt_out)
    clock, told, files = START + dt.timedelta(days=2), list[Event | dt.datetime | Restart](), list[list[Row]]()
    for index, step in enumerate(script):
        said = clock - draw(st.sampled_from((0, 0, 0, 5, 48))) * dt.timedelta(hours=1) + dt.timedelta(microseconds=index)
        match step:
            case Clock():
                clock += dt.timedelta(hours=step.hours)
                told.append(clock)
            case Again():
                told += _one_of([each for each in told if isinstance(each, Row | Study | OptOut)], step.which)
            case UploadAgain():
                for rows in _one_of(files, step.which):
                    files.append([replace(row, at=said, upload=f"upload-{index}") for row in rows])
                    told += files[-1]
            case str():
                told.append(step)
            case _:
                events = [_said(event, said, f"upload-{index}") for event in step]
                files += [rows] if (rows := [event for event in events if isinstance(event, Row)]) else []
                told += events
    return Told(tuple(told), clock)


def _one_of(things: list[T], which: int) -> list[T]:
    return [things[which % len(things)]] if things else []


def _said(event: Event, at: dt.datetime, upload: str) -> Event:
    return replace(event, at=at, upload=upload) if isinstance(event, Row) else replace(event, at=at)


def as_sent(event: Event) -> Sent:
    """The event as the edge sends it: sealed, or in pseudonyms."""
    match event:
        case Row():
            return raw_row(
                nhs_number=event.nhs,
                hospital_number=event.number,
                site=event.site,
                kind="positive" if event.kind == "positive" else "negative",
                uploaded_at=event.at,
                upload=event.upload,
                row=event.line,
                swab_date=event.swab,
                result=None if event.result is None else 1 if event.result else 0,
            )
        case Study():
            return raw_study(
                patient_id=event.number,
                site=event.site,
                study=event.study,
                received_at=event.at,
                study_date=event.dated,
                instances=dict(event.images),
                patient_ids=event.patient_ids,
                settled=event.settled,
            )
        case OptOut():
            if event.number is None or event.site is None:
                return person_withdrawn(nhs_number=event.nhs or "", withdrawn_at=event.at)
            return patient_withdrawn(hospital_number=event.number, nhs_number=event.nhs, site=event.site, withdrawn_at=event.at)
