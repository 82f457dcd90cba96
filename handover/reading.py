"""The topics as an export reads them: the plan from the published cases, then the rows, in pieces, so that memory stays flat."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import takewhile
from typing import TypeVar

from aiokafka.errors import KafkaError

from handover import breaking_off
from handover.plan import OptOut, Plan, Planner
from monitoring.topics import Found, TopicsReader, TopicsUnavailableError
from schemas.coverage import CasesReconciled
from schemas.kafka import KafkaSettings
from schemas.records import RowPseudonymised
from schemas.rules import Rules
from schemas.topics import COVERAGE_STATUS, PERSON_WITHDRAWALS, ROWS, WITHDRAWALS
from schemas.wire import UndecodableError, Wire

TakeRows = Callable[[Iterable[RowPseudonymised]], None]
Take = Callable[[CasesReconciled], None]

_CASES = (COVERAGE_STATUS, WITHDRAWALS, PERSON_WITHDRAWALS)

R = TypeVar("R")


def read_plan(kafka: KafkaSettings, rules: Rules) -> Plan:
    """What may be handed over now; to be closed.

    Raises:
        TopicsUnavailableError: nobody answers, or none of our topics is there.
    """
    planner = Planner(rules)

    def take(found: Sequence[Found]) -> None:
        for each in found:
            _take(each, planner.published, planner.opted_out)

    _run(_read(kafka, [topic.name for topic in _CASES], take))
    return planner.plan()


def read_cases(kafka: KafkaSettings, take: Take) -> None:
    """All records of ``nccid.coverage-status``, in their order; the last of each match counts.

    Raises:
        TopicsUnavailableError: as ``read_plan``.
    """

    def cases(found: Sequence[Found]) -> None:
        for each in found:
            _take(each, take, _ignore)

    _run(_read(kafka, [COVERAGE_STATUS.name], cases))


def read_rows(kafka: KafkaSettings, take: TakeRows) -> None:
    """All rows on ``nccid.rows``, in pieces. What is no row there is in quarantine, and is passed over.

    Args:
        kafka: the cluster.
        take: called with each piece, in a thread of its own, so that the broker is not kept waiting.

    Raises:
        TopicsUnavailableError: as ``read_plan``.
    """
    ending = threading.Event()

    def rows(found: Sequence[Found]) -> None:
        left = takewhile(lambda _: not ending.is_set(), found)
        take(row for each in left if (row := decoded(each, ROWS.wire)) is not None)  # each when it is its turn: rows are large

    _run(_read(kafka, [ROWS.name], rows, ending))


def _take(found: Found, published: Take, opted_out: Callable[[OptOut], None]) -> None:
    if found.topic == COVERAGE_STATUS.name:
        if (cases := decoded(found, COVERAGE_STATUS.wire)) is not None:
            published(cases)
    elif found.topic == WITHDRAWALS.name:
        if (patient := decoded(found, WITHDRAWALS.wire)) is not None:
            opted_out(patient)
    elif (person := decoded(found, PERSON_WITHDRAWALS.wire)) is not None:
        opted_out(person)


def decoded(found: Found, wire: Wire[R]) -> R | None:
    """The record, or nothing where it is none: the steps quarantine that."""
    try:
        return wire.decode(found.value or b"")
    except UndecodableError:
        return None


def _ignore(_: object) -> None:
    """For those who do not ask."""


async def _read(
    kafka: KafkaSettings, names: Sequence[str], take: Callable[[Sequence[Found]], object], ending: threading.Event | None = None
) -> None:
    """Hands over what is read; ``ending`` is set where it is broken off, since a thread cannot be."""
    async with TopicsReader(kafka) as reader:
        if unseen := [name for name in names if name not in reader.names]:  # an export that sees no opt-outs must not run
            raise TopicsUnavailableError(
                f"{' and '.join(unseen)} cannot be seen: not there (`nccid topics` makes what is missing), or this user of the "
                "cluster may not read it (docs/operate.md, Rights)"
            )
        await reader.read(names)
        try:
            async for found in reader.to_the_ends():
                await asyncio.to_thread(take, found)
        except BaseException:
            if ending is not None:
                ending.set()
            raise


def _run(reading: Coroutine[None, None, None]) -> None:
    try:
        breaking_off.run(reading)
    except KafkaError as error:
        raise TopicsUnavailableError(f"the topics cannot be read ({type(error).__name__}); is `nccid up` running?") from None
