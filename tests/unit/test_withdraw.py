"""Withdrawal at the site: everything of the patient is deleted, nothing of anybody else, and the centre is told by pseudonym."""

import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from edge import upload, withdraw
from edge.images.headers import Instance
from edge.images.studies import Arrival, StudyBook
from edge.sending.outbox import Message, Outbox
from edge.spreadsheets.rows import Checked, Row
from edge.withdraw import Withdrawal, WithdrawalAnswer
from identity.keyring import Keyring
from identity.seal import RowIdentity, Sealer, SealError, StudyIdentity
from schemas.people import PersonWithdrawn
from schemas.problems import UnusableInputError
from schemas.records import PatientWithdrawn, RowSubmitted
from schemas.sites import Site
from schemas.topics import PERSON_WITHDRAWALS, RAW_IMAGES, RAW_ROWS, RAW_WIRE, WITHDRAWALS
from tests.edge_factories import (
    HOSPITAL_NUMBERS,
    NHS_NUMBERS,
    NHS_SITE,
    NOON,
    PSEUDONYMISER,
    SEALER,
    SITE,
    hospital_number,
    nhs,
    row,
)

ANN, BOB, CAT, DAN = NHS_NUMBERS
RR1, RR2, RR3, RR4 = HOSPITAL_NUMBERS
LATER = NOON + dt.timedelta(days=1)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "data" / "outbox.sqlite3") as opened:
        yield opened


def uploads(outbox: Outbox, monkeypatch: pytest.MonkeyPatch, *rows: Row, site: Site = SITE) -> None:
    """A workbook with these rows is uploaded; each is another file."""
    monkeypatch.setattr(upload, "check_workbook", lambda *_: Checked(rows=rows, errors=(), warnings=()))
    path = outbox.path.with_name("sheet.xlsx")
    path.write_text(repr([(each.number, each.nhs and each.nhs.digits, each.hospital and each.hospital.text) for each in rows]))
    upload.submit_upload(path, site, "positive", outbox, PSEUDONYMISER, SEALER, NOON)
    path.unlink()


def images(outbox: Outbox, patient: str, study: str, site: Site = SITE) -> None:
    """Two images of a study arrive."""
    taken = [
        Instance(
            study_uid=study,
            instance_uid=f"{study}.{number}",
            patient_id=hospital_number(patient),
            study_date=None,
            modality="CT",
            body_part=None,
            manufacturer=None,
            model=None,
        )
        for number in (1, 2)
    ]
    with outbox.transaction(NOON) as transaction:
        StudyBook(site, "node", PSEUDONYMISER, SEALER).take(transaction, map(Arrival, taken), settled=True)


def withdrawn(outbox: Outbox, *numbers: str, site: Site = SITE, sealer: Sealer = SEALER) -> WithdrawalAnswer:
    return Withdrawal(site, outbox, PSEUDONYMISER, sealer)(numbers, LATER)


def left(outbox: Outbox) -> list[tuple[str, str | None]]:
    """What is left of rows and studies: hospital number or PatientID, and NHS number."""
    found = []
    for (value,) in outbox.query("SELECT value FROM message WHERE topic IN (?, ?) ORDER BY id", RAW_ROWS.name, RAW_IMAGES.name):
        record = RAW_WIRE.decode(value)
        identity = SEALER.open(record.identity, f"{record.site}/{record.event}")
        match identity:
            case RowIdentity():
                found.append((identity.hospital_number or "", identity.nhs_number))
            case StudyIdentity():
                found.append((identity.patient_id or "", None))
    return found


def told(outbox: Outbox) -> tuple[list[PersonWithdrawn], list[PatientWithdrawn]]:
    """What the centre is told of who opted out."""
    messages = outbox.query("SELECT topic, key, value FROM message ORDER BY id")
    persons = [(key, PERSON_WITHDRAWALS.wire.decode(value)) for topic, key, value in messages if topic == PERSON_WITHDRAWALS.name]
    patients = [(key, WITHDRAWALS.wire.decode(value)) for topic, key, value in messages if topic == WITHDRAWALS.name]
    assert [key.decode() for key, _ in persons] == [record.person for _, record in persons]
    assert [key.decode() for key, _ in patients] == [record.match for _, record in patients]
    return [record for _, record in persons], [record for _, record in patients]


