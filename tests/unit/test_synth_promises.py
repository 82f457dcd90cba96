"""Everything that goes wrong in real life happens in every invented world of a hundred people or more: seen in its files.

And everything that the engine can say comes out, but for ``images-still-arriving``: only the image node can tell that.
"""

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import get_args

import pytest

from schemas.coverage import Flag, State
from schemas.rules import read_rules
from synth.files import write_world
from synth.truth import truth
from synth.world import make_world
from tests.written_world import SITES, Image, Row, Written, read

TODAY = dt.date(2026, 3, 2)


def later_rows(written: Written, sheet: str) -> Iterator[tuple[Row, Row]]:
    """Two rows of a patient in the same sheet, one after the other."""
    for rows in written.rows_of.values():
        yield from pairwise(row for row in rows if row.sheet == sheet)


def first_row_and_images(written: Written) -> set[str]:
    found = set()
    for key in written.rows_of.keys() & written.images_of.keys():
        row, image = written.rows_of[key][0].at, written.images_of[key][0].at
        found.add("rows first" if row < image else "images first")
    return found


def three_years(written: Written) -> set[int]:
    """How many days before the third anniversary of the swab the only film was taken."""
    films = [(swab, day) for swab, day in written.only_films("positive") if (swab.month, swab.day) != (2, 29)]
    return {(swab.replace(year=swab.year - 3) - day).days for swab, day in films}


def leap_days(written: Written) -> set[tuple[int, int]]:
    return {(day.month, day.day) for swab, day in written.only_films("positive") if (swab.month, swab.day) == (2, 29)}


def repeated_sheets(written: Written) -> Iterator[str]:
    """Same at once: the newest file again. Old: another of that site and kind came between."""
    by_door: dict[tuple[str, str], list[str]] = defaultdict(list)
    for site, kind, digest in written.digests:
        seen = by_door[site, kind]
        if digest in seen:
            yield "same" if seen[-1] == digest else "old"
        seen.append(digest)


def undone(written: Written) -> bool:
    """A swab date that came, was changed, and came again."""
    return any(
        len({row.day for row in rows}) == 2 and len(rows) == 3 and rows[0].day == rows[2].day
        for rows in written.rows_of.values()
        if all(row.sheet == "negative" for row in rows)
    )


def state_changes(written: Written) -> set[str]:
    """Whether a corrected swab date brought a film into its window, or out of it."""
    found = set()
    for first, then in later_rows(written, "negative"):
        images = written.images_of.get(first.key, [])
        days = [image.day for image in images if image.day]
        inside = [any(abs((day - row.day).days) <= 28 for day in days) for row in (first, then) if row.day]
        if days and first.day != then.day and inside[0] != inside[-1]:
            found.add("into" if inside[-1] else "out")
    return found


def kinds(images: list[Image]) -> set[str]:
    return {image.modality for image in images}


def seen_in_several_deliveries(written: Written) -> Iterator[list[set[str]]]:
    """For each study that came more than once: what came each time."""
    for images in written.studies.values():
        times: dict[float, set[str]] = defaultdict(set)
        for image in images:
            times[image.at].add(image.uid)
        if len(times) > 1:
            yield list(times.values())


def hands(cells: list[object]) -> set[str]:
    """The forms of the NHS numbers that were typed: 9 for a digit."""
    return {type(cell).__name__ + re.sub(r"\d+", "9", cell if isinstance(cell, str) else "") for cell in cells}


def swab_cells(written: Written) -> set[str]:
    forms = {type(row.swab).__name__ for row in written.rows}
    return forms | {"iso" if "-" in row.swab else "day-first" for row in written.rows if isinstance(row.swab, str)}


def numbers_of_one_person(written: Written) -> set[str]:
    """What becomes of an NHS number under two hospital numbers of a site: two rows stay, or one moves and something is left."""
    found = set()
    for rows in written.numbers_of().values():
        latest = {(row.sheet, row.key): row.at for row in rows}  # the last row of each sheet and number
        stay = {key for (sheet, key), at in latest.items() if at == max(when for (s, _), when in latest.items() if s == sheet)}
        if len(stay) > 1:
            found.add("in one sheet" if len({sheet for sheet, _ in latest}) == 1 else "in two sheets")
        for key in {key for _, key in latest} - stay:
            found.add("moved, images left" if key in written.images_of else "moved, nothing left")
    return found


def moved_back(written: Written) -> bool:
    """A row moved to another number and back: numbers one, other, one, in three sheets of a kind."""
    return any(
        [row.key for row in rows] == [rows[0].key, rows[1].key, rows[0].key] and rows[0].key != rows[1].key
        for rows in written.numbers_of().values()
        if len(rows) == 3 and len({row.sheet for row in rows}) == 1
    )


