"""The truth of worlds made by hand: what arrived, in a line of text, and what must be known."""

import datetime as dt
from itertools import count
from typing import Any, Literal, cast

import pytest

from schemas.sites import parse_sites
from synth.model import Delivery, Group, Hand, Instance, NumberKind, Patient, Person, Row, Sending, Study, Withdrawal, World
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


def opts_out(by: NumberKind = "nhs", site: str = "HOSP") -> Withdrawal:
    """The patient opts out, by NHS number or by RR0042."""
    return Withdrawal(patient(site), by)


Sent = Row | Sending | Withdrawal | tuple[Row, ...]
"""A tuple is one sheet."""


def world(*sent: Sent, site: str = "HOSP", impatient: tuple[str, ...] = ()) -> World:
    """Everything in deliveries of its own, in this order."""
    deliveries = tuple(_delivery(each, site) for each in sent)
    return World(0, TODAY, SITES, (patient().person,), (patient(),), deliveries, (STRANGER,), impatient)


def _delivery(sent: Sent, site: str) -> Delivery:
    match sent:
        case Row():
            return _delivery((sent,), site)
        case Withdrawal():
            return Delivery(sent.patient.site, 0, "withdraw", withdrawals=(sent,))
        case Sending():
            return Delivery(site, 0, "images", sendings=(sent,))
    return Delivery(sent[0].patient.site, 0, sent[0].door, rows=sent)


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


# --- deadlines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        ([row("main 2021-03-10")], "images-missing"),
        ([row("status 2021-03-10 0"), study("2020-03-10 CR")], "images-missing"),
        ([row("status 2021-03-10 0"), study("2021-03-10 MR")], "images-missing"),
        ([study("2021-03-10 CR")], "spreadsheet-missing"),
        ([row("status 2021-03-10 1"), study("2021-03-10 CR")], "spreadsheet-missing"),
        ([row("main 2021-03-10"), study("2021-03-10 CR")], "complete"),
        ([row("main 2021-03-10"), opts_out()], "withdrawn"),
    ],
)
def test_at_an_impatient_site_what_is_awaited_is_missing(sent: list[Sent], state: str) -> None:
    assert coverage(world(*sent, impatient=("HOSP",)))["HOSP"]["states"] == {state: 1}


def test_the_other_sites_go_on_waiting() -> None:
    made = world(row("main 2021-03-10"), row("main 2021-03-10", site="OTHER", number="0042"), impatient=("OTHER",))

    assert {site: found["states"] for site, found in coverage(made).items()} == {
        "HOSP": {"awaiting-images": 1},
        "OTHER": {"images-missing": 1},
    }


# --- two hospital numbers of one person ---------------------------------------------------------------------------------


def hospital_cases(made: World) -> list[tuple[str, str, list[str]]]:
    """State, data and flags of each case that the Checker shows for the NHS number."""
    return sorted((case["state"], case["data"], case["flags"]) for case in answer(made)["cases"])


SEVERAL = ["several-hospital-numbers"]


def test_two_numbers_in_one_sheet_both_stay_and_are_flagged() -> None:
    sheet = (row("main 2021-03-10"), row("main 2021-03-10", number="RR0007"))

    assert hospital_cases(world(sheet, study("2021-03-10 CR"))) == [
        ("awaiting-images", "main", SEVERAL),
        ("complete", "main", SEVERAL),
    ]
    assert coverage(world(sheet))["HOSP"]["flags"] == {"several-hospital-numbers": 2}


def test_the_same_sheet_again_moves_nothing() -> None:
    sheet = (row("main 2021-03-10"), row("main 2021-03-10", number="RR0007"))

    assert truth(world(sheet, sheet)) == truth(world(sheet))


@pytest.mark.parametrize("turned", [False, True])
def test_two_numbers_in_two_sheets_both_stay_and_are_flagged(turned: bool) -> None:  # noqa: FBT001  # from parametrize
    rows = [row("main 2021-03-10"), row("status 2021-03-01 0", number="RR0007")]

    assert hospital_cases(world(*(reversed(rows) if turned else rows), study("2021-03-10 CR"))) == [
        ("awaiting-images", "status", SEVERAL),
        ("complete", "main", SEVERAL),
    ]


def test_a_later_sheet_moves_the_row_and_a_case_with_nothing_left_is_gone() -> None:
    made = world(row("main 2021-03-10", number="RR0007"), row("main 2021-03-10"), study("2021-03-10 CR"))

    assert coverage(made)["HOSP"] == {
        "cases": 1,
        "states": {"complete": 1},
        "flags": {},
        "studies": {"xray": 1, "ct": 0, "mr": 0},
    }
    assert hospital_cases(made) == [("complete", "main", [])]


def test_a_case_that_has_images_stays_without_row_and_without_person() -> None:
    made = world(row("main 2021-03-10"), study("2021-03-10 CR"), row("main 2021-03-10", number="RR0007"))

    assert coverage(made)["HOSP"]["states"] == {"awaiting-images": 1, "awaiting-spreadsheet": 1}
    assert coverage(made)["HOSP"]["flags"] == {}
    assert hospital_cases(made) == [("awaiting-images", "main", [])]