def names(outbox: Outbox) -> tuple[set[str], set[str]]:
    """The pseudonyms of persons and patients of whom the centre is told."""
    persons, patients = told(outbox)
    return {each.person for each in persons}, {each.patient for each in patients}


def persons(*numbers: str) -> set[str]:
    return {PSEUDONYMISER.person(nhs(number)) for number in numbers}


def patients(*numbers: str, site: Site = SITE) -> set[str]:
    return {PSEUDONYMISER.patient(site, hospital_number(number)) for number in numbers}


def tables(outbox: Outbox) -> tuple[int, int]:
    """How many studies and instances are known."""
    return tuple(outbox.query(f"SELECT count(*) FROM {name}")[0][0] for name in ("study", "instance"))  # noqa: S608


def everything(outbox: Outbox) -> list[list[tuple[object, ...]]]:
    return [outbox.query(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("message", "study", "instance")]  # noqa: S608


@pytest.fixture
def filled(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """Ann and Bob each have a row and a study; so has Ann at the other site."""
    uploads(outbox, monkeypatch, row(2, ANN, RR1), row(3, BOB, RR2))
    images(outbox, RR1, "1.2.1")
    images(outbox, RR2, "1.2.2")
    uploads(outbox, monkeypatch, row(2, ANN, "X999123"), site=NHS_SITE)
    images(outbox, ANN, "1.2.3", site=NHS_SITE)
    return outbox


OF_BOB = [(RR2, BOB), (RR2, None)]
AT_THE_OTHER_SITE = [("X999123", ANN), (ANN, None)]


@pytest.mark.parametrize("number", [ANN, f"{ANN[:3]} {ANN[3:6]} {ANN[6:]}", RR1, RR1.lower(), f"  {RR1} "])
def test_all_of_the_patient_is_deleted_and_nothing_of_anybody_else(filled: Outbox, number: str) -> None:
    assert withdrawn(filled, number) == WithdrawalAnswer(withdrawn=1, deleted=2)
    assert sorted(left(filled), key=str) == sorted(OF_BOB + AT_THE_OTHER_SITE, key=str)
    assert tables(filled) == (2, 4)


@pytest.mark.parametrize("number", [ANN, RR1])
def test_the_centre_is_told_of_the_person_and_of_the_patient_whichever_number_was_given(filled: Outbox, number: str) -> None:
    withdrawn(filled, number)
    assert names(filled) == (persons(ANN), patients(RR1))
    ((person,), (patient,)) = told(filled)
    assert (person.withdrawn_at, patient.withdrawn_at) == (LATER, LATER)
    assert (patient.site, patient.person, patient.key_version) == (SITE.code, person.person, 1)
    assert patient.match == PSEUDONYMISER.match(SITE, hospital_number(RR1))


def test_somebody_of_whom_nothing_is_here_is_withdrawn_for_what_may_come(filled: Outbox) -> None:
    assert withdrawn(filled, CAT, RR3) == WithdrawalAnswer(withdrawn=2, deleted=0)
    assert names(filled) == (persons(CAT), patients(RR3))


def test_where_pacs_goes_by_nhs_numbers(filled: Outbox) -> None:
    assert withdrawn(filled, ANN, site=NHS_SITE) == WithdrawalAnswer(withdrawn=1, deleted=2)
    assert sorted(left(filled), key=str) == sorted([(RR1, ANN), (RR1, None), *OF_BOB], key=str)
    assert names(filled) == (persons(ANN), patients(ANN, site=NHS_SITE))


def test_there_a_hospital_number_is_not_understood(filled: Outbox) -> None:
    before = everything(filled)
    with pytest.raises(UnusableInputError, match="line 1 is neither"):
        withdrawn(filled, "X999123", site=NHS_SITE)
    assert everything(filled) == before


def test_images_that_carry_the_nhs_number_itself_go_too(outbox: Outbox) -> None:
    images(outbox, ANN, "1.2.1")
    images(outbox, BOB, "1.2.2")
    assert withdrawn(outbox, ANN) == WithdrawalAnswer(withdrawn=1, deleted=1)
    assert (left(outbox), tables(outbox)) == ([(BOB, None)], (1, 2))


@pytest.mark.parametrize(
    "bad",
    ["RR12", "9994621784", "nobody", "", "\\", "9" * 65],
    ids=["short", "check digit", "text", "empty", "backslash", "long"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_line_and_nothing_is_done_for_anybody(filled: Outbox, bad: str, place: int) -> None:
    before = everything(filled)
    lines = [ANN, RR2]
    lines.insert(place, bad)
    with pytest.raises(UnusableInputError, match=rf"line {place + 1} is neither .* \(RR followed by 8 digits\)") as raised:
        withdrawn(filled, *lines)
    assert everything(filled) == before
    said = str(raised.value).replace("8 digits", "").replace(f"line {place + 1}", "")
    assert not any(number and number in said for number in (bad, ANN, RR2))


def test_what_cannot_be_opened_may_be_theirs_so_nothing_is_done(filled: Outbox) -> None:
    before = everything(filled)
    with pytest.raises(SealError):
        withdrawn(filled, ANN, sealer=Sealer(Keyring({1: b"another secret of thirty-two byt"})))
    assert everything(filled) == before


def test_a_write_that_fails_undoes_all_of_it(filled: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Iterator[Message]:
        raise sqlite3.OperationalError("database or disk is full")

    before = everything(filled)
    monkeypatch.setattr(withdraw.Withdrawal, "_told", full)
    with pytest.raises(Exception, match="disk"):
        withdrawn(filled, ANN)
    assert everything(filled) == before


def test_asking_again_changes_nothing(filled: Outbox) -> None:
    withdrawn(filled, ANN)
    before = everything(filled)
    assert withdrawn(filled, ANN) == WithdrawalAnswer(withdrawn=1, deleted=0)
    assert everything(filled) == before


def test_what_came_afterwards_is_deleted_by_asking_again(filled: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    withdrawn(filled, RR1)
    uploads(filled, monkeypatch, row(2, ANN, RR1), row(4, CAT, RR3))
    images(filled, RR1, "1.2.1")
    assert withdrawn(filled, RR1).deleted == 2
    assert sorted(left(filled), key=str) == sorted([*OF_BOB, *AT_THE_OTHER_SITE, (RR3, CAT)], key=str)


def test_the_same_images_count_anew_if_they_come_again(filled: Outbox) -> None:
    """What is known of the study is deleted, so that a later arrival is reported, and dropped at the centre as withdrawn."""
    withdrawn(filled, ANN)
    images(filled, RR1, "1.2.1")
    assert (RR1, None) in left(filled)


def test_a_row_that_was_corrected_from_another_persons_number_does_not_withdraw_that_person(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob's row first carried Ann's number, by mistake."""
    uploads(outbox, monkeypatch, row(2, ANN, RR2), row(3, ANN, RR1))
    uploads(outbox, monkeypatch, row(2, BOB, RR2))
    withdrawn(outbox, RR2)
    assert names(outbox) == (persons(BOB), patients(RR2))
    assert left(outbox) == [(RR1, ANN)]


def test_a_row_that_was_corrected_to_another_person_is_not_deleted_with_the_first(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads(outbox, monkeypatch, row(2, ANN, RR2), row(3, ANN, RR1))
    uploads(outbox, monkeypatch, row(2, BOB, RR2))
    withdrawn(outbox, ANN)
    assert names(outbox) == (persons(ANN), patients(RR1))
    assert (RR2, BOB) in left(outbox)
    assert (RR1, ANN) not in left(outbox)


def test_a_person_under_two_hospital_numbers_is_withdrawn_under_both(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads(outbox, monkeypatch, row(2, ANN, RR1), row(3, ANN, RR2), row(4, BOB, RR3))
    images(outbox, RR2, "1.2.1")
    withdrawn(outbox, RR1)
    assert names(outbox) == (persons(ANN), patients(RR1, RR2))
    assert left(outbox) == [(RR3, BOB)]


def test_a_row_without_an_nhs_number_is_withdrawn_by_its_hospital_number(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads(outbox, monkeypatch, row(2, None, RR1), row(3, None, RR2))
    withdrawn(outbox, RR1)
    assert names(outbox) == (set(), patients(RR1))
    assert left(outbox) == [(RR2, None)]


def test_a_study_that_two_patients_share_is_kept_for_the_other_one(outbox: Outbox) -> None:
    images(outbox, RR1, "1.2.1")
    images(outbox, RR2, "1.2.1")
    withdrawn(outbox, RR1)
    assert {number for number, _ in left(outbox)} == {RR2}
    assert tables(outbox) == (1, 2)


def _bytes_on_disk(outbox: Outbox) -> bytes:
    return b"".join(path.read_bytes() for path in outbox.path.parent.iterdir() if path.is_file())


def _sealed_texts(outbox: Outbox, numbers: Sequence[str]) -> list[bytes]:
    """The ciphertexts of rows and studies of these numbers."""
    found = []
    for (value,) in outbox.query("SELECT value FROM message WHERE topic IN (?, ?)", RAW_ROWS.name, RAW_IMAGES.name):
        record = RAW_WIRE.decode(value)
        identity = SEALER.open(record.identity, f"{record.site}/{record.event}")
        number = identity.hospital_number if isinstance(identity, RowIdentity) else identity.patient_id
        if record.site == SITE.code and number in numbers:
            found.append(record.identity.text.encode())
    return found


def test_neither_the_number_nor_what_was_sealed_is_in_any_byte_on_disk(filled: Outbox) -> None:
    """The write-ahead log and the pages that have become free are looked at too."""
    theirs, others = _sealed_texts(filled, [RR1]), _sealed_texts(filled, [RR2])
    assert (len(theirs), len(others)) == (2, 2)
    assert all(text in _bytes_on_disk(filled) for text in theirs + others)
    withdrawn(filled, ANN, RR1)
    written = _bytes_on_disk(filled)
    assert [text for text in theirs if text in written] == []
    assert all(text in written for text in others)
    assert [number for number in (ANN, RR1, RR1[2:]) if number.encode() in written] == []


def test_nor_when_somebody_else_has_the_outbox_open(filled: Outbox) -> None:
    """The sender reads all the time, in a process of its own."""
    theirs = _sealed_texts(filled, [RR1])
    with Outbox(filled.path) as reading:
        assert reading.unsent("cluster", 10)
        withdrawn(filled, ANN)
        assert [text for text in theirs if text in _bytes_on_disk(filled)] == []


def test_rows_that_were_sent_already_are_not_sent_again(filled: Outbox) -> None:
    """What is deleted leaves a gap in the ids; the mark of what a cluster has acknowledged stays where it is."""
    filled.mark_sent("cluster", filled.unsent("cluster", 100)[-1].id)
    withdrawn(filled, ANN)
    assert [stored.topic for stored in filled.unsent("cluster", 100)] == [PERSON_WITHDRAWALS.name, WITHDRAWALS.name]


def test_a_row_of_the_latest_upload_decides_whose_it_is(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads(outbox, monkeypatch, row(2, BOB, RR1))
    uploads(outbox, monkeypatch, row(5, ANN, RR1))
    withdrawn(outbox, RR1)
    assert names(outbox)[0] == persons(ANN)


def test_the_answer_and_the_records_name_nobody(filled: Outbox) -> None:
    said = repr(withdrawn(filled, ANN, RR2)) + repr(told(filled))
    assert [number for number in (ANN, BOB, RR1, RR2, RR1[2:], RR2[2:]) if number in said] == []
    assert not any(isinstance(each, RowSubmitted) for each in told(filled)[1])
