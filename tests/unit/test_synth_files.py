"""write_world: real workbooks and real DICOM files, in the promised places, the same each time."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pydicom
import pytest
from msgspec.structs import replace
from openpyxl import load_workbook
from pydicom.dataset import Dataset, FileDataset

from schemas.records import Kind
from schemas.rules import default_rules, parse_rules, read_rules
from schemas.sites import EXAMPLE, parse_sites, read_sites
from schemas.templates import template
from synth.clinical import values
from synth.deadlines import rules_text
from synth.elements import encoded, sequence, texts
from synth.files import registry_text, write_world
from synth.truth import truth
from synth.world import make_world

SITES = read_sites(EXAMPLE)
TODAY = dt.date(2026, 3, 2)
WORLD = make_world(11, 100, SITES, TODAY)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "out"
    write_world(WORLD, folder)
    return folder


def plan(out: Path) -> list[dict[str, Any]]:
    deliveries: list[dict[str, Any]] = json.loads((out / "deliveries.json").read_text(encoding="utf-8"))
    return deliveries


def images(out: Path) -> list[FileDataset]:
    return [pydicom.dcmread(path) for path in sorted(out.rglob("*.dcm"))]


def cells(path: Path) -> list[tuple[object, ...]]:
    return list(load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True))


def test_the_registry_is_written_as_it_was_used(out: Path) -> None:
    assert (out / "sites.toml").read_text(encoding="utf-8") == EXAMPLE.read_text(encoding="utf-8")


def test_another_registry_is_written_so_that_it_reads_the_same() -> None:
    sites = {code: site for code, site in SITES.items() if code in ("LARK", "PENM")}

    assert parse_sites(registry_text(sites)) == sites


def test_deliveries_are_listed_in_order_and_every_file_belongs_to_one(out: Path) -> None:
    listed = plan(out)

    assert [(each["at"], each["site"], each["kind"]) for each in listed] == [
        (delivery.at, delivery.site, delivery.door) for delivery in WORLD.deliveries
    ]
    sheets_and_lists = [path for ending in ("xlsx", "txt") for path in out.rglob(f"*.{ending}")]
    assert {path.relative_to(out).as_posix() for path in sheets_and_lists} | {
        path.parent.relative_to(out).as_posix() for path in out.rglob("*.dcm")
    } == {each["path"] for each in listed}


def test_paths_say_site_door_and_number(out: Path) -> None:
    forms = {
        "positive": r"\w+/uploads/\d\d-positive\.xlsx",
        "negative": r"\w+/uploads/\d\d-negative\.xlsx",
        "images": r"\w+/images/\d\d",
        "pacs": r"\w+/from-pacs/\d\d",
        "withdraw": r"\w+/withdrawals/\d\d\.txt",
    }

    assert all(re.fullmatch(forms[each["kind"]], each["path"]) for each in plan(out))
    assert all(each["path"].startswith(f"{each['site']}/") for each in plan(out))


def test_withdrawals_are_numbers_one_a_line(out: Path) -> None:
    listed = [(out / each["path"], place) for place, each in enumerate(plan(out)) if each["kind"] == "withdraw"]

    assert len(listed) >= 5
    for path, place in listed:
        numbers = [re.sub(r"[^0-9A-Z]", "", line.upper()) for line in path.read_text(encoding="utf-8").splitlines()]
        assert numbers == [withdrawal.number for withdrawal in WORLD.deliveries[place].withdrawals]


def test_the_rules_under_which_the_truth_holds_lie_beside(out: Path) -> None:
    assert (out / "rules.toml").read_text(encoding="utf-8") == rules_text(WORLD.impatient)
    assert set(read_rules(out / "rules.toml").sites) == set(WORLD.impatient) == {"LARK"}
    quiet, usual = parse_rules(rules_text(())), default_rules()
    assert quiet.common.settling.quiet == dt.timedelta(hours=1)
    assert replace(quiet, common=replace(quiet.common, settling=usual.common.settling)) == usual


def test_names_of_image_files_tell_nothing(out: Path) -> None:
    names = [path.stem for path in out.rglob("*.dcm")]

    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)
    assert len(set(names)) == len(names)


def test_the_truth_lies_beside(out: Path) -> None:
    assert json.loads((out / "truth.json").read_text(encoding="utf-8")) == truth(WORLD)


def test_the_same_world_is_written_the_same(out: Path, tmp_path: Path) -> None:
    write_world(make_world(11, 100, SITES, TODAY), tmp_path / "again")

    first, again = (sorted(path.relative_to(root) for path in root.rglob("*.*")) for root in (out, tmp_path / "again"))
    assert first == again
    for name in first:
        one, other = out / name, tmp_path / "again" / name
        same = cells(one) == cells(other) if name.suffix == ".xlsx" else one.read_bytes() == other.read_bytes()
        assert same, name


def test_progress_is_told_after_each_delivery(tmp_path: Path) -> None:
    world = make_world(1, 3, SITES, TODAY)
    told: list[tuple[int, int]] = []

    write_world(world, tmp_path, lambda done, total: told.append((done, total)))

    assert told == [(done, len(world.deliveries)) for done in range(1, len(world.deliveries) + 1)]


def test_nothing_is_mixed_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(FileExistsError, match="not an empty folder"):
        write_world(WORLD, tmp_path)
    with pytest.raises(FileExistsError, match="not an empty folder"):
        write_world(WORLD, tmp_path / "mine.txt")

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# --- workbooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_headers_are_the_templates_own(out: Path, kind: Kind) -> None:
    books = sorted(out.rglob(f"*-{kind}.xlsx"))

    assert len(books) > 10
    for book in books:
        assert load_workbook(book, read_only=True).sheetnames == [template(kind).sheet]
        assert list(cells(book)[0]) == [column.header for column in template(kind).columns]


def test_every_column_of_the_main_sheet_gets_values() -> None:
    patients = make_world(1, 1000, SITES, TODAY).patients
    filled = {key for patient in patients for key in values(patient, SITES[patient.site])}
    form = template("positive")

    assert filled == {column.key for column in form.columns[2:]} - {form.swab_date_key}


def test_rows_are_mostly_filled_and_never_without_a_hospital_number(out: Path) -> None:
    rows = [row for book in out.rglob("*-positive.xlsx") for row in cells(book)[1:]]

    assert all(row[1] is not None and sum(cell is not None for cell in row) > 30 for row in rows)


def test_a_repeated_sheet_is_the_very_same_file(out: Path) -> None:
    listed = plan(out)
    repeats = [(place, each.repeats) for place, each in enumerate(WORLD.deliveries) if each.repeats is not None and each.rows]

    assert len(repeats) >= 2
    for place, first in repeats:
        assert listed[place]["path"] != listed[first]["path"]
        assert (out / listed[place]["path"]).read_bytes() == (out / listed[first]["path"]).read_bytes()


# --- images -----------------------------------------------------------------------------------------------------------

SOP_CLASSES = {
    "CR": "Computed Radiography Image Storage",
    "DX": "Digital X-Ray Image Storage - For Presentation",
    "CT": "CT Image Storage",
    "MR": "MR Image Storage",
    "US": "Ultrasound Image Storage",
}


def test_images_carry_what_the_world_says(out: Path) -> None:
    written = {(each.PatientID.strip(), each.StudyInstanceUID, each.SOPInstanceUID, each.Modality) for each in images(out)}
    meant = {
        (instance.patient_id, sending.study.uid, instance.uid, instance.modality)
        for delivery in WORLD.deliveries
        for sending in delivery.sendings
        for instance in sending.instances
    }

    def compared(patient_id: str) -> str:
        return re.sub(r"^(999) (\d{3}) (\d{4})$", r"\1\2\3", patient_id.upper())

    assert {(compared(number), *rest) for number, *rest in written} == meant


def test_each_modality_is_its_own_sop_class_in_the_file_meta_too(out: Path) -> None:
    for image in images(out):
        assert image.SOPClassUID.name == SOP_CLASSES[image.Modality]
        assert image.file_meta.MediaStorageSOPClassUID == image.SOPClassUID
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"


def test_every_value_is_valid_and_elements_are_in_order(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.RAISE)

    for image in images(out):
        tags = [element.tag for element in image]
        assert tags == sorted(tags)
        assert all(element.value is not None or element.is_empty for element in image.iterall())
        assert len(image.PixelData) == image.Rows * image.Columns * image.BitsAllocated // 8


def test_the_file_meta_length_is_right(out: Path) -> None:
    path = next(out.rglob("*.dcm"))
    data = path.read_bytes()
    end = 144 + int.from_bytes(data[140:144], "little")  # preamble, DICM, the length element itself

    assert data[end : end + 2] == b"\x08\x00"


def test_headers_hold_all_that_must_never_leave_the_hospital(out: Path) -> None:
    people = {person.nhs_number: person for person in WORLD.people}
    for image in images(out):
        person = people[_nhs_number(image)]
        assert str(image.PatientName) == f"{person.family_name.upper()}^{person.given_name}"
        assert image.PatientAddress == person.address
        assert image.PatientBirthDate == f"{person.birth_date:%Y%m%d}"
        assert person.nhs_number[:3] in image.PatientComments
        assert person.family_name in image.private_block(0x0033, "INVENTED RIS 1.0")[0x01].value
        assert image.private_block(0x0033, "INVENTED RIS 1.0")[0x02].value[0].PatientName == person.family_name
        for keyword in ("ReferringPhysicianName", "InstitutionName", "AccessionNumber", "StationName", "OtherPatientIDs"):
            assert image[keyword].value
        assert image.RequestAttributesSequence[0].RequestedProcedureID
        assert (image.BodyPartExamined, bool(image.Manufacturer), bool(image.ManufacturerModelName)) == ("CHEST", True, True)


def _nhs_number(image: Dataset) -> str:
    return str(next(other.PatientID for other in image.OtherPatientIDsSequence if other.IssuerOfPatientID == "NHS"))


def test_some_names_have_accents(out: Path) -> None:
    assert any(not str(image.PatientName).isascii() for image in images(out))


def test_text_and_sequences_are_encoded_as_pydicom_does() -> None:
    item, values = Dataset(), Dataset()
    item.PatientID, item.IssuerOfPatientID = "odd", "NHS"
    values.PatientName, values.OtherPatientIDs, values.StudyInstanceUID, values.StudyDate = "É^B", ["1", "22"], "1.2.3", ""
    values.OtherPatientIDsSequence = [item, item]

    said = texts(PatientName="É^B", OtherPatientIDs=["1", "22"], StudyInstanceUID="1.2.3", StudyDate="")
    others = sequence("OtherPatientIDsSequence", *[texts(PatientID="odd", IssuerOfPatientID="NHS")] * 2)

    assert {**said, **others} == encoded(values)


def test_an_unknown_keyword_is_refused() -> None:
    with pytest.raises(ValueError, match="DICOM knows no PatientsName"):
        texts(PatientsName="Nobody")