def test_an_old_sheet_again_moves_the_row_back() -> None:
    old = row("status 2021-03-10 0")

    made = world(old, row("status 2021-03-10 0", number="RR0007"), study("2021-03-10 CR"), old)

    assert coverage(made)["HOSP"]["states"] == {"complete": 1}


def test_a_row_of_the_other_sheet_stays_where_it_is() -> None:
    made = world(row("main 2021-03-10"), row("status 2021-03-10 0"), row("main 2021-03-10", number="RR0007"))

    assert hospital_cases(made) == [("awaiting-images", "main", SEVERAL), ("awaiting-images", "status", SEVERAL)]


def test_nothing_moves_between_sites_nor_where_pacs_goes_by_nhs_numbers_nor_without_nhs_number() -> None:
    two_sites = world(row("main 2021-03-10"), row("main 2021-03-10", site="OTHER", number="0042"))
    by_nhs = world(row("main 2021-03-10", site="NHSP", number="X0001"), row("main 2021-03-10", site="NHSP", number="X0002"))
    nobody = world(row("main 2021-03-10", nhs=None), row("main 2021-03-10", nhs=None, number="RR0007"))

    assert {site: found["cases"] for site, found in coverage(two_sites).items()} == {"HOSP": 1, "OTHER": 1}
    assert coverage(by_nhs)["NHSP"]["cases"] == 1
    assert coverage(nobody)["HOSP"]["cases"] == 2
    assert all("several-hospital-numbers" not in coverage(made)["HOSP"]["flags"] for made in (two_sites, nobody))


# --- opting out --------------------------------------------------------------------------------------------------------

NO_IMAGES = {kind: {"in_window": 0, "out_of_window": 0} for kind in ("xray", "ct", "mr", "other")}
WITHDRAWN = {"site": "HOSP", "group": "unknown", "state": "withdrawn", "flags": [], "data": "none", "images": NO_IMAGES}
ROW, IMAGES = row("main 2021-03-10"), study("2021-03-10 CR")


@pytest.mark.parametrize("by", ["nhs", "hospital"])
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("others", [(ROW, IMAGES), (IMAGES, ROW)], ids=["row first", "images first"])
def test_who_opts_out_is_known_as_that_and_nothing_else(by: NumberKind, place: int, others: tuple[Sent, ...]) -> None:
    made = world(*others[:place], opts_out(by), *others[place:])

    assert coverage(made)["HOSP"] == {
        "cases": 1,
        "states": {"withdrawn": 1},
        "flags": {},
        "studies": {"xray": 0, "ct": 0, "mr": 0},
    }
    assert answer(made) == {"collected": False, "data": False, "images": False, "cases": [WITHDRAWN]}


def test_who_opts_out_by_nhs_number_does_so_at_all_sites_known_then_or_later() -> None:
    there, here = row("main 2021-03-10", site="OTHER", number="0042"), row("main 2021-03-10")

    for made in (world(there, here, opts_out()), world(here, opts_out(), there), world(opts_out(), there, here)):
        assert [found["states"] for found in coverage(made).values()] == [{"withdrawn": 1}] * 2
        assert [case["site"] for case in answer(made)["cases"]] == ["HOSP", "OTHER"]
        assert not answer(made)["collected"]


def test_who_opts_out_by_hospital_number_does_so_at_all_sites_if_the_site_knew_the_person_by_then() -> None:
    there, here = row("main 2021-03-10", site="OTHER", number="0042"), row("main 2021-03-10")

    known = coverage(world(there, here, opts_out("hospital")))
    not_known = coverage(world(there, opts_out("hospital"), here))

    assert [known["HOSP"]["states"], known["OTHER"]["states"]] == [{"withdrawn": 1}, {"withdrawn": 1}]
    assert [not_known["HOSP"]["states"], not_known["OTHER"]["states"]] == [{"withdrawn": 1}, {"awaiting-images": 1}]


def test_a_hospital_number_that_nothing_else_is_known_of_is_a_case_too_and_an_nhs_number_is_none() -> None:
    by_hospital, by_nhs = world(opts_out("hospital")), world(opts_out())

    assert coverage(by_hospital)["HOSP"]["states"] == {"withdrawn": 1}
    assert [answer(by_hospital)["cases"], coverage(by_nhs), answer(by_nhs)["cases"]] == [[], {}, []]


def test_without_a_row_nobody_knows_who_opted_out_by_hospital_number() -> None:
    for made in (world(IMAGES, opts_out("hospital")), world(row("main 2021-03-10", nhs=None), opts_out("hospital"))):
        assert coverage(made)["HOSP"]["states"] == {"withdrawn": 1}
        assert answer(made)["cases"] == []


def test_images_that_no_row_has_claimed_are_not_known_to_be_of_who_opted_out_by_nhs_number() -> None:
    assert coverage(world(IMAGES, opts_out()))["HOSP"]["states"] == {"awaiting-spreadsheet": 1}


def test_where_pacs_goes_by_nhs_numbers_opting_out_takes_the_images_too() -> None:
    images = study("2021-03-10 CR", NHS, site="NHSP")
    made = world(row("main 2021-03-10", site="NHSP", number="X0001"), opts_out(site="NHSP"), images, site="NHSP")

    assert coverage(made)["NHSP"]["states"] == {"withdrawn": 1}
    assert answer(made)["cases"] == [WITHDRAWN | {"site": "NHSP"}]
