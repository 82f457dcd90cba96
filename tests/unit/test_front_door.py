"""The ``nccid`` command at the keyboard: exit status, words on stderr, JSON alone on stdout, and soon."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from nccid import cli  # noqa: TID251  # its tests stand outside, and knock
from tests.edge_factories import dicom_file
from tests.sheets import NUMBERS, negative, positive, sheet

NCCID = Path(sys.executable).with_name("nccid")

SLOW = ("aiokafka", "cryptography", "faust", "kafka", "openpyxl", "pydicom", "rich")
"""What the commands are made of, and ``--help`` can do without."""


def run(*arguments: object, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NCCID_")}
    command = [str(NCCID), *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=environment)


def commands(group: click.Group = cli, path: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, as it is typed."""
    yield tuple(path)
    for name, command in group.commands.items():
        yield from commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home; the tests do nothing to it that another one could notice."""
    home = tmp_path_factory.mktemp("front-door") / "home"
    made = run("init", "--dir", home)
    assert (made.returncode, made.stdout) == (0, "")
    return home


# --- help ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_says_what_it_does(command: tuple[str, ...]) -> None:
    ran = run(*command, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    usage, _, words = ran.stdout.partition("\n\n")
    assert usage.startswith(" ".join(["Usage: nccid", *command]))
    assert len(words.strip().splitlines()[0]) > 10


def test_help_imports_nothing_large() -> None:
    script = f"""
import sys
sys.argv = ["nccid", "--help"]
import nccid
try:
    nccid.main()
except SystemExit as left:
    assert left.code == 0
