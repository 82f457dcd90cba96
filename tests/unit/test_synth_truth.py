"""The truth of worlds made by hand: what arrived, in a line of text, and what must be known."""

import datetime as dt
from itertools import count
from typing import Any, Literal, cast

import pytest

from schemas.sites import parse_sites
from synth.model import Delivery, Group, Hand, Instance, Patient, Person, Row, Sending, Study, World
from synth.truth import truth

TODAY = dt.date(2022, 6, 15)
SITES = parse_sites(
    """
    [[site]]
    code = "HOSP"
    name = "Goes by hospital numbers"
    pacs_identifier = "hospital"
    hospital_number_pattern = 'RR\\d{4}'
    ae_titles = ["HOSP"]
    contact_email = "hosp@example.org"

    [[site]]
    code = "OTHER"
    name = "Does so too"
    pacs_identifier = "hospital"
    hospital_number_pattern = '\\d{4}'
    ae_titles = ["OTHER"]
    contact_email = "other@example.org"

    [[site]]
    code = "NHSP"
    name = "Goes by NHS numbers"
    pacs_identifier = "nhs"
    hospital_number_pattern = 'X\\d{4}'
    ae_titles = ["NHSP"]
    contact_email = "nhsp@example.org"
    """
)
NHS = "9994621785"
STRANGER = "9995451018"
_uids = count(1)


def patient(site: str = "HOSP") -> Patient:
    person = Person(NHS, "Nobody", "Nora", "F", dt.date(1950, 1, 1), "1 Nowhere Lane")
    return Patient(person, site, "RR0042", "negative", dt.date(2021, 3, 10), Hand())


def row(text: str, site: str = "HOSP", nhs: str | None = NHS, number: str = "RR0042") -> Row:
    """``main 2021-03-10`` or ``status 2021-03-10 0``; a hyphen for a blank cell."""
    sheet, swab, *result = text.split()
    door: Group = "positive" if sheet == "main" else "negative"
    coded = cast("Literal[0, 1]", int(result[0])) if result and result[0] != "-" else None
    return Row(patient(site), door, nhs, number, _day(swab), coded)


def study(text: str, *patient_ids: str, site: str = "HOSP") -> Sending:
    """``2021-03-10 CT CR``: one image a modality, and of each under every PatientID."""
    day, *modalities = text.split()
    images = [(modality, number) for modality in modalities for number in patient_ids or ("RR0042",)]
    instances = tuple(Instance(f"1.{next(_uids)}", "1.1", 1, modality, patient(site), number) for modality, number in images)
    return Sending(Study(f"2.{next(_uids)}", "A1", _day(day), "StudyDate", instances), instances)


def _day(text: str) -> dt.date | None:
    return None if text == "-" else dt.date.fromisoformat(text)


def world(*sent: Row | Sending, site: str = "HOSP") -> World:
    """Everything in deliveries of its own, in this order."""
    return World(0, TODAY, SITES, (patient().person,), (patient(),), tuple(_delivery(each, site) for each in sent), (STRANGER,))


def _delivery(sent: Row | Sending, site: str) -> Delivery:
    if isinstance(sent, Row):
        return Delivery(sent.patient.site, 0, sent.door, rows=(sent,))
    return Delivery(site, 0, "images", sendings=(sent,))


def coverage(made: World) -> dict[str, Any]:
    sites: dict[str, Any] = truth(made)["sites"]
    return sites


def answer(made: World, number: str = NHS) -> dict[str, Any]:
    found: dict[str, Any] = truth(made)["people"][number]
    return found