def opted_out(written: Written, kind: str, *expected: set[str]) -> bool:
    """Whether each of these histories around such an opt-out has happened; a folder of images may be given in again."""
    again = {"images after"}
    seen = [around - again for by, around in written.around_opt_outs() if by == kind]
    return all(around - again in seen for around in expected)


def persons_withdrawn(written: Written) -> Iterator[int]:
    """For each person who has opted out: at how many sites there is nothing else of them."""
    for person in written.truth["people"].values():
        if {case["state"] for case in person["cases"]} == {"withdrawn"}:
            yield len({case["site"] for case in person["cases"]})


Seen = Callable[[Written], object]
PROMISES: dict[str, Seen] = {
    "prefix left out on the images": lambda w: any(
        re.match("[A-Z]", one) and other.isdecimal() for _, one, other in w.misspelt()
    ),
    "prefix left out in the sheet": lambda w: any(re.match("[A-Z]", other) and one.isdecimal() for _, one, other in w.misspelt()),
    "zeros lost in a numeric cell": lambda w: any(site == "PENM" and len(one) < len(other) for site, one, other in w.misspelt()),
    "numeric hospital number that lost nothing": lambda w: any(type(r.hospital) is int and len(r.key[1]) == 7 for r in w.rows),
    "both halves of a mismatch flagged": lambda w: "probable-id-mismatch" in w.flags,
    "rows first, and images first": lambda w: first_row_and_images(w) == {"rows first", "images first"},
    "a sheet again at once, and an old one again": lambda w: {"same", "old"} <= set(repeated_sheets(w)),
    "a correction undone by the old file": undone,
    "the same study sent again": lambda w: any(one == other for one, other, *_ in seen_in_several_deliveries(w)),
    "more of a study sent later": lambda w: any(not one >= other for one, other, *_ in seen_in_several_deliveries(w)),
    "patients in both sheets": lambda w: "in-both-spreadsheets" in w.flags,
    "result 1 without main row": lambda w: any(c["data"] == "status" and c["group"] == "positive" for c in w.cases),
    "result 1 with main row": lambda w: any(c["data"] == "both" and "positive-in-status-sheet" in c["flags"] for c in w.cases),
    "rows without images": lambda w: w.rows_of.keys() - w.images_of.keys(),
    "images without rows": lambda w: w.images_of.keys() - w.rows_of.keys(),
    "dates corrected into the window and out of it": lambda w: state_changes(w) == {"into", "out"},
    "rows sent again unchanged": lambda w: any(one.swab == then.swab for one, then in later_rows(w, "negative")),
    "result corrected to 1 and to 0": lambda w: (
        {(0, 1), (1, 0)} <= {(one.result, then.result) for one, then in later_rows(w, "negative")}
    ),
    "NHS number supplied later": lambda w: any(
        one.nhs is None and then.nhs for sheet in ("positive", "negative") for one, then in later_rows(w, sheet)
    ),
    "images outside the window": lambda w: "images-outside-window" in w.flags,
    "exactly 28 and 29 days either side": lambda w: {-29, -28, 28, 29} <= w.days_apart(),
    "exactly 3 years, and a day more": lambda w: {0, 1} <= three_years(w),
    "29 February less three years": lambda w: leap_days(w) == {(2, 28), (2, 27)},
    "undated": lambda w: "study-undated" in w.flags,
    "dated by AcquisitionDate alone": lambda w: any(not image.days[0] and image.days[1] for image in w.images),
    "dated by ContentDate alone": lambda w: any(not any(image.days[:2]) and image.days[2] for image in w.images),
    "MR only": lambda w: any(kinds(images) == {"MR"} for images in w.images_of.values()),
    "US": lambda w: "unexpected-modality" in w.flags,
    "CT and CR in one study": lambda w: any(kinds(images) == {"CT", "CR"} for images in w.studies.values()),
    "CR and DX in one study": lambda w: any(kinds(images) == {"CR", "DX"} for images in w.studies.values()),
    "no NHS number": lambda w: "no-nhs-number" in w.flags,
    "no swab date in either sheet": lambda w: {row.sheet for row in w.rows if row.swab is None} == {"positive", "negative"},
    "no result": lambda w: any(row.result is None for row in w.rows if row.sheet == "negative"),
    "the same person at two sites": lambda w: any(len({c["site"] for c in p["cases"]}) > 1 for p in w.truth["people"].values()),
    "NHS number as PatientID at a hospital site": lambda w: any(
        len(person["cases"]) > len({case["site"] for case in person["cases"]}) for person in w.truth["people"].values()
    ),
    "two patients in one study": lambda w: "several-patient-ids-in-study" in w.flags,
    "an NHS-primary site": lambda w: w.truth["sites"]["NTHV"]["states"].get("complete"),
    "children under 13": lambda w: any(row.site.code == "LARK" and float(str(row.age or 99)) < 13 for row in w.rows),
    "NHS numbers plain, spaced, hyphenated, numeric": lambda w: (
        {"str9", "str9 9 9", "str9-9-9", "int", "str9\u00a09\u00a09\u200b"} <= hands([row.nhs for row in w.rows])
    ),
    "lower case in the sheet": lambda w: any(str(row.hospital) != str(row.hospital).upper() for row in w.rows),
    "lower case on images": lambda w: any(image.patient_id != image.patient_id.upper() for image in w.images),
    "spaces around numbers in the sheet": lambda w: any(str(row.hospital) != str(row.hospital).strip() for row in w.rows),
    "spaces before PatientID": lambda w: any(image.patient_id.startswith(" ") for image in w.images),
    "spaces inside PatientID": lambda w: any(re.fullmatch(r"\d{3} \d{3} \d{4}", i.patient_id) for i in w.images),
    "swab dates as cells and as text": lambda w: {"datetime", "str"} <= swab_cells(w),
    "one person under two hospital numbers, and rows that move": lambda w: (
        {"in one sheet", "in two sheets", "moved, images left", "moved, nothing left"} <= numbers_of_one_person(w)
    ),
    "a row that moves there and back": moved_back,
    "opted out by NHS number, after and before everything, and between": lambda w: (
        opted_out(w, "nhs", {"row after", "images after"}, {"images before", "row after"})
        and any("row before" in around for kind, around in w.around_opt_outs() if kind == "nhs")
    ),
    "opted out by hospital number, after and before everything, and between": lambda w: (
        opted_out(w, "hospital", {"row after", "images after"}, {"row before", "images after"})
        and any({"row before", "images before"} <= around for kind, around in w.around_opt_outs() if kind == "hospital")
    ),
    "opted out with images alone": lambda w: any(
        kind == "hospital" and not {"row before", "row after"} & around for kind, around in w.around_opt_outs()
    ),
    "opted out at one site and at two": lambda w: {1, 2} <= set(persons_withdrawn(w)),
    "deadlines that have passed, at one site only": lambda w: all(
        {state for state in site["states"] if state.startswith("awaiting")} == set()
        if code == "LARK"
        else not {"images-missing", "spreadsheet-missing"} & site["states"].keys()
        for code, site in w.truth["sites"].items()
    ),
    "every state of the engine": lambda w: w.states == set(get_args(State)),
    "every flag of the engine": lambda w: w.flags == set(get_args(Flag)),
    "numbers that nobody sent": lambda w: any(not person["collected"] for person in w.truth["people"].values()),
    "negatives about twice the positives": lambda w: 1 < len(_keys(w, "negative")) / len(_keys(w, "positive")) < 4,
}


