"""A row through one door, images through the other, in either order: what the Checker and the status then say, word for word."""

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from identity import hospital, keyring, numbers
from identity.hospital import HospitalNumber
from identity.numbers import NhsNumber
from identity.pseudonyms import Pseudonymiser
from streams.settings import RUNNER
from tests.broker.setups import Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import NUMBERS, SITES, negative, positive, sheet

GRACE = dt.timedelta(days=7)
NONE = {"in_window": 0, "out_of_window": 0}
ONE = {"in_window": 1, "out_of_window": 0}
UNKNOWN: dict[str, Any] = {"valid": True, "reason": None, "collected": False, "data": False, "images": False, "cases": []}


@pytest.fixture(scope="module", params=["fast", "stock"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A set-up that runs, with either runner; each test has a site and patients of its own."""
    with installed(tmp_path_factory.mktemp("doors")) as installation, pytest.MonkeyPatch.context() as patch:
        patch.setenv(RUNNER, request.param)
        installation.up()
        yield installation


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    """A home on which nothing runs."""
    with installed(tmp_path) as installation:
        yield installation


def case(installation: Installation, site: str, number: str, own: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """The status of a patient whose row is in the main sheet, as the contract writes it; a test names what differs."""
    pseudonymiser = Pseudonymiser(keyring.load(installation.home.keyring))
    nhs, identifier = numbers.parse(number), hospital.parse(own)
    assert isinstance(nhs, NhsNumber)
    assert isinstance(identifier, HospitalNumber)
    usual: dict[str, Any] = {
        "patient": pseudonymiser.patient(SITES[site], identifier),
        "person": pseudonymiser.person(nhs),
        "site": site,
        "group": "positive",
        "state": "complete",
        "flags": [],
        "data": "main",
        "images": {"xray": ONE, "ct": NONE, "mr": NONE, "other": NONE},
        "deadline": None,
        "key_version": 1,
    }
    return usual | values


def without_times(case: dict[str, Any], *times: str) -> dict[str, Any]:
    """The case without these times, each of which must be UTC with a Z and lie in the last minutes."""
    for name in times:
        at = moment(case[name])
        assert dt.timedelta(0) <= dt.datetime.now(dt.UTC) - at < dt.timedelta(minutes=5)
    return {name: value for name, value in case.items() if name not in times}


def moment(text: str) -> dt.datetime:
    assert text.endswith("Z")
    return dt.datetime.fromisoformat(text)


def film(path: Path, patient_id: str, uid: str) -> str:
    """A chest film of 12 May 2020."""
    dicom_file(path, SOPClassUID=DX, Modality="DX", StudyDate="20200512", PatientID=patient_id, StudyInstanceUID=uid)
    return str(path)


def workbook(path: Path, index: int, own: str) -> str:
    """A main sheet with one patient, swab on 12 May 2020."""
    return str(sheet(path, "positive", [positive(index, {"Hospital (Internal) Number": own})]))


def test_a_row_then_its_image(running: Installation, tmp_path: Path) -> None:
    number, own = NUMBERS[0], "RR99912345"
    assert running.check(number) == [UNKNOWN]
    sent = running.answer("upload", "--site", "RDGM", "--kind", "positive", workbook(tmp_path / "sheet.xlsx", 0, own))
    assert (sent["accepted"], sent["rows"], sent["errors"]) == (True, 1, [])
    until(lambda: "RDGM" in running.known(), "the row is known")

    (waiting,) = running.check(number)
    (known,) = waiting.pop("cases")
    assert waiting == {"valid": True, "reason": None, "collected": True, "data": True, "images": False}
    no_images = {"xray": NONE, "ct": NONE, "mr": NONE, "other": NONE}
    expected = case(running, "RDGM", number, own, state="awaiting-images", images=no_images)
    deadline = (moment(known["since"]) + GRACE).isoformat().replace("+00:00", "Z")
    assert without_times(known, "since", "updated_at") == expected | {"deadline": deadline}

    answer = running.answer("send-images", "--site", "RDGM", film(tmp_path / "film.dcm", own, "1.2.3.11"))
    assert answer == {"studies": 1, "instances": 1, "accepted": 1, "failed": [], "excluded": []}
    until(lambda: running.known()["RDGM"]["states"] == {"complete": 1}, "the image is known")

    (complete,) = running.check(number)
    (now_known,) = complete.pop("cases")
    assert complete == {"valid": True, "reason": None, "collected": True, "data": True, "images": True}
    assert without_times(now_known, "since", "updated_at") == case(running, "RDGM", number, own)
    assert moment(now_known["since"]) > moment(known["since"])
    assert running.answer("status", "--site", "RDGM") == {
        "sites": {"RDGM": {"cases": 1, "states": {"complete": 1}, "flags": {}, "studies": {"xray": 1, "ct": 0, "mr": 0}}}
    }


def test_an_image_then_its_row(running: Installation, tmp_path: Path) -> None:
    number, own = NUMBERS[1], "XX0999123"
    running.answer("send-images", "--site", "EXMR", film(tmp_path / "film.dcm", own, "1.2.3.12"))
    until(lambda: "EXMR" in running.known(), "the image is known")
    assert running.sites("--site", "EXMR") == {
        "EXMR": {"cases": 1, "states": {"awaiting-spreadsheet": 1}, "flags": {}, "studies": {"xray": 1, "ct": 0, "mr": 0}}
    }
    assert running.check(number) == [UNKNOWN]  # nothing says yet whose image it is

    running.answer("upload", "--site", "EXMR", "--kind", "positive", workbook(tmp_path / "sheet.xlsx", 1, own))
    until(lambda: running.known()["EXMR"]["states"] == {"complete": 1}, "the row is known")
    (complete,) = running.check(number)
    (known,) = complete.pop("cases")
    assert complete == {"valid": True, "reason": None, "collected": True, "data": True, "images": True}
    assert without_times(known, "since", "updated_at") == case(running, "EXMR", number, own)
    assert known["since"] == known["updated_at"]  # complete since the row came, which came last
    assert running.sites("--site", "EXMR") == {
        "EXMR": {"cases": 1, "states": {"complete": 1}, "flags": {}, "studies": {"xray": 1, "ct": 0, "mr": 0}}
    }


def test_where_pacs_goes_by_nhs_number_the_image_alone_says_whose_it_is(running: Installation, tmp_path: Path) -> None:
    number = NUMBERS[2]
    running.answer("send-images", "--site", "NTHV", film(tmp_path / "film.dcm", number, "1.2.3.13"))
    until(lambda: "NTHV" in running.known(), "the image is known")
    (waiting,) = running.check(number)
    (known,) = waiting.pop("cases")
    assert waiting == {"valid": True, "reason": None, "collected": True, "data": False, "images": True}
    deadline = (moment(known["since"]) + GRACE).isoformat().replace("+00:00", "Z")
    expected = case(
        running, "NTHV", number, number, group="unknown", state="awaiting-spreadsheet", data="none", deadline=deadline
    )
    assert without_times(known, "since", "updated_at") == expected


def test_numbers_as_arguments_and_on_stdin_are_answered_in_order_and_never_repeated(running: Installation) -> None:
    asked = [NUMBERS[3], "999 462 1784", "nonsense", "", "99952026"]
    spoken = [
        (True, None),
        (False, "the last digit does not fit"),
        (False, "something else than digits"),
        (False, "fewer than ten"),
    ]
    for ran in (
        running.run("check", "--json", *[text for text in asked if text]),
        running.run("check", "--json", stdin="\n".join(asked)),
        running.run("check", *[text for text in asked if text]),
        running.run("check", stdin="\r\n".join(asked)),
    ):
        assert ran.returncode == 0
        said = ran.stdout + ran.stderr
        assert not [text for text in asked if text and (text in said or text.replace(" ", "") in said)]
    results = running.answer("check", *[text for text in asked if text])["results"]
    assert results == running.check(*asked)
    for result, (valid, reason) in zip(results, spoken, strict=True):
        assert result == UNKNOWN | {"valid": valid, "reason": result["reason"]}
        assert result["reason"] is None if reason is None else reason in result["reason"]


def test_without_numbers_is_wrong_usage(running: Installation) -> None:
    for stdin in ("", "\n \n"):
        ran = running.run("check", "--json", stdin=stdin)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "at least one NHS/CHI number" in ran.stderr


def test_the_status_of_an_unknown_site_is_wrong_usage_and_of_a_silent_one_is_empty(running: Installation) -> None:
    assert running.sites("--site", "LARK") == {}
    ran = running.run("status", "--site", "NOPE", "--json")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "there is no site 'NOPE'" in ran.stderr


def test_when_nothing_runs_the_answer_is_1_and_what_to_do(home: Installation) -> None:
    for command in (("check", NUMBERS[0]), ("check", "--json", NUMBERS[0]), ("status",), ("status", "--json")):
        ran = home.run(*command)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "nccid up" in ran.stderr
        assert NUMBERS[0] not in ran.stderr


def test_what_was_given_in_while_nothing_ran_is_there_afterwards_and_after_every_restart(
    home: Installation, tmp_path: Path
) -> None:
    home.answer("upload", "--site", "RDGM", "--kind", "positive", workbook(tmp_path / "a.xlsx", 0, "RR99912345"))
    home.answer("send-images", "--site", "RDGM", film(tmp_path / "a.dcm", "RR99912345", "1.2.3.1"))
    home.deliver("LARK", "negative", sheet(tmp_path / "b.xlsx", "negative", [negative(1)]))
    expected = {
        "LARK": {"cases": 1, "states": {"awaiting-images": 1}, "flags": {}, "studies": {"xray": 0, "ct": 0, "mr": 0}},
        "RDGM": {"cases": 1, "states": {"complete": 1}, "flags": {}, "studies": {"xray": 1, "ct": 0, "mr": 0}},
    }
    home.up()
    until(lambda: home.known() == expected, "what was given in is known")
    answers = home.check(*NUMBERS)
    assert [answer["collected"] for answer in answers] == [True, True, False, False]

    assert home.stop() == 0
    home.deliver("LARK", "images", Path(film(tmp_path / "b.dcm", "RR12345679", "1.2.3.2")))
    expected["LARK"] |= {"states": {"complete": 1}, "studies": {"xray": 1, "ct": 0, "mr": 0}}
    home.up()
    until(lambda: home.known() == expected, "what was given in before and in between is known")
    assert home.sites() == expected
    again = home.check(*NUMBERS)
    assert (again[0], *again[2:]) == (answers[0], *answers[2:])  # times and all
    assert (again[1]["images"], again[1]["cases"][0]["state"]) == (True, "complete")


def test_accepted_is_durable_though_everything_is_killed_at_once(home: Installation, tmp_path: Path) -> None:
    path = workbook(tmp_path / "sheet.xlsx", 0, "RR99912345")
    home.start_up()  # and is killed as soon as the upload is answered, ready or not
    assert home.answer("upload", "--site", "RDGM", "--kind", "positive", path)["accepted"]
    home.children()
    assert home.up_process is not None
    home.up_process.kill()
    home.up_process.wait()
    until(lambda: not home.left_over(), "all children are gone")
    home.up()
    until(lambda: "RDGM" in home.known(), "the row is known")
    assert home.check(NUMBERS[0])[0]["data"]


def test_from_upload_to_answer_nobody_waits(
    running: Installation, tmp_path: Path, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    path = workbook(tmp_path / "sheet.xlsx", 3, "9990001")
    assert running.answer("upload", "--site", "PENM", "--kind", "positive", path)["accepted"]
    known = until(lambda: "PENM" in running.known(), "the row is known", 10)
    told = known + until(lambda: running.check(NUMBERS[3])[0]["data"], "the Checker says so", 10)
    for name, seconds in (("upload_to_known_seconds", known), ("upload_to_check_seconds", told)):
        record_property(name, round(seconds, 2))
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom the end of `nccid upload`: known after {known:.2f} s, told by `nccid check` after {told:.2f} s\n"
        )