# Each line: rows | studies | group, state, data | studies in the window + outside | flags
WINDOWS = """
status 2021-03-10 0 | 2021-02-10 CR | negative complete status             | xray 1+0 |
status 2021-03-10 0 | 2021-02-09 CR | negative awaiting-images status      | xray 0+1 | images-outside-window
status 2021-03-10 0 | 2021-04-07 CR | negative complete status             | xray 1+0 |
status 2021-03-10 0 | 2021-04-08 CR | negative awaiting-images status      | xray 0+1 | images-outside-window
main 2021-03-10     | 2018-03-10 DX | positive complete main               | xray 1+0 |
main 2021-03-10     | 2018-03-09 DX | positive awaiting-images main        | xray 0+1 | images-outside-window
main 2021-03-10     | 2022-06-14 DX | positive complete main               | xray 1+0 |
main 2020-02-29     | 2017-02-28 CT | positive complete main               | ct 1+0   |
main 2020-02-29     | 2017-02-27 CT | positive awaiting-images main        | ct 0+1   | images-outside-window
main -              | 2019-06-15 CR | positive complete main               | xray 1+0 |
main -              | 2019-06-14 CR | positive awaiting-images main        | xray 0+1 | images-outside-window
status - 0          | 2022-05-18 CR | negative complete status             | xray 1+0 |
status - 0          | 2022-05-17 CR | negative awaiting-images status      | xray 0+1 | images-outside-window
status 2021-03-10 - | 2021-03-10 CR | negative complete status             | xray 1+0 |
status 2021-03-10 1 | 2021-03-10 CR | positive awaiting-spreadsheet status | xray 1+0 | positive-in-status-sheet
status 2021-03-10 1 | 2018-03-10 CR | positive awaiting-spreadsheet status | xray 1+0 | positive-in-status-sheet
status 2021-03-10 1 |               | positive awaiting-spreadsheet status |          | positive-in-status-sheet
main 2021-03-10     | - CR          | positive awaiting-images main         | xray 0+1 | images-outside-window study-undated
"""
KINDS = """
main 2021-03-10 |                              | positive awaiting-images main |                  |
main 2021-03-10 | 2021-03-10 MR                | positive awaiting-images main | mr 1+0           |
main 2021-03-10 | 2021-03-10 US                | positive awaiting-images main | other 1+0        | unexpected-modality
main 2021-03-10 | 2021-03-10 CT CR             | positive complete main        | xray 1+0, ct 1+0 |
main 2021-03-10 | 2021-03-10 CR DX             | positive complete main        | xray 1+0         |
main 2021-03-10 | 2021-03-10 CR; 2010-01-01 CT | positive complete main        | xray 1+0, ct 0+1 | images-outside-window
"""
SHEETS = """
status 2021-03-10 0; main 2021-05-10     | 2018-06-01 CR | positive complete both          | xray 1+0 | in-both-spreadsheets
main 2021-05-10; status 2021-03-10 0     | 2018-06-01 CR | positive complete both          | xray 1+0 | in-both-spreadsheets
status 2021-03-10 1; status 2021-03-10 0 | 2021-03-10 CR | negative complete status        | xray 1+0 |
status 2021-01-01 0; status 2021-03-10 0 | 2021-03-10 CR | negative complete status        | xray 1+0 |
status 2021-03-10 0; status 2021-01-01 0 | 2021-03-10 CR | negative awaiting-images status | xray 0+1 | images-outside-window
"""
LINES = [[part.strip() for part in line.split("|")] for line in (WINDOWS + KINDS + SHEETS).splitlines() if line]


@pytest.mark.parametrize(("rows", "studies", "answers", "images", "flags"), LINES, ids=[" | ".join(line[:2]) for line in LINES])
def test_a_case_is_judged_by_the_rules(rows: str, studies: str, answers: str, images: str, flags: str) -> None:
    made = world(*map(row, rows.split("; ")), *(study(text) for text in studies.split("; ") if text))
    counted = {
        kind: [int(count) for count in counts.split("+")] for kind, counts in map(str.split, filter(None, images.split(", ")))
    }

    (case,) = answer(made)["cases"]

    assert [case["group"], case["state"], case["data"]] == answers.split()
    assert {kind: list(pair.values()) for kind, pair in case["images"].items() if any(pair.values())} == counted
    assert case["flags"] == flags.split()


def test_a_positive_status_row_stays_flagged_beside_its_main_row() -> None:
    (case,) = answer(world(row("status 2021-03-10 1"), row("main 2021-03-10"), study("2021-03-10 CR")))["cases"]

    assert [case["state"], case["data"]] == ["complete", "both"]
    assert case["flags"] == ["in-both-spreadsheets", "positive-in-status-sheet"]


def test_before_a_row_every_dated_study_counts_and_the_group_is_unknown() -> None:
    made = world(study("1999-01-01 CR", NHS), study("- CT", NHS))

    assert answer(made) == {
        "collected": True,
        "data": False,
        "images": True,
        "cases": [
            {
                "site": "HOSP",
                "group": "unknown",
                "state": "awaiting-spreadsheet",
                "flags": ["images-outside-window", "study-undated"],
                "data": "none",
                "images": {
                    "xray": {"in_window": 1, "out_of_window": 0},
                    "ct": {"in_window": 0, "out_of_window": 1},
                    "mr": {"in_window": 0, "out_of_window": 0},
                    "other": {"in_window": 0, "out_of_window": 0},
                },
            }
        ],
    }


def test_coverage_counts_cases_states_flags_and_studies_in_the_window_or_not() -> None:
    made = world(
        row("main 2021-03-10"),
        study("2021-03-10 CT CR"),
        study("2010-03-10 CR DX"),
        study("2021-03-10 MR"),
        row("status 2021-03-10 0", nhs=None, number="RR0007"),
    )

    assert coverage(made) == {
        "HOSP": {
            "cases": 2,
            "states": {"awaiting-images": 1, "complete": 1},
            "flags": {"images-outside-window": 1, "no-nhs-number": 1},
            "studies": {"xray": 2, "ct": 1, "mr": 1},
        }
    }


