"""The audit and the quarantine on a real broker: what is sound adds up, what is planted is found, what is mended goes on."""

import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from kafka import KafkaProducer
from msgspec.structs import replace

from edge.door import open_door
from monitoring.audit import Verdict, run_audit
from monitoring.purge import purge, read_quarantine
from monitoring.topics import TopicsUnavailableError
from schemas.kafka import KafkaSettings
from schemas.topics import COVERAGE_STATUS, PARTITIONS, QUARANTINE, RAW_ROWS, ROWS, TOPICS
from streams.earlier import quarantined_before
from streams.topology import TOPOLOGY
from synth.files import write_world
from synth.world import make_world
from tests.broker.conftest import EmbeddedBroker
from tests.broker.setups import Installation, installed, until
from tests.factories import ANN, NOON, RULES, SITES, Flow, raw_row, raw_study

Message = tuple[str, bytes, bytes | None]
"""Topic, key, value."""


def publish(address: str, messages: Sequence[Message]) -> None:
    producer = KafkaProducer(bootstrap_servers=address, acks="all")
    for topic, key, value in messages:
        producer.send(topic, key=key, value=value, partition=(murmur2(key) & 0x7FFFFFFF) % PARTITIONS)
    producer.flush(20)
    producer.close()


# --- a broker without workers: exactly what a test puts there ----------------------------------------------------------


@pytest.fixture
def broker(embedded: EmbeddedBroker) -> EmbeddedBroker:
    embedded.start([topic.name for topic in TOPICS])
    return embedded


def written(patients: int = 30) -> list[Message]:
    """All that a flow of so many patients has written."""
    flow = Flow()
    for number in range(patients):
        hospital_number = f"RR999{number:05}"
        flow.arrives(raw_row(hospital_number=hospital_number, nhs_number=None, row=number + 2))
        flow.arrives(raw_study(patient_id=hospital_number, study=f"S{number}"))
    return [(topic, key, value) for topic, log in flow.broker.topics.items() for key, value in log]


def audit(broker: EmbeddedBroker, wait: float = 0.5) -> Verdict:
    return run_audit(broker.settings, TOPOLOGY, RULES, SITES, lambda: NOON, wait=wait)


def test_what_is_sound_adds_up_to_the_last_record(broker: EmbeddedBroker) -> None:
    """The broker misreports where partitions end."""
    publish(broker.address, written(300))
    verdict = audit(broker)
    assert (verdict.problems, sum(verdict.came_in.values()), sum(verdict.went_out.values())) == ((), 600, 600)


@pytest.mark.parametrize("topic", [ROWS, COVERAGE_STATUS], ids=lambda topic: topic.name)
def test_what_is_lost_is_found(broker: EmbeddedBroker, topic: Any) -> None:  # noqa: ANN401  # one of our topics
    messages = written()
    last = max(index for index, (name, _, _) in enumerate(messages) if name == topic.name)
    publish(broker.address, messages[:last] + messages[last + 1 :])
    assert len(audit(broker).problems) == (2 if topic == ROWS else 1)  # the event, and the status that has it


def test_a_changed_status_is_found(broker: EmbeddedBroker) -> None:
    def changed(topic: str, value: bytes | None) -> bytes | None:
        return value and value.replace(b'"complete"', b'"images-missing"') if topic == COVERAGE_STATUS.name else value

    publish(broker.address, [(topic, key, changed(topic, value)) for topic, key, value in written()])
    assert len([problem for problem in audit(broker).problems if "status.state" in problem]) == 30


def test_what_is_on_its_way_is_waited_for(broker: EmbeddedBroker) -> None:
    messages = written()
    late = [message for message in messages if message[0] == COVERAGE_STATUS.name]
    publish(broker.address, [message for message in messages if message[0] != COVERAGE_STATUS.name])
    said: list[int] = []

    def then_it_comes(number: int) -> None:
        said.append(number)
        publish(broker.address, late)

    verdict = run_audit(broker.settings, TOPOLOGY, RULES, SITES, lambda: NOON, wait=30, waiting=then_it_comes)
    assert (verdict.problems, said) == ((), [30])


