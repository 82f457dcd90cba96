"""``nccid export`` on a set-up that runs: of an invented world the complete cases go, and only those."""

import asyncio
import calendar
import datetime as dt
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
from kafka import KafkaAdminClient

from bench.servers import broker
from commands.counted import completeness_of
from handover.cleaning.units import own_units
from handover.counting import read_completeness
from handover.reading import read_plan
from identity import hospital, keyring
from identity.hospital import HospitalNumber
from identity.pseudonyms import Pseudonymiser
from monitoring.topics import TopicsUnavailableError
from schemas.home import Home
from schemas.kafka import KafkaSettings
from schemas.topics import PERSON_WITHDRAWALS, ROWS
from synth.files import write_world
from synth.world import make_world
from tests.broker.setups import NCCID, Installation, environment, installed, until
from tests.factories import RULES
from tests.written_world import SITES, Image, Row, Written, read

PEOPLE = 60


@dataclass
class World:
    """An invented world, delivered to a set-up that runs."""

    installation: Installation
    written: Written
    keyed: Pseudonymiser

    def pseudonym(self, key: tuple[str, str]) -> str:
        number = hospital.parse(key[1])
        assert isinstance(number, HospitalNumber)
        return self.keyed.patient(SITES[key[0]], number)

    def expected(self) -> dict[str, int]:
        """By site, the complete cases of the truth."""
        sites = self.written.truth["sites"]
        return {code: site["states"]["complete"] for code, site in sites.items() if "complete" in site["states"]}

    def export(self, *options: str, to: str = "out", status: int = 0) -> Any:  # noqa: ANN401  # JSON
        return self.installation.answer("export", "--to", str(self.installation.root / to), *options, status=status)

    def tree(self, to: str = "out") -> "Tree":
        return Tree(self.installation.root / to)


