"""``nccid withdraw`` on a set-up that runs: the Checker says withdrawn, whatever is uploaded later, and after a restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.sending.outbox import Outbox
from schemas.templates import HOSPITAL_KEY
from schemas.topics import RAW_ROWS, RAW_WIRE
from tests.broker.setups import Installation, installed, until
from tests.edge_factories import DX, dicom_file
from tests.sheets import NUMBERS, positive, sheet

ANN, BOB, CAT, DAN = NUMBERS
OWN = ("RR12345678", "RR12345679", "RR12345680", "RR12345681")  # as tests.sheets numbers its patients


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path) as installation:
        yield installation


def withdraw(installation: Installation, *numbers: str, site: str = "RDGM") -> str:
    """What the command says to the person at the keyboard."""
    ran = installation.run("withdraw", "--site", site, stdin="\n".join(numbers))
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    return ran.stderr


def rows(installation: Installation, name: str, *indices: int) -> None:
    installation.deliver("RDGM", "positive", sheet(installation.root / name, "positive", [positive(index) for index in indices]))


def film(installation: Installation, index: int) -> None:
    path = installation.root / f"film-{index}.dcm"
    uid = f"1.2.3.{index}"
    dicom_file(path, SOPClassUID=DX, Modality="DX", StudyDate="20200512", PatientID=OWN[index], StudyInstanceUID=uid)
    installation.deliver("RDGM", "images", path)


def states(installation: Installation) -> dict[str, int]:
    found: dict[str, int] = installation.known().get("RDGM", {}).get("states", {})
    return found


def is_withdrawn(answer: dict[str, Any]) -> None:
    """Not collected, and one case, of which nothing is known but that."""
    assert (answer["valid"], answer["collected"], answer["data"], answer["images"]) == (True, False, False, False)
    (case,) = answer["cases"]
    assert (case["state"], case["data"], case["group"], case["flags"], case["deadline"]) == (
        "withdrawn",
        "none",
        "unknown",
        [],
        None,
    )
    assert {kind: counts for kind, counts in case["images"].items() if any(counts.values())} == {}


@pytest.mark.parametrize("number", [ANN, OWN[0]], ids=["by NHS number", "by hospital number"])
def test_a_withdrawn_patient_stays_withdrawn(home: Installation, number: str) -> None:
    home.up()
    rows(home, "first.xlsx", 0, 1)
    film(home, 0)
    until(lambda: states(home) == {"complete": 1, "awaiting-images": 1}, "both are known")

    said = withdraw(home, number)
    assert "1 withdrawn; 2 records" in said
    assert number not in said
    until(lambda: states(home) == {"withdrawn": 1, "awaiting-images": 1}, "the patient is withdrawn")
    withdrawn, other = home.check(ANN, BOB)
    is_withdrawn(withdrawn)
    assert (other["collected"], other["data"]) == (True, True)

    rows(home, "second.xlsx", 0, 2)
    film(home, 0)
    film(home, 2)
    until(lambda: states(home) == {"withdrawn": 1, "awaiting-images": 1, "complete": 1}, "what came later is known")
    assert home.check(ANN) == [withdrawn]

    everybody = home.check(ANN, BOB, CAT)
    assert home.stop() == 0
    home.up()
    until(lambda: states(home) == {"withdrawn": 1, "awaiting-images": 1, "complete": 1}, "the same is known")
    until(lambda: home.check(ANN, BOB, CAT) == everybody, "the answers are the same, times and all")


def test_what_is_withdrawn_while_nothing_runs_is_withdrawn_afterwards(home: Installation) -> None:
    rows(home, "first.xlsx", 0, 1)
    assert "2 withdrawn; 1 records" in withdraw(home, ANN, OWN[3])
    rows(home, "second.xlsx", 0, 3)
    home.up()
    until(lambda: states(home) == {"withdrawn": 2, "awaiting-images": 1}, "all is known")
    by_nhs_number, other, by_own = home.check(ANN, BOB, DAN)
    is_withdrawn(by_nhs_number)
    is_withdrawn(by_own)
    assert other["collected"]


def test_a_line_that_is_no_number_stops_all_of_it(home: Installation) -> None:
    rows(home, "first.xlsx", 0)
    for lines in ([ANN, "RR12"], ["nobody", ANN]):
        ran = home.run("withdraw", "--site", "RDGM", stdin="\n".join(lines))
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "nothing was withdrawn for anybody" in ran.stderr
        assert not [number for number in (*lines, ANN) if number in ran.stderr]
    for wrong in (["--site", "RDGM"], ["--site", "NOPE"]):
        assert home.run("withdraw", *wrong, stdin="\n" if "RDGM" in wrong else ANN).returncode == 2
    home.up()
    until(lambda: states(home) == {"awaiting-images": 1}, "the row is known")


def test_what_another_site_holds_is_forgotten_without_being_asked_for(home: Installation) -> None:
    home.up()
    rows(home, "first.xlsx", 0, 1)
    film(home, 0)
    elsewhere = sheet(home.root / "elsewhere.xlsx", "positive", [positive(0, {HOSPITAL_KEY: "X999123"})])
    home.deliver("NTHV", "positive", elsewhere)
    until(lambda: home.known().get("NTHV", {}).get("states") == {"awaiting-images": 1}, "the other site's row is known")

    withdraw(home, ANN)
    until(lambda: home.known()["NTHV"]["states"] == {"withdrawn": 1}, "it is withdrawn there too")
    with Outbox(home.home.outbox) as outbox:
        at_nthv = "SELECT value FROM message WHERE topic = ?"
        assert sum(RAW_WIRE.decode(value).site == "NTHV" for (value,) in outbox.query(at_nthv, RAW_ROWS.name)) == 1
        told = home.run("forget")
        assert (told.returncode, told.stdout) == (0, "")
        cannot = "This broker cannot erase records on request" in told.stderr
        assert cannot or "records of theirs are erased from the topics" in told.stderr  # the embedded one; Apache Kafka
        assert sum(RAW_WIRE.decode(value).site == "NTHV" for (value,) in outbox.query(at_nthv, RAW_ROWS.name)) == 0
        assert sum(RAW_WIRE.decode(value).site == "RDGM" for (value,) in outbox.query(at_nthv, RAW_ROWS.name)) == 1
    is_withdrawn_at = {each["site"]: each["state"] for each in home.check(ANN)[0]["cases"]}
    assert is_withdrawn_at == {"RDGM": "withdrawn", "NTHV": "withdrawn"}
    assert home.run("audit").returncode == 0
    assert "Traceback" not in (home.home.logs / "keeper.log").read_text()
    assert "keeper ended" not in home.stderr.read_text()