def _keys(written: Written, sheet: str) -> Counter[tuple[str, str]]:
    return Counter(row.key for row in written.rows if row.sheet == sheet)


@pytest.fixture(scope="module", params=[(1, 200), (20, 100)], ids=["200 people", "100 people"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    seed, patients = request.param
    out = tmp_path_factory.mktemp("promises") / "out"
    write_world(make_world(seed, patients, SITES, TODAY), out)
    return read(out)


@pytest.mark.parametrize("promise", PROMISES)
def test_it_happens(written: Written, promise: str) -> None:
    assert PROMISES[promise](written)


@pytest.mark.parametrize("patients", [100, 117, 250])
def test_every_state_and_flag_comes_out_whatever_the_seed(patients: int) -> None:
    for seed in range(8):
        sites = truth(make_world(seed, patients, SITES, TODAY))["sites"].values()
        assert {state for site in sites for state in site["states"]} == set(get_args(State))
        assert {flag for site in sites for flag in site["flags"]} == set(get_args(Flag))


def test_the_rules_that_are_written_are_short_for_one_site_and_as_usual_for_the_others(written: Written) -> None:
    rules = read_rules(written.out / "rules.toml")

    assert set(rules.sites) == {"LARK"}
    assert rules.at("LARK").grace.images == dt.timedelta(seconds=3)
    assert rules.at("LARK").grace.spreadsheet == dt.timedelta(seconds=2)
    assert rules.at("RDGM").grace.images == rules.at("RDGM").grace.spreadsheet == dt.timedelta(days=7)