@dataclass
class Tree:
    """What the warehouse finds."""

    root: Path
    records: dict[str, dict[str, Any]] = field(default_factory=dict)  # by file name
    images: dict[str, list[Path]] = field(default_factory=dict)  # by pseudonym

    def __post_init__(self) -> None:
        for path in sorted(self.root.glob("raw-nccid/*/data/*.json")):
            self.records[path.name] = json.loads(path.read_bytes())
        for path in sorted(self.root.glob("raw-nccid/*/images/*.dcm")):
            self.images.setdefault(pydicom.dcmread(path, stop_before_pixels=True).PatientID, []).append(path)

    @property
    def patients(self) -> set[str]:
        return {record["Pseudonym"] for record in self.records.values()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("export")
    write_world(make_world(5, PEOPLE, SITES, dt.datetime.now(dt.UTC).date()), root / "world")
    with installed(root) as installation:
        installation.home.rules.write_text((root / "world/rules.toml").read_text(encoding="utf-8"), encoding="utf-8")
        written = read(root / "world")
        installation.up()
        for each in json.loads((root / "world/deliveries.json").read_text(encoding="utf-8")):
            installation.deliver(each["site"], each["kind"], root / "world" / each["path"])
        until(lambda: _known(installation) == _cases(written), "all is reconciled", 60)
        made = World(installation, written, Pseudonymiser(keyring.load(installation.home.keyring)))
        made.export()
        yield made


def _known(installation: Installation) -> dict[str, tuple[int, int]]:
    return {code: (site["cases"], site["states"].get("complete", 0)) for code, site in installation.known().items()}


def _cases(written: Written) -> dict[str, tuple[int, int]]:
    return {code: (site["cases"], site["states"].get("complete", 0)) for code, site in written.truth["sites"].items()}


def test_the_complete_cases_and_only_those_are_in_the_tree(world: World) -> None:
    tree = world.tree()
    codes = {site.name: code for code, site in SITES.items()}
    assert Counter(codes[record["SubmittingCentre"]] for record in tree.records.values()) == world.expected()
    assert len(tree.patients) == len(tree.records)  # one file a patient and day
    assert set(tree.images) == tree.patients


def test_each_complete_case_of_each_person_is_there_under_its_pseudonym(world: World) -> None:
    patients = world.tree().patients
    keys = {(site, number): {row.key for row in rows} for (site, number), rows in _by_person(world.written).items()}
    for number, person in world.written.truth["people"].items():
        for site in {case["site"] for case in person["cases"]}:
            complete = [case for case in person["cases"] if case["site"] == site and case["state"] == "complete"]
            there = [key for key in keys.get((site, number), ()) if world.pseudonym(key) in patients]
            assert len(there) == len(complete), f"{site}: {person['cases']}"


def _by_person(written: Written) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in written.rows:
        if row.nhs_number:
            found.setdefault((row.site.code, row.nhs_number), []).append(row)
    return found


def test_positives_are_data_and_negatives_status(world: World) -> None:
    groups: Counter[str] = Counter()
    for person in world.written.truth["people"].values():
        groups.update(case["group"] for case in person["cases"] if case["state"] == "complete")
    words = Counter(name.rpartition("_")[2] for name in world.tree().records)
    unnamed = sum(world.expected().values()) - sum(groups.values())  # without an NHS number
    assert groups["positive"] <= words["data.json"] <= groups["positive"] + unnamed
    assert groups["negative"] <= words["status.json"] <= groups["negative"] + unnamed


def test_the_images_are_those_inside_the_window(world: World) -> None:
    compared = 0
    images = world.tree().images
    for key, rows in world.written.rows_of.items():
        swabs = {(row.sheet, row.day) for row in rows}
        patient = world.pseudonym(key)
        if patient in images and len(swabs) == 1 and rows[0].day is not None:
            sent = {image.uid for image in world.written.images_of[key] if _inside(rows[0], image)}
            assert len(images[patient]) == len(sent), key[0]
            compared += 1
    assert compared > PEOPLE / 4


def _inside(row: Row, image: Image) -> bool:
    """The window, once more and by definition."""
    assert row.day is not None
    if image.day is None:
        return False
    if row.sheet == "negative":
        return abs((image.day - row.day).days) <= 28
    year = row.day.year - 3
    return image.day >= dt.date(year, row.day.month, min(row.day.day, calendar.monthrange(year, row.day.month)[1]))


def test_no_identifier_of_the_world_is_in_the_tree(world: World) -> None:
    numbers = set(world.written.truth["people"])
    own = {row.key[1] for row in world.written.rows} | {image.key[1] for image in world.written.images}
    wanted = [number.encode() for number in numbers | {each for each in own if len(each) > 6}]
    for path in world.tree().root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found = [number for number in wanted if number in content]
            assert found == [], path.name


def test_done_again_it_does_nothing_and_everything_agrees(world: World) -> None:
    again = world.export()
    assert (again["delivered"], again["complete"]) == (0, sum(world.expected().values()))
    assert world.export("--verify") == {
        "ok": True,
        "patients": again["complete"],
        "files": sum(1 for path in world.tree().root.rglob("*") if path.is_file() and _is_delivered(path)),
        "held": 0,
        "counts": {},
        "differences": [],
    }


def _is_delivered(path: Path) -> bool:
    return "ledger" not in path.parts and "manifests" not in path.parts and path.name not in {"layout.json", ".lock"}


def test_a_planted_missing_changed_and_extra_file_are_found(world: World) -> None:
    world.export(to="planted")
    tree = world.tree("planted")
    missing, changed = (next(iter(tree.root.glob(f"raw-nccid/*/data/{name}"))) for name in list(tree.records)[:2])
    image = next(iter(tree.images.values()))[0]
    missing.unlink()
    changed.write_bytes(changed.read_bytes().replace(b"Trust", b"trust"))
    image.write_bytes(image.read_bytes() + b"\0")
    extra = image.with_name("CovidEXTRA_1.dcm")
    extra.write_bytes(b"DICM")
    said = world.export("--verify", to="planted", status=1)
    paths = {path: path.relative_to(tree.root).as_posix() for path in (missing, changed, image, extra)}
    assert sorted((each["what"], each["path"]) for each in said["differences"]) == sorted(
        [("missing", paths[missing]), ("changed", paths[changed]), ("changed", paths[image]), ("extra", paths[extra])]
    )
    for each in (changed, image, extra):  # a person has looked at them
        each.unlink()
    assert world.export("--restore", to="planted")["restored"] == 3
    assert world.export("--verify", to="planted")["ok"]


@pytest.mark.parametrize("files", [1, 25, 60])
def test_after_kill_9_there_is_no_half_file_and_the_next_export_completes(world: World, files: int) -> None:
    root = world.installation.root / f"killed-{files}"
    exporting = world.installation.start("export", "--to", str(root))
    until(lambda: exporting.poll() is not None or len(_delivered(root)) >= files, "so many files are there")
    exporting.kill()
    exporting.wait()
    there = _delivered(root)
    for path in there:
        assert json.loads(path.read_bytes()) if path.suffix == ".json" else pydicom.dcmread(path).PixelData
    world.export(to=root.name)
    assert world.export("--verify", to=root.name)["ok"]
    assert {path.name for path in _delivered(root)} == {path.name for path in _delivered(world.tree().root)}
    assert len(_delivered(root)) == len(_delivered(world.tree().root))
    listed = [each["path"] for path in root.glob("manifests/*") for each in json.loads(path.read_bytes())["files"]]
    assert {path.relative_to(root).as_posix() for path in _delivered(root)} <= set(listed)


def _delivered(root: Path) -> list[Path]:
    return [path for path in root.glob("raw-nccid/*/*/*") if path.is_file()]


def test_the_processed_layout_has_the_same_patients(world: World) -> None:
    world.export("--layout", "processed", to="processed")
    root = world.installation.root / "processed"
    sides = {path.name: path.parts[-3] for path in root.glob("*/data/*")}
    assert set(sides) == world.tree().patients
    assert set(sides.values()) == {"training", "validation"}
    assert len(list(root.rglob("*.dcm"))) == sum(map(len, world.tree().images.values()))
    assert world.export("--verify", "--layout", "processed", to="processed")["ok"]


def test_wrong_usage_is_told(world: World) -> None:
    for options, words in (
        (("--to", "x", "--verify", "--watch"), "one of --verify, --restore, --watch and --unlock"),
        (("--to", "x", "--uploader", "a/b"), "letters, digits and hyphens"),
        (("--to", "nothing://x"), "no destination"),
        ((), "--to"),
    ):
        ran = world.installation.run("export", *options)
        assert ran.returncode == 2
        assert words in ran.stderr
    mixed = world.installation.run("export", "--to", str(world.installation.root / "out"), "--layout", "processed")
    assert (mixed.returncode, "another layout" in mixed.stderr) == (2, True)


def test_where_a_topic_cannot_be_seen_nothing_is_exported(tmp_path: Path) -> None:
    """As for a user of a cluster who has no right to it: who does not see the opt-outs must not hand over."""
    with broker(tmp_path) as address:
        admin = KafkaAdminClient(bootstrap_servers=address)
        admin.delete_topics([PERSON_WITHDRAWALS.name, ROWS.name])
        admin.close()
        with pytest.raises(TopicsUnavailableError, match="person-withdrawals cannot be seen"):
            read_plan(KafkaSettings(bootstrap=address), RULES)
        with pytest.raises(TopicsUnavailableError, match="rows cannot be seen"):
            read_completeness(KafkaSettings(bootstrap=address), own_units())


def test_completeness_of_the_world_in_three_forms(world: World) -> None:
    lines = world.installation.answer("completeness")["lines"]
    assert {line["site"] for line in lines} == {*SITES, "all"}
    as_csv = world.installation.run("completeness", "--csv", "--site", "RDGM")
    assert len(as_csv.stdout.splitlines()) == 1 + sum(line["site"] == "RDGM" for line in lines)
    assert "Clinical data by site" in world.installation.run("completeness").stdout
    for options in (("--json", "--csv"), ("--json", "--to", "x"), ("--watch",), ("--site", "NOPE")):
        assert world.installation.run("completeness", *options).returncode == 2


def test_completeness_is_written_for_a_hub_that_reads_no_rows(world: World, tmp_path: Path) -> None:
    """What the file holds is what is printed; a watch writes it whole time and again, and ends when it is told to."""
    file = tmp_path / "completeness.json"
    printed = world.installation.run("completeness", "--json").stdout.encode()
    assert world.installation.run("completeness", "--to", str(file)).returncode == 0
    assert file.read_bytes() == printed
    file.write_bytes(b"older")
    watching = world.installation.start("completeness", "--to", str(file), "--watch", "--every", "1")
    until(lambda: file.read_bytes() != b"older", "it is counted")
    assert file.read_bytes() == printed
    watching.terminate()
    assert watching.wait(10) == 0
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    home = Home(world.installation.home.root)
    counts = completeness_of(home, str(file), lambda: dt.datetime.now(dt.UTC))
    asyncio.run(counts.turn(1, dt.datetime.now(dt.UTC)))
    assert {line.site for line in counts.groups} == {*SITES, "all"}
    refused = world.installation.run("completeness", "--to", str(tmp_path / "nowhere" / "file"))
    assert (refused.returncode, "cannot be written" in refused.stderr) == (1, True)


def test_linkage_by_three_people(world: World, tmp_path: Path) -> None:
    key = next(
        key for key, rows in world.written.rows_of.items() if rows[0].nhs_number and len({r.nhs_number for r in rows}) == 1
    )
    patient, number = world.pseudonym(key), world.written.rows_of[key][0].nhs_number
    files = {name: str(tmp_path / name) for name in ("sam.key", "rita.key", "request", "numbers", "clear", "again", "pass")}
    (tmp_path / "pass").write_text("four words of a passphrase\n", encoding="utf-8")
    secret = ("--passphrase-file", files["pass"])
    assert said(world, "approver", "--dir", "Sam", "-o", files["sam.key"], *secret) == ""
    public = said(world, "recipient", "-o", files["rita.key"], *secret)
    said(world, "request", "--by", "Ada", "--reason", "because a study needs it", "-o", files["request"], stdin=patient)
    token = said(world, "approve", files["request"], "--by", "Sam", "--key", files["sam.key"], *secret)
    opening = (files["request"], "--approved-by", "Sam", "--token", token, "--to", public)
    said(world, "open", "--dir", *opening, "-o", files["numbers"])
    said(world, "read", files["numbers"], "--key", files["rita.key"], "-o", files["clear"], *secret)
    assert (tmp_path / "clear").read_text(encoding="utf-8").splitlines()[1:] == [f"{patient},{number}"]
    assert str(number).encode() not in (tmp_path / "numbers").read_bytes()
    assert "opened before" in said(world, "open", "--dir", *opening, "-o", files["again"], status=2)
    assert "opened" in said(world, "log", "--dir")


def said(world: World, name: str, *options: str, stdin: str = "", status: int = 0) -> str:
    """What a command of ``nccid link`` says; where it needs a home, ``--dir`` stands for it."""
    home = [str(world.installation.home.root)] if options[:1] == ("--dir",) else []
    command = [NCCID, "link", name, *options[:1], *home, *options[1:]]
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=environment())
    assert ran.returncode == status, ran.stderr
    return (ran.stdout if status == 0 else ran.stderr).strip()


def test_a_watch_hands_over_what_comes_and_takes_out_who_opts_out(world: World) -> None:
    """Last, since it changes the world."""
    tree, where = world.tree(), world.installation.root / "out"
    key = next(key for key, rows in world.written.rows_of.items() if world.pseudonym(key) in tree.patients and rows[0].nhs_number)
    patient = world.pseudonym(key)
    watching = world.installation.start("export", "--to", str(where), "--watch", "--every", "1")
    try:
        withdrawn = world.installation.run("withdraw", "--site", key[0], stdin=key[1])
        assert withdrawn.returncode == 0, withdrawn.stderr
        until(lambda: not list(where.glob(f"raw-nccid/*/*/{patient}_*")), "the patient is taken out")
        until(lambda: any(patient in path for path in _to_delete(where)), "the manifest says so")
    finally:
        watching.terminate()
    assert watching.wait(10) == 0
    assert world.export("--verify")["ok"]


def _to_delete(where: Path) -> list[str]:
    manifests = [json.loads(path.read_bytes()) for path in where.glob("manifests/*.json")]
    return [each["path"] for manifest in manifests for each in manifest["delete"]]