def test_nobody_there_is_said(embedded: EmbeddedBroker) -> None:
    with pytest.raises(TopicsUnavailableError, match="is `nccid up` running"):
        audit(embedded)
    embedded.start([])
    with pytest.raises(TopicsUnavailableError, match="none of our topics"):
        audit(embedded)


def test_what_is_purged_is_held_no_more(broker: EmbeddedBroker) -> None:
    flow = Flow()
    for _ in range(3):
        flow.broker.publish(RAW_ROWS, b"r", b"garbage")
    publish(broker.address, [(topic, key, value) for topic, log in flow.broker.topics.items() for key, value in log])
    held = read_quarantine(broker.settings).held()
    assert len(held) == 3
    done = purge(broker.settings, held[:2], NOON)
    assert (done.purged, done.refused) == (2, isinstance(broker, EmbeddedBroker))  # which cannot erase
    assert [each.id for each in read_quarantine(broker.settings).held()] == [held[2].id]
    assert purge(broker.settings, [], NOON).purged == 0


def test_a_worker_learns_what_was_quarantined_before_it_started(broker: EmbeddedBroker) -> None:
    flow = Flow()
    for number in range(5):
        flow.broker.publish(RAW_ROWS, b"r", b"garbage %d" % number)
    for key, value in flow.broker.topics[QUARANTINE.name]:
        publish(broker.address, [(QUARANTINE.name, key, value)])  # one at a time: then this broker's ends are right
    publish(broker.address, [(QUARANTINE.name, b"k", b"garbage")])
    assert quarantined_before(broker.settings, 10) == {("pseudonymise", RAW_ROWS.name, 0): set(range(5))}


def test_a_worker_does_not_wait_long_to_learn_it() -> None:
    assert quarantined_before(KafkaSettings(bootstrap="127.0.0.1:9"), 10) == {}


# --- the whole set-up ---------------------------------------------------------------------------------------------------


def quarantine(installation: Installation, *arguments: str, status: int = 0) -> Any:  # noqa: ANN401  # JSON
    """A command of the group, whose ``--dir`` stands after its name."""
    name, *rest = arguments
    command = [*installation.command("quarantine")[:1], "quarantine", name, "--dir", str(installation.home.root), *rest, "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == status, f"{name} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}"
    return json.loads(ran.stdout) if ran.stdout else None


