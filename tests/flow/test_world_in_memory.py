"""An invented world through the real edge and the topology in memory, the clock at its end: all answers equal the truth.

The same messages in three ways: as a sender that keeps up carries them; those in any other order; and as the outbox holds them in
the end, from which an empty broker is filled: what was deleted for somebody who opted out is missing there.
"""

import datetime as dt
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import edge.door
from agents.quarantine import Reason
from edge.checker import asked
from edge.door import Door, open_door
from edge.sending.outbox import Stored
from identity import keyring
from local.homes import make_home
from monitoring.checker import Question, answers
from monitoring.coverage import coverage
from monitoring.view import StatusView
from schemas.home import Home
from schemas.rules import read_rules
from schemas.topics import COVERAGE_STATUS, QUARANTINE, TOPICS, AnyTopic
from streams.memory import MemoryBroker
from streams.topology import TOPOLOGY
from synth.compare import differences
from synth.files import write_world
from synth.world import make_world
from tests.factories import SITES, given
from tests.from_pacs import taken_from_pacs

PATIENTS, SEED = 120, 11
BEGAN = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
ENDED = BEGAN + dt.timedelta(hours=1)  # long after the short deadlines, long before the usual ones

_ALL = 1_000_000
_TOPICS: dict[str, AnyTopic] = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True)
class Given:
    """A world that has been given in at its sites' doors."""

    world: Path
    home: Home
    carried: list[Stored]  # by a sender that keeps up
    left: list[Stored]  # in the outbox at the end

    @property
    def truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads((self.world / "truth.json").read_text(encoding="utf-8"))
        return truth

    def arrived(self, sent: Iterable[Stored], at: dt.datetime = ENDED) -> MemoryBroker:
        """A broker on which these messages have arrived, and then the clock has said ``at``."""
        broker = MemoryBroker(TOPOLOGY, given(read_rules(self.home.rules), keyring.load(self.home.keyring)))
        for each in sent:
            broker.publish(_TOPICS[each.topic], each.key, each.value)
        broker.tick(at)
        return broker

    def differences(self, broker: MemoryBroker) -> list[str]:
        """Where the answers differ from the truth: coverage and Checker, as everybody reads them."""
        view = StatusView()
        for _, value in broker.topics[COVERAGE_STATUS.name]:
            view.apply(COVERAGE_STATUS.wire.decode(value))
        truth = self.truth
        numbers = list(truth["people"])
        found = answers([Question(each.person, each.reason) for each in asked(numbers, self.home)], view)
        counted = {code: site.as_json() for code, site in coverage(view).items()}
        return differences(truth, {"sites": counted}, {n: a.as_json() for n, a in zip(numbers, found, strict=True)})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Given:
    root = tmp_path_factory.mktemp("world-in-memory")
    folder, home = root / "world", Home(root / "home")
    write_world(make_world(SEED, PATIENTS, SITES, BEGAN.date()), folder)
    make_home(home, (folder / "sites.toml").read_text(encoding="utf-8"), (folder / "rules.toml").read_text(encoding="utf-8"))
    keyring.create(home.keyring, BEGAN)
    carried: list[Stored] = []
    with pytest.MonkeyPatch.context() as patch, open_door(home, "RDGM") as sender:
        for second, delivery in enumerate(json.loads((folder / "deliveries.json").read_text(encoding="utf-8"))):
            patch.setattr("edge.door._now", lambda second=second: BEGAN + dt.timedelta(seconds=second))
            with open_door(home, delivery["site"]) as door:
                door.outbox._connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug here
                _deliver(door, delivery["kind"], folder / delivery["path"])
            through = carried[-1].id if carried else 0
            carried += (each for each in sender.outbox.unsent("a cluster", _ALL) if each.id > through)
        left = sender.outbox.unsent("a cluster", _ALL)
    return Given(folder, home, carried, left)


def _deliver(door: Door, kind: str, path: Path) -> None:
    if kind == "images":
        assert not door.send_images([path]).failed
    elif kind == "pacs":
        taken_from_pacs(door, path, edge.door._now())
    elif kind == "withdraw":
        door.withdraw(path.read_text(encoding="utf-8").splitlines())
    else:
        assert door.upload(path, "positive" if kind == "positive" else "negative").accepted


def test_in_the_order_in_which_it_was_given_in(world: Given) -> None:
    broker = world.arrived(world.carried)

    assert world.differences(broker) == []


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order(world: Given, seed: int) -> None:
    shuffled = list(world.carried)
    random.Random(seed).shuffle(shuffled)

    assert world.differences(world.arrived(shuffled)) == []


@pytest.mark.parametrize("seed", range(2))
def test_one_topic_after_the_other_each_in_any_order(world: Given, seed: int) -> None:
    chance = random.Random(seed)
    place = {name: chance.random() for name in _TOPICS}
    shuffled = sorted(world.carried, key=lambda sent: (place[sent.topic], chance.random()))

    assert world.differences(world.arrived(shuffled)) == []


def test_into_an_empty_broker_from_what_the_outbox_still_holds(world: Given) -> None:
    assert len(world.left) < len(world.carried)
    assert world.differences(world.arrived(world.left)) == []


def test_nothing_is_refused_but_what_comes_from_people_who_have_opted_out(world: Given) -> None:
    broker = world.arrived(world.carried)

    assert {QUARANTINE.wire.decode(value).reason for _, value in broker.topics[QUARANTINE.name]} == {Reason.WITHDRAWN}


def test_a_deadline_that_nobody_announced_would_be_noticed(world: Given) -> None:
    told = world.differences(world.arrived(world.carried, at=BEGAN))

    assert all(line.startswith("LARK: states: ") or ": LARK " in line for line in told)
    assert any(line.startswith("LARK: states: images-missing: ") for line in told)
