"""Stories: what arrived, and what is known then. The whole path runs: sealed raw records in, statuses out.

A story is a text with two tables. ``arrived`` has one line a record; a column or a cell left out means the usual:

    when        time of the upload, or of the report of a study (UTC)
    what        positive row | negative row | study | withdrawal | upload (the fact that there was one)
                clock (which only says what time it is) | restart (another process, which has only what was kept)
    site        RDGM
    nhs         of a row: 9994621785; "none" for a row without
    number      of a row the hospital number, of a study the PatientID: RR99900001; of a withdrawal one or both of these two
    swab        of a row: 2020-05-01; "none" for a row without
    result      of a negative row: 0
    upload      the upload's id, made from its kind and time
    row         the sheet's own row number: 2
    study       short name of the study: S1
    dated       Study Date: 2020-05-02; "none" for a study without
    images      instances by modality: DX 1
    patients    distinct PatientIDs met in the study: 1
    still       "arriving" where the study has not settled

``known`` has one line a case and names only the columns that the story is about:

    case        the number by which the site's PACS knows the patient; needed where there are several cases
    state, group, data, flags ("-" for none), xray/ct/mr/other ("1 in 2 out", "-" for none), since, deadline, updated,
    person      the NHS number whose pseudonym the case carries; "none" for a case without

Some stories tell more: ``people`` has one line a person (nhs, flags), ``alerts`` one an alert (kind, site, case, is, since,
severity, turns), and ``dropped`` the reasons for which records were quarantined.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from identity.pseudonyms import Pseudonymiser
from schemas.alerts import Alert
from schemas.coverage import Counts, CoverageStatus
from schemas.rules import Rules
from tests.factories import (
    ANN,
    BOB,
    CAT,
    DAN,
    KEYRING,
    RR1,
    RULES,
    Flow,
    Sent,
    given,
    hospital_number,
    nhs,
    patient_withdrawn,
    person_withdrawn,
    raw_row,
    raw_study,
    site,
    upload_submitted,
)
from tests.spec.tables import Line, tables

NAMES = Pseudonymiser(KEYRING)
RESTART = "restart"

Arrival = Sent | dt.datetime | str
"""A record, what time it is, or a restart."""
Order = Callable[[Sequence[Arrival]], list[Arrival]]

ORDERS: dict[str, Order] = {
    "as it arrived": list,
    "last first": lambda story: list(reversed(story)),
    "everything twice": lambda story: [*story, *story],
    "each twice, last first": lambda story: [each for each in reversed(story) for _ in range(2)],
}
"""A story must not depend on the order in which it arrived: every one is told in each of these. The clock has the last word."""


def told(story: str, order: str, rules: Rules = RULES) -> list[Line]:
    """What is known when the story has arrived in this order, as the lines and columns in which the story tells it."""
    arrived, known = _parts(story)
    statuses = flow_of(story, order, rules).statuses()
    by_case = [statuses.pop(_patient(line, arrived), None) for line in known]
    lines = [_line(status, line) if status else {"case": "not there"} for status, line in zip(by_case, known, strict=True)]
    return lines + [{"case": f"not in the story: {status.site}, {status.state}"} for status in statuses.values()]


def written(story: str) -> list[Line]:
    """What the story says is known."""
    return _parts(story)[1]


def people_told(story: str, order: str) -> list[Line]:
    """What is known of every person who is known to be more than one case, as ``people`` tells it."""
    flags = {_people()[known.person]: ", ".join(known.flags) for known in flow_of(story, order).people().values() if known.flags}
    return [{"nhs": number, "flags": flags[number]} for number in sorted(flags)]


def alerts_told(story: str, rules: Rules = RULES) -> list[Line]:
    """Every alert that there ever was, as ``alerts`` tells it, by id; in the order of the story, since an alert has a history."""
    return _alert_lines(story, flow_of(story, "as it arrived", rules).alerts())


def sites_alerts_told(story: str, rules: Rules = RULES) -> list[Line]:
    """The same of the alerts about a site as a whole."""
    return _alert_lines(story, flow_of(story, "as it arrived", rules).site_alerts())


def _alert_lines(story: str, alerts: list[Alert]) -> list[Line]:
    arrived = [{"number": RR1}, *tables(story)["arrived"]]
    names = {_patient(line, [line]): line["number"] for line in arrived if "number" in line}
    said = table(story, "alerts")
    columns = list(said[0]) if said else ["kind"]
    return [{name: cell for name in columns if (cell := _of_alert(alert, names)[name])} for alert in alerts]


def dropped(story: str) -> list[str]:
    """Why records were quarantined."""
    return flow_of(story, "as it arrived").reasons()


def table(story: str, title: str) -> list[Line]:
    """A table of the story as it is written; no lines where there is none."""
    return tables(story).get(title, [])


def _of_alert(alert: Alert, names: dict[str, str]) -> Line:
    turns = [f"{'+' if turn.state == 'open' else '-'}{turn.at:%d %H:%M}" for turn in alert.history]
    return {
        "kind": alert.kind,
        "site": alert.site,
        "case": names.get(alert.patient or "", ""),
        "is": alert.state,
        "since": _shown_time(alert.since),
        "severity": alert.severity,
        "turns": ", ".join(turns),
    }


def _parts(story: str) -> tuple[list[Line], list[Line]]:
    parts = tables(story)
    more = set(parts) - {"people", "alerts", "dropped"}
    assert more == {"arrived", "known"}, f"a story has two tables: {sorted(parts)}"
    assert parts["arrived"], "nothing arrived"
    unknown = {name for line in parts["known"] for name in line} - {*_COLUMNS, "case", "site", "person"}
    assert not unknown, f"no such columns: {unknown}"
    return parts["arrived"], parts["known"]


def flow_of(story: str, order: str, rules: Rules = RULES) -> Flow:
    """The flow when the story has arrived in this order."""
    arrivals = [_arrival(line) for line in tables(story)["arrived"]]
    flow = Flow(given(rules))
    last = [max(times)] if (times := [each for each in arrivals if isinstance(each, dt.datetime)]) else []
    for arrival in [*ORDERS[order](arrivals), *last]:
        match arrival:
            case dt.datetime():
                flow.ticks(arrival)
            case str():
                flow = flow.restarted()
            case _:
                flow.arrives(arrival)
    return flow


def _arrival(line: Line) -> Arrival:
    unknown = set(line) - _ARRIVED
    assert not unknown, f"no such columns: {unknown}"
    match line["what"].split():
        case ["clock"]:
            return _time(line["when"])
        case ["restart"]:
            return RESTART
        case ["upload"]:
            return upload_submitted(site=line.get("site", "RDGM"), uploaded_at=_time(line["when"]))
        case ["withdrawal"]:
            return _withdrawal(line)
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
                row=int(line.get("row", "2")),
                swab_date=_date(line.get("swab", "2020-05-01")),
                result=None if result is None else 1 if result == "1" else 0,
            )
        case other:
            raise AssertionError(f"nothing arrives that is called {other}")


def _withdrawal(line: Line) -> Arrival:
    if "number" not in line:
        return person_withdrawn(nhs_number=line["nhs"], withdrawn_at=_time(line["when"]))
    code, number = line.get("site", "RDGM"), line["number"]
    return patient_withdrawn(hospital_number=number, nhs_number=line.get("nhs"), site=code, withdrawn_at=_time(line["when"]))


_ARRIVED = {
    *(
        "when",
        "what",
        "site",
        "nhs",
        "number",
        "swab",
        "result",
        "upload",
        "row",
        "study",
        "dated",
        "images",
        "patients",
        "still",
    ),
}


def _patient(line: Line, arrived: list[Line]) -> str:
    code = line.get("site", arrived[0].get("site", "RDGM"))
    return NAMES.patient(site(code), hospital_number(line.get("case", arrived[0].get("number", RR1))))


def _line(status: CoverageStatus, said: Line) -> Line:
    """The columns of the status that the story names."""
    return {name: said[name] if name in {"case", "site"} else _shown(status, name) for name in said}


def _shown(status: CoverageStatus, name: str) -> str:
    if name == "person":
        return _people().get(status.person or "", "somebody else") if status.person else "none"
    return _COLUMNS[name](status)


def _people() -> dict[str, str]:
    return {NAMES.person(nhs(number)): number for number in (ANN, BOB, CAT, DAN)}


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