print([name for name in {SLOW!r} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("module", "unneeded"),
    [
        ("edge.checker", ("kafka", "openpyxl", "pydicom", "faust")),
        ("monitoring.reading", ("kafka", "openpyxl", "pydicom", "faust")),
    ],
)
def test_a_question_does_not_wait_for_what_others_need(module: str, unneeded: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print([name for name in {unneeded!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


# --- wrong usage: 2, words, no JSON -------------------------------------------------------------------------------------

WRONG = {
    "no command": ((), "Usage: nccid"),
    "an unknown command": (("nonsense",), "No such command 'nonsense'"),
    "an unknown flag": (("status", "--nonsense"), "No such option"),
    "upload without a file": (("upload", "--site", "RDGM", "--kind", "positive", "--json"), "Missing argument 'FILE'"),
    "upload without a site": (("upload", "--kind", "positive", "--json", __file__), "Missing option '--site'"),
    "upload without a kind": (("upload", "--site", "RDGM", "--json", __file__), "Missing option '--kind'"),
    "upload of an unknown kind": (("upload", "--site", "RDGM", "--kind", "both", "--json", __file__), "'both' is not one of"),
    "upload of a missing file": (
        ("upload", "--site", "RDGM", "--kind", "positive", "--json", "none.xlsx"),
        "'none.xlsx' does not exist",
    ),
    "upload at an unknown site": (("upload", "--site", "NOPE", "--kind", "positive", "--json", __file__), "no site 'NOPE'"),
    "images without a path": (("send-images", "--site", "RDGM", "--json"), "Missing argument 'PATHS...'"),
    "images that are missing": (("send-images", "--site", "RDGM", "--json", "none.dcm"), "'none.dcm' does not exist"),
    "images at an unknown site": (("send-images", "--site", "NOPE", "--json", __file__), "no site 'NOPE'"),
    "check without a number": (("check", "--json"), "at least one NHS/CHI number"),
    "a port that is no number": (("up", "--broker-port", "any"), "'any' is not a valid integer"),
    "a worker without a broker": (("worker",), "NCCID_BOOTSTRAP is not set"),
    "a step that is none": (("worker", "--step", "nonsense"), "no such step: nonsense; there are pseudonymise, reconcile"),
    "a sender without a broker": (("sender",), "NCCID_BOOTSTRAP is not set"),
    "a home that is there": (("init",), "is a home already"),
    "a keyring that is there": (("keys", "init"), "a keyring is never overwritten"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_2_with_words_and_nothing_on_stdout(home: Path, arguments: tuple[str, ...], words: str) -> None:
    in_home = arguments and arguments[0] != "nonsense"
    ran = run(*arguments, *(["--dir", home] if in_home else []))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("upload", "--site", "RDGM", "--kind", "positive", __file__),
        ("send-images", "--site", "RDGM", __file__),
        ("up",),
        ("status",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_folder_that_is_no_home_is_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments, "--dir", tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "nccid init" in ran.stderr
    assert list(tmp_path.iterdir()) == []  # and does not become one


def test_a_keyring_that_others_can_read_stops_everything_that_needs_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("init", "--dir", home)
    (home / "keyring.json").chmod(0o644)
    workbook = sheet(tmp_path / "sheet.xlsx", "positive", [positive()])
    for arguments in (
        ("upload", "--site", "RDGM", "--kind", "positive", workbook),
        ("send-images", "--site", "RDGM", workbook),
        ("check", NUMBERS[0]),
        ("keys", "list"),
        ("keys", "rotate"),
    ):
        ran = run(*arguments, "--dir", home)
        assert (ran.returncode, ran.stdout) == (2, ""), arguments
        assert "chmod 600" in ran.stderr


# --- the work was done, or the answer is no -----------------------------------------------------------------------------


def test_an_accepted_sheet_is_0_with_json_and_in_words(home: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative(index) for index in range(3)])
    arguments = ("upload", "--dir", home, "--site", "RDGM", "--kind", "negative", path)
    told = run(*arguments, "--json")
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout) == {"accepted": True, "rows": 3, "errors": [], "warnings": []}
    said = run(*arguments, "--dry-run")
    assert (said.returncode, said.stdout) == (0, "")
    assert "sheet.xlsx is correct (3 rows). Nothing was sent" in said.stderr


def finding(**values: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    return {"sheet": None, "cell": None, "column": None, "problem": "", "expected": ""} | values


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04 no archive"], ids=["empty", "CSV", "damaged"])
def test_a_file_that_is_no_workbook_is_1_with_json(home: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    arguments = ("upload", "--dir", home, "--site", "RDGM", "--kind", "negative", path)
    told = run(*arguments, "--json")
    assert (told.returncode, told.stderr) == (1, "")
    answer = json.loads(told.stdout)
    (error,) = answer["errors"]
    assert answer == {"accepted": False, "rows": 0, "errors": [error], "warnings": []}
    assert error == finding(problem=error["problem"], expected=error["expected"])
    assert error["problem"]
    assert error["expected"]
    said = run(*arguments)
    assert (said.returncode, said.stdout) == (1, "")
    assert error["problem"] in said.stderr
    assert "NOT sent" in said.stderr


def test_a_wrong_cell_is_1_and_told_by_its_name(home: Path, tmp_path: Path) -> None:
    path = sheet(tmp_path / "sheet.xlsx", "negative", [negative(0), negative(1, {"NHS/CHI Number": "9994621784"})])
    told = run("upload", "--dir", home, "--site", "RDGM", "--kind", "negative", path, "--json")
    assert (told.returncode, told.stderr) == (1, "")
    answer = json.loads(told.stdout)
    (error,) = answer["errors"]
    assert (answer["accepted"], answer["rows"]) == (False, 0)
    assert (error["sheet"], error["cell"], error["column"]) == ("Covid status", "A3", "NHS/CHI Number")
    assert "9994621784" not in told.stdout


def test_images_are_0_when_all_are_taken_and_1_when_one_fails(home: Path, tmp_path: Path) -> None:
    good = dicom_file(tmp_path / "good.dcm")
    told = run("send-images", "--dir", home, "--site", "RDGM", good, "--json")
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout) == {"studies": 1, "instances": 1, "accepted": 1, "failed": [], "excluded": []}
    bad = tmp_path / "bad.dcm"
    bad.write_bytes(b"no image")
    told = run("send-images", "--dir", home, "--site", "RDGM", good, bad, "--json")
    assert (told.returncode, told.stderr) == (1, "")
    answer = json.loads(told.stdout)
    assert [(each["file"], bool(each["problem"])) for each in answer["failed"]] == [(str(bad), True)]
    assert (answer["studies"], answer["instances"], answer["accepted"], answer["excluded"]) == (1, 1, 1, [])
    said = run("send-images", "--dir", home, "--site", "RDGM", good, bad)
    assert (said.returncode, said.stdout) == (1, "")
    assert "1 files failed" in said.stderr


def test_a_file_where_none_can_be_written_is_words_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    assert run("template", "negative", "-o", path).returncode == 0
    before = path.read_bytes()
    again = run("template", "negative", "-o", path)
    assert (again.returncode, again.stdout) == (2, "")
    assert f"{path} is there already" in again.stderr
    assert path.read_bytes() == before
    nowhere = run("template", "negative", "-o", tmp_path / "none" / "template.xlsx")
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert nowhere.stderr.startswith(f"nccid: {tmp_path / 'none'}")
    assert "No such file or directory" in nowhere.stderr


def test_an_outbox_that_cannot_be_used_is_1_in_words(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("init", "--dir", home)
    (home / "data").write_bytes(b"in the way")
    ran = run("send-images", "--dir", home, "--site", "RDGM", dicom_file(tmp_path / "image.dcm"), "--json")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "outbox.sqlite3 cannot be used" in ran.stderr
    assert "Traceback" not in ran.stderr
