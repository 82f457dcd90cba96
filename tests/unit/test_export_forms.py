"""Keys, formats and names of what the warehouse receives, as section 8 of the domain notes words them; and the round trip."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydicom.dataset import Dataset

from handover import clinical
from handover.layout import Processed
from schemas.records import RowPseudonymised
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Column, template
from schemas.topics import ROWS
from tests.factories import NOON, SITES, SWAB, Flow, raw_row
from tests.factories import row as row_of
from tests.handovers import RR1, RR2, TODAY, Handover, image_name, pseudonym, read, store_image, study_uid
from tests.sheets import check, negative, positive, sheet

TWELVE_DATES = (
    "Date of Positive Covid Swab",
    "Date of acquisition of 1st RT-PCR",
    "Date of acquisition of 2nd RT-PCR",
    "Date of result of 1st RT-PCR",
    "Date of result of 2nd RT-PCR",
    "Date of admission",
    "Date of ITU admission",
    "Date of intubation",
    "Date of 1st CXR",
    "Date of 2nd CXR",
    "Date last known alive",
    "Date of death",
)


def record(values: dict[str, str], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # a row's fields
    return clinical.record(row_with(values, **more), SITES["RDGM"])


def row_with(values: dict[str, str], **more: Any) -> RowPseudonymised:  # noqa: ANN401  # a row's fields
    return replace(row_of(kind=more.pop("kind", "positive")), values=values, **more)


# --- the raw layout: raw-<uploader>/YYYY-MM-DD/data/<Pseudonym>_data.json, _status.json, images/<image id>.dcm ---------------


def test_the_raw_layout(tmp_path: Path) -> None:
    handover = Handover(tmp_path).complete(RR1).complete(RR2, None, kind="negative")
    handover.export()
    assert handover.delivered() == sorted(
        [
            f"raw-nccid/2020-06-01/data/{pseudonym(RR1)}_data.json",
            f"raw-nccid/2020-06-01/data/{pseudonym(RR2)}_status.json",
            f"raw-nccid/2020-06-01/images/{image_name(RR1, f'S-RDGM-{RR1}-1')}.dcm",
            f"raw-nccid/2020-06-01/images/{image_name(RR2, f'S-RDGM-{RR2}-1')}.dcm",
        ]
    )


def test_an_image_is_handed_over_as_it_lies_in_the_store_and_its_patient_id_is_the_pseudonym(tmp_path: Path) -> None:
    handover = Handover(tmp_path).complete(RR1)
    handover.export()
    (image,) = handover.tree.rglob("*.dcm")
    (stored,) = handover.store.rglob("*.dcm")
    assert image.read_bytes() == stored.read_bytes()
    assert read(image).PatientID == pseudonym(RR1)


def test_pseudonyms_begin_with_covid() -> None:
    assert pseudonym().lower().startswith("covid")


def test_image_names_are_unique_overall_though_two_sites_send_the_very_same_study(tmp_path: Path) -> None:
    handover = Handover(tmp_path).complete(RR1, study="S1").complete("XX9990001", site="EXMR", study="S1")
    assert handover.export().images == 2
    assert len({path.name for path in handover.tree.rglob("*.dcm")}) == 2


# --- positive JSON: Pseudonym, SubmittingCentre and the main-sheet keys, dates MM/DD/YYYY --------------------------------------


def test_a_positive_record_has_the_main_sheets_keys_and_no_others() -> None:
    keys = [column.key for column in template("positive").columns]
    values = {column.key: "2020-05-01" if column.type == "date" else "1" for column in template("positive").columns}
    made = record(values | {NHS_KEY: "never", HOSPITAL_KEY: "never", "PMH diabetes mellitus TYPE I": "1"})
    assert list(made) == ["Pseudonym", "SubmittingCentre", *(key for key in keys if key not in {NHS_KEY, HOSPITAL_KEY})]
    assert len(made) == 60


def test_the_submitting_centre_is_the_registrys_exact_name() -> None:
    assert record({})["SubmittingCentre"] == "Ridgemoor Royal NHS Foundation Trust"


@pytest.mark.parametrize("key", TWELVE_DATES)
def test_dates_of_the_main_sheet_are_month_first(key: str) -> None:
    assert record({key: "2020-05-13"})[key] == "05/13/2020"


def test_there_are_twelve_dates_in_the_main_sheet() -> None:
    assert tuple(column.key for column in template("positive").columns if column.type == "date") == TWELVE_DATES


@pytest.mark.parametrize(
    ("given", "exported"),
    [("45", 45), ("45.4", 45), ("45.5", 46), ("0.5", 1), ("46.5", 47), ("13.9", 14), ("about 45", "about 45")],
)
def test_the_age_is_the_nearest_integer_and_half_a_year_rounds_up(given: str, exported: object) -> None:
    assert record({"Age": given})["Age"] == exported


@pytest.mark.parametrize(
    ("key", "given", "exported"),
    [
        ("Temperature on admission", "37.4", 37.4),
        ("Temperature on admission", "37.4 (36 hours post admission)", "37.4 (36 hours post admission)"),
        ("Temperature on admission", "37.40", "37.40"),
        ("Heart rate on admission", "92", 92),
        ("CRP on admission", "<5", "<5"),
        ("Sex", "1", 1),
        ("Sex", "F", "F"),
        ("Sex", "1.0", 1.0),
        ("PMH Lung disease", "5 Bronchiectasis", "5 Bronchiectasis"),
        ("Troponin I", "012", "012"),
        ("Hospital", "12", "12"),
    ],
)
def test_values_are_as_given_and_what_is_just_a_number_is_a_number(key: str, given: str, exported: object) -> None:
    made = record({key: given})[key]
    assert made == exported
    assert type(made) is type(exported)
    assert str(made) == given


def test_empty_cells_are_left_out() -> None:
    assert record({}) == {"Pseudonym": "CovidANN", "SubmittingCentre": SITES["RDGM"].name}


# --- negative JSON: Pseudonym, SubmittingCentre, SwabStatus (number 0 or 1), SwabDate (DD/MM/YYYY) ---------------------


def test_a_negative_record_has_four_keys_a_number_and_a_day_first_date() -> None:
    values = {"Date of RT-PCR": "2020-05-13", "RT-PCR result": "0"}
    made = record(values, kind="negative", swab_date=dt.date(2020, 5, 13), result=0)
    assert json.loads(clinical.encoded(made)) == {
        "Pseudonym": "CovidANN",
        "SubmittingCentre": SITES["RDGM"].name,
        "SwabStatus": 0,
        "SwabDate": "13/05/2020",
    }


def test_a_negative_record_without_a_swab_date_has_none() -> None:
    assert "SwabDate" not in record({}, kind="negative", swab_date=None, result=0)


# --- the processed layout ------------------------------------------------------------------------------------------------------


def test_the_processed_layout(tmp_path: Path) -> None:

    handover = Handover(tmp_path, layout=Processed(), training=100).complete(RR1).complete(RR2, None, kind="negative")
    handover.export()
    one, other, film = pseudonym(RR1), pseudonym(RR2), f"S-RDGM-{RR1}"
    within = f"{one}/{study_uid(film)}/{study_uid(f'{film}/series')}/{image_name(RR1, f'{film}-1')}"
    found = handover.delivered()
    assert f"training/data/{one}/data_2020-06-01.json" in found
    assert f"training/data/{other}/status_2020-06-01.json" in found
    assert f"training/xray/{within}.dcm" in found
    assert f"training/xray-metadata/{within}.json" in found
    assert len(found) == 6


@pytest.mark.parametrize(
    ("modality", "folder"), [("DX", "xray"), ("CR", "xray"), ("CT", "ct"), ("MR", "mri"), ("US", "unknown"), ("", "unknown")]
)
def test_images_are_sorted_by_modality(tmp_path: Path, modality: str, folder: str) -> None:

    handover = Handover(tmp_path, layout=Processed(), training=0).complete(RR1)
    store_image(handover.store, RR1, f"S-RDGM-{RR1}", f"S-RDGM-{RR1}-1", Modality=modality)
    handover.export()
    (image,) = handover.tree.rglob("*.dcm")
    assert image.relative_to(handover.tree).parts[:2] == ("validation", folder)


def test_metadata_is_the_dicom_json_model_header_only_and_binary_values_null(tmp_path: Path) -> None:

    handover = Handover(tmp_path, layout=Processed()).complete(RR1)
    path = store_image(handover.store, RR1, f"S-RDGM-{RR1}", f"S-RDGM-{RR1}-1", PatientAge="045Y")
    dataset = read(path)
    dataset.add_new(0x00282000, "OB", b"\1\2\3\4")  # ICC Profile
    item = Dataset()
    item.add_new(0x00282000, "OB", b"\1\2")
    dataset.add_new(0x00082218, "SQ", [item])
    dataset.save_as(path)
    handover.export()
    (metadata,) = handover.tree.rglob("*-metadata/**/*.json")
    header = json.loads(metadata.read_bytes())
    assert header["00100020"] == {"vr": "LO", "Value": [pseudonym(RR1)]}
    assert header["00101010"] == {"vr": "AS", "Value": ["045Y"]}
    assert header["00282000"] == {"vr": "OB", "InlineBinary": None}
    assert header["00082218"]["Value"] == [{"00282000": {"vr": "OB", "InlineBinary": None}}]
    assert "7FE00010" not in header


# --- every value of the two templates survives xlsx -> topics -> JSON --------------------------------------------------


SAMPLES: dict[str, list[object]] = {
    "number": [37.4, 12, 0.125, "<5", "12 (after dialysis)", "[12] - 2020-05-12"],
    "integer": [20, 120, "20 at rest", ">40"],
    "text": ["Ridgemoor", "R. R. Infirmary"],
    "date": [dt.date(2020, 5, 12), "13/05/2020", "2020-05-14"],
}


def samples(column: Column) -> list[object]:
    if column.type == "code":
        codes = list(column.codes)
        return [*(int(code) if code.isdecimal() else code for code in codes), codes[-1], f"{codes[0]} and so on"]
    return SAMPLES[column.type]


def expected(column: Column, cell: object) -> object:
    """What the schema has for a cell, worked out from the cell alone."""
    match cell:
        case dt.date():
            return f"{cell:%m/%d/%Y}"
        case str() if column.type == "date":
            return {"13/05/2020": "05/13/2020", "2020-05-14": "05/14/2020"}[cell]
        case str() if column.type == "code" and cell.isdecimal():
            return int(cell)
        case float() if column.key == "Age":
            return round(cell)
        case _:
            return cell


CLINICAL = [column for column in template("positive").columns if column.key not in {NHS_KEY, HOSPITAL_KEY}]


@pytest.mark.parametrize("place", range(18))  # the longest list of codes has 16, and two samples more
def test_every_value_of_the_main_template_survives(tmp_path: Path, place: int) -> None:
    cells = {column.key: samples(column)[place % len(samples(column))] for column in CLINICAL}
    checked = check(sheet(tmp_path / "sheet.xlsx", "positive", [positive(0, cells)]), "positive")
    assert checked.accepted, checked.errors
    (row,) = checked.rows
    found = through(Flow().arrives(raw_row(values=row.values, swab_date=row.swab_date)))
    del found["Pseudonym"], found["SubmittingCentre"]
    assert found == {column.key: expected(column, cells[column.key]) for column in CLINICAL}


def test_the_samples_hold_every_code_of_every_list() -> None:
    assert {len(column.codes) for column in CLINICAL if column.type == "code"} <= {2, 3, 4, 5, 7, 16}
    for column in CLINICAL:
        for code in column.codes:
            assert str(record({column.key: code})[column.key]) == code


def test_every_value_of_the_status_template_survives(tmp_path: Path) -> None:
    for result in (0, 1):
        checked = check(sheet(tmp_path / f"{result}.xlsx", "negative", [negative(0, {"RT-PCR result": result})]), "negative")
        (row,) = checked.rows
        flow = Flow().arrives(raw_row(kind="negative", values=row.values, swab_date=row.swab_date, result=row.result))
        found = through(flow)
        assert (found["SwabStatus"], found["SwabDate"]) == (result, "12/05/2020")


def through(flow: Flow) -> dict[str, Any]:
    """The one row on nccid.rows, as its file has it."""
    ((_, value),) = flow.broker.topics[ROWS.name]
    row = ROWS.wire.decode(value)
    made: dict[str, Any] = json.loads(clinical.encoded(clinical.record(row, SITES[row.site])))
    return made


def test_the_day_in_the_names_is_the_day_of_delivery(tmp_path: Path) -> None:
    handover = Handover(tmp_path).complete(RR1, at=NOON)
    handover.export(TODAY + dt.timedelta(days=200))
    assert {path.split("/")[1] for path in handover.delivered()} == {"2020-12-18"}
    assert SWAB.year == 2020
