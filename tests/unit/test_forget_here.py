"""Forgetting at a site what the centre says of its patients; and the keeper's turns."""

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.forget import Forgetting
from edge.holding import Holding
from edge.sending.outbox import Message, Outbox
from identity.pseudonyms import Pseudonymiser
from identity.seal import Sealer
from monitoring.forgetting import keeper
from monitoring.forgetting.forget import Forgotten
from monitoring.forgetting.keeper import Keeper
from monitoring.forgetting.plan import OptedOut
from monitoring.forgetting.words import forget_words
from monitoring.topics import TopicsUnavailableError
from schemas.coverage import Case
from schemas.kafka import KafkaSettings
from schemas.records import PatientWithdrawn, Raw
from schemas.topics import RAW_WIRE, WITHDRAWALS
from tests.factories import ANN, BOB, KEYRING, NOON, RR1, RR2, patient_withdrawn, raw_row, raw_study, sent, site

LATER = NOON + dt.timedelta(hours=1)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Ann and Bob have a row and a study each, and another site has one of Ann too."""
    with Outbox(tmp_path / "outbox.sqlite3") as opened:
        with opened.transaction(NOON) as transaction:
            arrived: list[Raw] = [
                raw_row(nhs_number=ANN, hospital_number=RR1),
                raw_study(patient_id=RR1),
                raw_row(nhs_number=BOB, hospital_number=RR2, row=3),
                raw_row(nhs_number=ANN, hospital_number="X999123", site="NTHV", row=4),
            ]
            for number, record in enumerate(arrived):
                topic, key = sent(record)
                transaction.add([Message(f"{record.event}-{number}", topic.name, key, RAW_WIRE.encode(record))])
        yield opened


def forgetting(outbox: Outbox, code: str = "RDGM") -> Forgetting:
    return Forgetting(Holding(site(code), Pseudonymiser(KEYRING), Sealer(KEYRING)), outbox)


def held(outbox: Outbox, code: str = "RDGM") -> list[str]:
    """The patients of whom the site holds something."""
    with outbox.transaction(LATER) as transaction:
        return sorted(each.patient for each in forgetting(outbox, code).holding.held(transaction))


def opt_outs(outbox: Outbox) -> list[PatientWithdrawn]:
    found = outbox.query("SELECT value FROM message WHERE topic = ? ORDER BY id", WITHDRAWALS.name)
    return [WITHDRAWALS.wire.decode(value) for (value,) in found]


def test_all_of_the_patient_goes_and_nothing_of_others(outbox: Outbox) -> None:
    ann, bob = (patient_withdrawn(hospital_number=number).patient for number in (RR1, RR2))
    assert held(outbox) == sorted([ann, ann, bob])
    assert forgetting(outbox)([patient_withdrawn(hospital_number=RR1, nhs_number=ANN)], LATER) == 1
    assert held(outbox) == [bob]
    assert len(held(outbox, "NTHV")) == 1


def test_it_is_remembered_by_pseudonym_so_that_nothing_more_is_taken(outbox: Outbox) -> None:
    said = patient_withdrawn(hospital_number=RR1, nhs_number=ANN)
    forgetting(outbox)([said], LATER)
    assert opt_outs(outbox) == [said]
    assert outbox.query("SELECT count(*) FROM message WHERE event = ?", f"withdrawn-{said.patient}") == [(1,)]


def test_a_second_time_there_is_nothing_to_do(outbox: Outbox) -> None:
    said = patient_withdrawn(hospital_number=RR1)
    assert forgetting(outbox)([said], LATER) == 1
    assert forgetting(outbox)([said], LATER) == 0
    assert len(opt_outs(outbox)) == 1


def test_other_sites_patients_are_left_to_them(outbox: Outbox) -> None:
    before = held(outbox)
    assert forgetting(outbox)([patient_withdrawn(hospital_number="X1", site="EXMR")], LATER) == 0
    assert (held(outbox), opt_outs(outbox)) == (before, [])


class Turns:
    """What a keeper did: the broker's part recorded, since what there is to erase is another test's matter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.gone, self.searched, self.here = NOON, dict[str, OptedOut](), 0, 0
        monkeypatch.setattr(keeper, "withdrawn_on", lambda _: self.gone)
        monkeypatch.setattr(keeper, "forget", self._searches)
        self.keeper = Keeper(KafkaSettings(bootstrap="nowhere:9"), self._here, lambda: self.now)

    def _searches(self, _: KafkaSettings) -> Forgotten:
        self.searched += 1
        return Forgotten(len(self.gone), erased=2, rewritten=5)

    def _here(self, said: object) -> int:
        assert isinstance(said, list)
        self.here = len(said)
        return 0

    def opts_out(self, patient: str) -> None:
        case = Case(patient=patient, site="RDGM", key_version=1, persons=["PA", "PB"], withdrawn_at=NOON)
        self.gone = {**self.gone, patient: OptedOut("M", case, NOON)}


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    return Turns(monkeypatch)


def test_nobody_has_opted_out(turns: Turns) -> None:
    assert turns.keeper.turn() == Forgotten(0)
    assert turns.searched == 0


def test_the_topics_are_searched_when_somebody_new_has_opted_out(turns: Turns) -> None:
    turns.opts_out("CovidA")
    turns.keeper.turn()
    turns.keeper.turn()
    assert (turns.searched, turns.here) == (1, 2)
    turns.opts_out("CovidB")
    turns.keeper.turn()
    assert turns.searched == 2


def test_and_once_a_day_for_what_came_late(turns: Turns) -> None:
    turns.opts_out("CovidA")
    turns.keeper.turn()
    turns.now += dt.timedelta(hours=23)
    turns.keeper.turn()
    assert turns.searched == 1
    turns.now += dt.timedelta(hours=1)
    turns.keeper.turn()
    assert turns.searched == 2


def test_a_turn_that_fails_is_tried_again(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, tries = threading.Event(), []

    def fails(_: KafkaSettings) -> dict[str, OptedOut]:
        tries.append(1)
        if len(tries) == 2:
            stop.set()
        raise TopicsUnavailableError("nothing can be read")

    monkeypatch.setattr(keeper, "withdrawn_on", fails)
    monkeypatch.setattr(keeper, "tidy", lambda _: None)
    turns.keeper.run(stop, dt.timedelta(0))
    assert len(tries) == 2
    assert "tried again: nothing can be read" in caplog.text


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Forgotten(0), "nobody has opted out"),
        (Forgotten(2), "the topics hold no record of them any more"),
        (Forgotten(2, erased=7, rewritten=90), "7 records of theirs are erased from the topics (90 of other patients"),
        (Forgotten(2, refused=True), "This broker cannot erase records on request"),
    ],
)
def test_what_was_done_is_told(done: Forgotten, words: str) -> None:
    assert words in forget_words(done)
