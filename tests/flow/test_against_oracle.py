"""The folds against the oracle: whatever happens, in whatever order, what is published is what the design says.

``HYPOTHESIS_PROFILE=nightly`` tries ten thousand histories.
"""

import datetime as dt

from hypothesis import given, target

from identity.hospital import HospitalNumber
from identity.pseudonyms import Pseudonymiser
from schemas.coverage import Counts, CoverageStatus
from streams.topology import TOPOLOGY
from tests.factories import ANN, BOB, CAT, KEYRING, SITES, Flow, nhs
from tests.factories import given as things_given
from tests.flow.histories import RULES, Told, as_sent, histories
from tests.flow.oracle import Coverage, Known, Place

NAMES = Pseudonymiser(KEYRING)
NOBODY: dict[str | None, str | None] = {None: None}
PEOPLE = NOBODY | {NAMES.person(nhs(number)): number for number in (ANN, BOB, CAT)}


def patient(where: Place) -> str:
    site, number = where
    return NAMES.patient(SITES[site], HospitalNumber(number))


def told(history: Told) -> Flow:
    """The flow when the history has been told and the clock has had the last word."""
    flow = Flow(things_given(RULES))
    for step in history.steps:
        match step:
            case dt.datetime():
                flow.ticks(step)
            case str():
                flow = restarted(flow, step)
            case _:
                flow.arrives(as_sent(step))
    return flow.ticks(history.now)


def restarted(flow: Flow, how: str) -> Flow:
    """Another process; where all is told again, each topic of the edge from its start, one after the other."""
    after = flow.restarted() if how.startswith("kept") else Flow(flow.broker.given)
    if how.endswith("told again"):
        for topic in TOPOLOGY.fed_by_edge:
            for key, value in flow.broker.topics[topic.name]:
                after.broker.publish(topic, key, value)
    else:
        for topic in TOPOLOGY.fed_by_edge:
            after.broker.topics[topic.name] = list(flow.broker.topics[topic.name])
    return after


def as_known(status: CoverageStatus, expected: Known | None) -> Known:
    """The status in the oracle's words. Of a withdrawn case that has named several people, any of them may be told."""
    person = PEOPLE[status.person]
    people = expected.people if expected and person in expected.people and status.state == "withdrawn" else frozenset({person})
    return Known(
        state=status.state,
        group=status.group,
        flags=frozenset(status.flags),
        data=status.data,
        images={kind: _counts(getattr(status.images, kind)) for kind in ("xray", "ct", "mr", "other")},
        people=people,
        deadline=status.deadline,
        since=status.since,
    )


def _counts(counts: Counts) -> tuple[int, int]:
    return (counts.in_window, counts.out_of_window)


@given(histories())
def test_every_status_is_what_the_design_says(history: Told) -> None:
    flow, oracle = told(history), Coverage(history.events, history.now)
    expected = {patient(where): known for where, known in oracle.known().items()}
    statuses = flow.statuses()
    target(float(len({flag for known in expected.values() for flag in (*known.flags, known.state)})), label="states and flags")
    assert {name: as_known(status, expected.get(name)) for name, status in statuses.items()} == expected


@given(histories())
def test_every_person_is_what_the_design_says(history: Told) -> None:
    flow, oracle = told(history), Coverage(history.events, history.now)
    flags = {PEOPLE[person]: set(known.flags) for person, known in flow.people().items() if known.flags}
    expected = {person: oracle.flags_of(person) for person in (ANN, BOB, CAT) if oracle.flags_of(person)}
    assert flags == expected