def deliver(installation: Installation, site: str, kind: str, path: Path) -> None:
    if kind != "withdraw":
        installation.deliver(site, kind, path)
        return
    with open_door(installation.home, site) as door:
        door.withdraw(path.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A set-up on which invented sites have sent everything, while a worker was killed again and again."""
    root = tmp_path_factory.mktemp("audit")
    with installed(root) as installation:
        world = root / "world"
        write_world(make_world(3, 40, SITES, dt.datetime.now(dt.UTC).date()), world)
        installation.up()
        deliveries = json.loads((world / "deliveries.json").read_text(encoding="utf-8"))
        for number, delivery in enumerate(deliveries):
            deliver(installation, delivery["site"], delivery["kind"], world / delivery["path"])
            if number in {len(deliveries) // 3, 2 * len(deliveries) // 3}:
                installation.kill("worker", "pseudonymise" if number < len(deliveries) // 2 else "reconcile")
        yield installation


def test_after_kill_9_everything_adds_up_and_nothing_leaks(running: Installation) -> None:
    answer = running.answer("audit", "--wait", "60")
    assert answer["ok"]
    assert answer["problems"] == []
    assert sum(answer["in"].values()) == sum(answer["out"].values()) + sum(answer["quarantined"].values())
    assert answer["in"][RAW_ROWS.name] > 40


def test_the_verdict_in_words(running: Installation) -> None:
    said = running.run("audit")
    assert said.returncode == 0, said.stdout
    assert said.stdout.rstrip().endswith("everything adds up")
    assert "in = " in said.stdout.splitlines()[-1]


def test_garbage_on_every_topic_is_quarantined_or_named(running: Installation) -> None:
    before = running.answer("audit")
    read = {topic.name for step in TOPOLOGY.steps for topic in step.all_read}
    publish(running.address, [(topic.name, b"garbage", b"\xff garbage") for topic in TOPICS if topic.name in read])
    until(lambda: len(quarantine(running, "list")["records"]) >= len(read), "all of it is in quarantine")
    answer = running.answer("audit")
    assert answer["ok"], answer["problems"]
    assert sum(answer["in"].values()) > sum(before["in"].values())
    listed = quarantine(running, "list", "--reason", "undecodable")
    assert {each["source"]["topic"] for each in listed["records"]} == read


def test_a_record_of_an_unknown_site_waits_in_quarantine_and_is_replayed(running: Installation) -> None:
    record = raw_row(site="NOWH")
    publish(running.address, [(RAW_ROWS.name, b"no key of ours", RAW_ROWS.wire.encode(record))])
    until(lambda: quarantine(running, "list", "--reason", "unknown-site")["records"], "it is in quarantine")
    (held,) = quarantine(running, "list", "--reason", "unknown-site")["records"]
    shown = quarantine(running, "show", held["id"])
    assert shown["original"]["identity"] == {"key_version": 1, "characters": len(record.identity.text)}
    assert quarantine(running, "replay", held["id"])["records"] == [{"id": held["id"], "replayed": True, "why_not": None}]
    until(lambda: len(quarantine(running, "list", "--reason", "unknown-site")["records"]) == 2, "and is rejected again")
    assert quarantine(running, "purge", "--all", status=2) is None  # only with --yes
    assert quarantine(running, "purge", "--all", "--yes")["purged"] >= 2
    assert quarantine(running, "list")["records"] == []
    assert running.answer("audit")["ok"]


def test_what_cannot_be_replayed_is_said(running: Installation) -> None:
    publish(running.address, [(ROWS.name, b"garbage", b"more garbage"), (RAW_ROWS.name, b"garbage", b"more garbage")])
    until(lambda: len(quarantine(running, "list")["records"]) == 2, "it is in quarantine")
    answers = quarantine(running, "replay", "--all", status=1)["records"]
    assert sorted(each["why_not"].partition(",")[0] for each in answers) == [
        "the bytes are no record",
        "the payload was kept sealed",
    ]


def test_an_identifier_on_a_topic_is_named_and_not_repeated(running: Installation) -> None:
    """Last: it stays there."""
    flow = Flow().arrives(raw_row(hospital_number="RR99977777", nhs_number=None))
    ((key, value),) = flow.broker.topics[ROWS.name]
    planted = replace(ROWS.wire.decode(value), values={"comment": ANN})
    publish(running.address, [(ROWS.name, key, ROWS.wire.encode(planted))])
    ran = running.run("audit", "--json")
    answer = json.loads(ran.stdout)
    assert (ran.returncode, answer["ok"]) == (1, False)
    assert [problem.partition(",")[0] for problem in answer["problems"]] == [ROWS.name]
    assert ANN not in ran.stdout + ran.stderr


# --- the limit ----------------------------------------------------------------------------------------------------------


def test_a_worker_stops_when_most_of_a_stream_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(tmp_path) as installation:
        monkeypatch.setattr("tests.broker.setups.environment", lambda: _with_limit(20))
        installation.up()
        publish(installation.address, [(RAW_ROWS.name, b"one key", b"garbage %d" % number) for number in range(60)])
        log = installation.home.logs / "worker-pseudonymise.log"
        until(lambda: "could not be used" in log.read_text(encoding="utf-8"), "it has stopped")
        line = next(line for line in log.read_text(encoding="utf-8").splitlines() if "could not be used" in line)
        for part in ("CRITICAL", RAW_ROWS.name, "offset 20", "undecodable", "nccid quarantine list", "NCCID_QUARANTINE_LIMIT"):
            assert part in line
        said = "worker-pseudonymise stopped and needs a person"
        until(lambda: said in installation.stderr.read_text(encoding="utf-8"), "it stays stopped, and that is said")


def _with_limit(most: int) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")} | {
        "NCCID_QUARANTINE_LIMIT": str(most)
    }
