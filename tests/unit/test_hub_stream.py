"""Changes and the stream of them: each one once, in order, resumable, and nobody waits for a slow reader."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitoring.hub.changes import Changes
from monitoring.hub.known import Moved
from monitoring.hub.problems import Refusal
from monitoring.hub.tokens import NATIONAL, revoke
from tests.factories import BOB, RR2, Flow, raw_row, raw_study
from tests.hubs import AskedHub, messages

Told = list[tuple[str, str, Any]]


def data(changes: Changes, mark: str) -> list[bytes] | None:
    found = changes.after(mark)
    return None if found is None else [change.data for change in found]


def test_of_each_site_the_latest_coverage_and_every_alert() -> None:
    changes = Changes()
    begin = changes.mark()
    for kind, site, said in (("coverage", "A", b"1"), ("alert", "A", b"x"), ("coverage", "A", b"2"), ("coverage", "B", b"3")):
        changes.add(kind, site, said)  # type: ignore[arg-type]  # kinds
    assert data(changes, begin) == [b"x", b"2", b"3"]
    assert data(changes, changes.mark(3)) == [b"3"]
    assert data(changes, changes.mark()) == []


@pytest.mark.parametrize("mark", ["", "x", "other.1", ".", "{run}.99", "{run}.-1", "{run}.²", "{run}.1\n"])
def test_a_mark_that_nobody_knows_means_to_look_again(mark: str) -> None:
    changes = Changes()
    changes.add("alert", "A", b"x")
    assert changes.after(mark.replace("{run}", changes.run)) is None


def test_who_is_too_far_behind_has_to_look_again() -> None:
    changes = Changes()
    begin = changes.mark()
    for _ in range(2_001):
        changes.add("alert", "A", b"x")
    assert changes.after(begin) is None
    assert len(changes.after(changes.mark(1)) or ()) == 2_000


def events(piece: bytes) -> Told:
    """The events in a piece of the stream: id, kind, data."""
    told: Told = []
    for block in piece.decode().split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.splitlines())
        if "event" in fields:
            told.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return told


async def following(stream: AsyncIterator[bytes]) -> Told:
    return events(await asyncio.wait_for(anext(stream), 5))


def kinds(told: Told) -> list[str]:
    return [f"{kind} {said['site']}" if "site" in said else kind for _, kind, said in told]


def more(asked: AskedHub, flow: Flow) -> Moved:
    """The hub takes in what the flow has published since."""
    known = asked.hub.known
    moved = known.take([each for each in messages(flow) if each.offset >= known.offsets.get((each.topic, 0), 0)])
    asked.hub.moved(moved)
    asked.hub.tell()
    return moved


def test_first_everything_then_what_moves_then_on_from_where_it_ended(tmp_path: Path) -> None:
    flow = Flow().arrives(raw_row())
    asked = AskedHub(tmp_path, flow)

    async def watch() -> None:
        token = asked.tokens["RDGM"][0]
        stream = asked.streams.open(token, "")
        assert await following(stream) == []  # how soon to come back
        assert kinds(await following(stream)) == ["again", "coverage RDGM", "view"]
        more(asked, flow.arrives(raw_study()))
        ((mark, _, said),) = await following(stream)
        assert (said["coverage"]["states"], said["ages"]) == ({"complete": 1}, {})
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator

        more(asked, flow.arrives(raw_row(nhs_number=BOB, hospital_number=RR2)))
        stream = asked.streams.open(token, mark)
        await following(stream)
        told = await following(stream)
        assert kinds(told) == ["coverage RDGM", "view"]
        assert told[0][2]["coverage"]["cases"] == 2
        await stream.aclose()  # type: ignore[attr-defined]  # as above
        assert asked.streams.count == 0

    asyncio.run(watch())


def test_a_site_is_told_nothing_of_the_others(tmp_path: Path) -> None:
    flow = Flow().arrives(raw_row())
    asked = AskedHub(tmp_path, flow)

    async def watch() -> None:
        penm, national = (asked.streams.open(asked.tokens[scope][0], "") for scope in ("PENM", NATIONAL))
        for stream in (penm, national):
            await following(stream)
            await following(stream)
        more(asked, flow.arrives(raw_study()))
        more(asked, flow.arrives(raw_row(site="PENM", hospital_number="0999123", nhs_number=BOB)))
        assert kinds(await following(national)) == ["coverage RDGM", "coverage PENM"]
        assert kinds(await following(penm)) == ["coverage PENM"]

    asyncio.run(watch())


def test_an_alert_is_told_when_it_turns_but_not_while_old_news_is_read(tmp_path: Path) -> None:
    flow = Flow().arrives(raw_row(hospital_number="99900001"), raw_study())
    asked = AskedHub(tmp_path)
    asked.hub.progress.caught_up = False

    async def watch() -> None:
        stream = asked.streams.open(asked.tokens["RDGM"][0], asked.hub.changes.mark())
        await following(stream)
        await following(stream)
        assert len(more(asked, flow).alerts) == 2
        assert kinds(await following(stream)) == ["coverage RDGM"]
        asked.hub.progress.caught_up = True
        more(asked, flow.arrives(raw_study(patient_id="99900001", study="S2")))
        told = await following(stream)
        assert kinds(told) == ["coverage RDGM", "alert RDGM", "alert RDGM"]
        assert {said["state"] for _, kind, said in told if kind == "alert"} == {"resolved"}

    asyncio.run(watch())


def test_a_stream_ends_with_its_token(tmp_path: Path) -> None:
    asked = AskedHub(tmp_path)
    asked.streams.heartbeat_seconds = 0.01

    async def watch() -> None:
        stream = asked.streams.open(asked.tokens["RDGM"][0], "")
        await following(stream)
        revoke(asked.path, scope="RDGM")
        assert kinds([event async for piece in stream for event in events(piece)])[-1] == "ended"

    asyncio.run(watch())


def test_one_token_opens_only_so_many_streams(tmp_path: Path) -> None:
    asked = AskedHub(tmp_path)

    async def watch() -> None:
        streams = [asked.streams.open(asked.tokens["RDGM"][0], "") for _ in range(50)]
        for stream in streams:
            await following(stream)
        with pytest.raises(Refusal):
            asked.streams.open(asked.tokens["RDGM"][0], "")
        asked.streams.open(asked.tokens["PENM"][0], "")

    asyncio.run(watch())
