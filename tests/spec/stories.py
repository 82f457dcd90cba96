"""Stories: what arrived, and what is known then. The whole path runs: sealed raw records in, statuses out.

A story is a text with two tables. ``arrived`` has one line a record; a column or a cell left out means the usual:

    when        time of the upload, or of the report of a study (UTC)
    what        positive row | negative row | study | clock (which only says what time it is)
    site        RDGM
    nhs         of a row: 9994621785; "none" for a row without
    number      of a row the hospital number, of a study the PatientID: RR99900001
    swab        of a row: 2020-05-01; "none" for a row without
    result      of a negative row: 0
    upload      the upload's id, made from its kind and time
    study       short name of the study: S1
    dated       Study Date: 2020-05-02; "none" for a study without
    images      instances by modality: DX 1
    patients    distinct PatientIDs met in the study: 1
    still       "arriving" where the study has not settled

``known`` has one line a case and names only the columns that the story is about:

    case        the number by which the site's PACS knows the patient; needed where there are several cases
    state, group, data, flags ("-" for none), xray/ct/mr/other ("1 in 2 out", "-" for none), since, deadline, updated,
    person      the NHS number whose pseudonym the case carries; "none" for a case without
"""

import datetime as dt
from collections.abc import Callable, Sequence

from identity.pseudonyms import Pseudonymiser
from schemas.coverage import Counts, CoverageStatus
from schemas.records import Raw
from tests.factories import ANN, BOB, CAT, DAN, KEYRING, RR1, Flow, hospital_number, nhs, raw_row, raw_study, site
from tests.spec.tables import Line, tables

Arrival = Raw | dt.datetime
Order = Callable[[Sequence[Arrival]], list[Arrival]]

ORDERS: dict[str, Order] = {
    "as it arrived": list,
    "last first": lambda story: list(reversed(story)),
    "everything twice": lambda story: [*story, *story],
    "each twice, last first": lambda story: [each for each in reversed(story) for _ in range(2)],
}
"""A story must not depend on the order in which it arrived: every one is told in each of these. The clock has the last word."""


def told(story: str, order: str) -> list[Line]:
    """What is known when the story has arrived in this order, as the lines and columns in which the story tells it."""
    arrived, known = _parts(story)
    statuses = _statuses([_arrival(line) for line in arrived], ORDERS[order])
    by_case = [statuses.pop(_patient(line, arrived), None) for line in known]
    lines = [_line(status, line) if status else {"case": "not there"} for status, line in zip(by_case, known, strict=True)]
    return lines + [{"case": f"not in the story: {status.site}, {status.state}"} for status in statuses.values()]


def written(story: str) -> list[Line]:
    """What the story says is known."""
    return _parts(story)[1]


def _parts(story: str) -> tuple[list[Line], list[Line]]:
    parts = tables(story)
    assert set(parts) == {"arrived", "known"}, f"a story has two tables: {sorted(parts)}"
    assert parts["arrived"], "nothing arrived"
    unknown = {name for line in parts["known"] for name in line} - {*_COLUMNS, "case", "site", "person"}
    assert not unknown, f"no such columns: {unknown}"
    return parts["arrived"], parts["known"]


def _statuses(arrivals: list[Arrival], order: Order) -> dict[str, CoverageStatus]:
    flow = Flow()
    last = [max(times)] if (times := [each for each in arrivals if isinstance(each, dt.datetime)]) else []
    for arrival in [*order(arrivals), *last]:
        if isinstance(arrival, dt.datetime):
            flow.ticks(arrival)
        else:
            flow.arrives(arrival)
    return flow.statuses()


def _arrival(line: Line) -> Arrival:
    unknown = set(line) - _ARRIVED
    assert not unknown, f"no such columns: {unknown}"
    match line["what"].split():
        case ["clock"]:
            return _time(line["when"])
        case ["study"]:
            return raw_study(
                patient_id=line.get("number", RR1),
                site=line.get("site", "RDGM"),
                study=line.get("study", "S1"),
                received_at=_time(line["when"]),
                study_date=_date(line.get("dated", "2020-05-02")),
                instances=_instances(line.get("images", "DX 1")),
                patient_ids=int(line.get("patients", "1")),
                settled="still" not in line,
            )
        case [("positive" | "negative") as kind, "row"]:
            result = line.get("result")
            return raw_row(
                nhs_number=_or_none(line.get("nhs", ANN)),
                hospital_number=_or_none(line.get("number", RR1)),
                site=line.get("site", "RDGM"),
                kind=kind,
                uploaded_at=_time(line["when"]),
                upload=line.get("upload"),
                swab_date=_date(line.get("swab", "2020-05-01")),
                result=None if result is None else 1 if result == "1" else 0,
            )
        case other:
            raise AssertionError(f"nothing arrives that is called {other}")


_ARRIVED = {
    *("when", "what", "site", "nhs", "number", "swab", "result", "upload", "study", "dated", "images", "patients", "still"),
}


def _patient(line: Line, arrived: list[Line]) -> str:
    code = line.get("site", arrived[0].get("site", "RDGM"))
    return Pseudonymiser(KEYRING).patient(site(code), hospital_number(line.get("case", arrived[0].get("number", RR1))))


def _line(status: CoverageStatus, said: Line) -> Line:
    """The columns of the status that the story names."""
    return {name: said[name] if name in {"case", "site"} else _shown(status, name) for name in said}


def _shown(status: CoverageStatus, name: str) -> str:
    if name == "person":
        return _people().get(status.person or "", "somebody else") if status.person else "none"
    return _COLUMNS[name](status)


def _people() -> dict[str, str]:
    return {Pseudonymiser(KEYRING).person(nhs(number)): number for number in (ANN, BOB, CAT, DAN)}


_COLUMNS: dict[str, Callable[[CoverageStatus], str]] = {
    "state": lambda status: status.state,
    "group": lambda status: status.group,
    "data": lambda status: status.data,
    "flags": lambda status: ", ".join(sorted(status.flags)) or "-",
    "xray": lambda status: _counts(status.images.xray),
    "ct": lambda status: _counts(status.images.ct),
    "mr": lambda status: _counts(status.images.mr),
    "other": lambda status: _counts(status.images.other),
    "since": lambda status: _shown_time(status.since),
    "deadline": lambda status: _shown_time(status.deadline),
    "updated": lambda status: _shown_time(status.updated_at),
}


def _counts(counts: Counts) -> str:
    parts = ((counts.in_window, "in"), (counts.out_of_window, "out"))
    return " ".join(f"{count} {where}" for count, where in parts if count) or "-"


def _shown_time(time: dt.datetime | None) -> str:
    return f"{time.astimezone(dt.UTC):%Y-%m-%d %H:%M}" if time else "-"


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _date(text: str) -> dt.date | None:
    return None if text == "none" else dt.date.fromisoformat(text)


def _or_none(text: str) -> str | None:
    return None if text == "none" else text


def _instances(text: str) -> dict[str, int]:
    pairs = (part.split() for part in text.split(","))
    return {modality: int(count) for modality, count in pairs}