def test_a_study_that_comes_again_or_piecemeal_is_one_study_with_all_its_modalities() -> None:
    whole = study("2021-03-10 CT CR")
    first, second = Sending(whole.study, whole.instances[:1]), Sending(whole.study, whole.instances[1:])

    assert coverage(world(first, second, whole))["HOSP"]["studies"] == {"xray": 1, "ct": 1, "mr": 0}
    assert coverage(world(first))["HOSP"]["studies"] == {"xray": 0, "ct": 1, "mr": 0}


def test_a_study_of_two_patients_counts_for_both_and_flags_both() -> None:
    made = world(row("main 2021-03-10"), study("2021-03-10 CR", "RR0042", "RR0007"))

    assert coverage(made)["HOSP"] == {
        "cases": 2,
        "states": {"awaiting-spreadsheet": 1, "complete": 1},
        "flags": {"several-patient-ids-in-study": 2},
        "studies": {"xray": 2, "ct": 0, "mr": 0},
    }


@pytest.mark.parametrize("other", ["0042", "42", "RR-0042", "XY42"])
def test_one_number_written_in_two_ways_flags_both_halves(other: str) -> None:
    made = world(row("main 2021-03-10"), study("2021-03-10 CR", other))

    assert coverage(made)["HOSP"]["flags"] == {"probable-id-mismatch": 2}


def test_images_under_the_nhs_number_at_a_hospital_site_flag_both_halves() -> None:
    made = world(row("main 2021-03-10"), study("2021-03-10 CR", NHS))

    assert [case["flags"] for case in answer(made)["cases"]] == [["probable-id-mismatch"]] * 2


def test_no_mismatch_where_sides_are_not_complementary_or_sites_differ_or_pacs_goes_by_nhs_numbers() -> None:
    same_side = world(row("main 2021-03-10"), row("main 2021-03-10", number="42"), study("2021-03-10 CR", "43"))
    has_both = world(row("main 2021-03-10"), study("2021-03-10 CR"), study("2021-03-10 CR", "42"))
    has_all = world(row("main 2021-03-10"), study("2021-03-10 CR"), study("2021-03-10 CR", NHS))
    other_site = world(row("main 2021-03-10"), study("2021-03-10 CR", NHS), site="OTHER")
    elsewhere = world(row("main 2021-03-10"), study("2021-03-10 CR", "42"), site="OTHER")
    by_nhs = world(row("main 2021-03-10", site="NHSP"), study("2021-03-10 CR", f"0{NHS}", site="NHSP"), site="NHSP")

    for made in (same_side, has_both, has_all, other_site, elsewhere, by_nhs):
        assert all("probable-id-mismatch" not in site["flags"] for site in coverage(made).values())


def test_pacs_by_nhs_number_joins_on_it_whatever_the_hospital_number() -> None:
    made = world(row("main 2021-03-10", site="NHSP", number="X0001"), study("2021-03-10 CR", NHS, site="NHSP"), site="NHSP")

    assert coverage(made)["NHSP"]["states"] == {"complete": 1}


def test_a_person_is_known_by_the_rows_or_by_patient_id_where_there_is_no_row() -> None:
    without = row("main 2021-03-10", nhs=None)
    cases = {
        "main row": world(row("main 2021-03-10")),
        "status row, main row without": world(row("status 2021-03-10 0"), without),
        "PatientID": world(study("2021-03-10 CR", NHS)),
        "nobody, row without": world(without),
        "nobody, hospital number on the images": world(study("2021-03-10 CR")),
    }

    assert {name for name, made in cases.items() if not answer(made)["collected"]} == {
        "nobody, row without",
        "nobody, hospital number on the images",
    }
    assert coverage(cases["status row, main row without"])["HOSP"]["flags"] == {"in-both-spreadsheets": 1}


def test_the_checker_puts_together_what_is_known_of_a_person_anywhere() -> None:
    made = world(
        row("main 2021-03-10", site="OTHER", number="0042"),
        row("main 2021-03-10"),
        study("2021-03-10 CR", NHS),
    )

    found = answer(made)

    assert [found["collected"], found["data"], found["images"]] == [True, True, True]
    assert [(case["site"], case["state"]) for case in found["cases"]] == [
        ("HOSP", "awaiting-images"),
        ("HOSP", "awaiting-spreadsheet"),
        ("OTHER", "awaiting-images"),
    ]


def test_mr_alone_is_no_image_for_the_checker() -> None:
    assert answer(world(row("main 2021-03-10"), study("2021-03-10 MR")))["images"] is False


def test_a_number_that_nobody_sent_is_not_collected() -> None:
    nothing = {"collected": False, "data": False, "images": False, "cases": []}

    assert answer(world(row("main 2021-03-10")), STRANGER) == nothing
    assert truth(world()) == {"sites": {}, "people": {NHS: nothing, STRANGER: nothing}}
