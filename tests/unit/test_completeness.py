"""The completeness report: what is counted, and that nothing small can be had from it."""

import csv
import io
import itertools
from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace
from rich.console import Console

from handover.cleaning.units import own_units
from handover.completeness import Completeness
from handover.counting import Waiting, count
from handover.disclosure import rounded, told, told_pair
from handover.publishable import Counting
from handover.words import completeness_csv, completeness_table
from schemas.completeness import MEASURES, GroupCounted
from schemas.records import RowPseudonymised
from tests.factories import row

UNITS = own_units()


def rows(number: int, site: str = "RDGM", **values: str) -> list[RowPseudonymised]:
    return [replace(row(patient=f"Covid{site}{each}"), site=site, values=values, row=each) for each in range(number)]


def counted(*taken: Iterable[RowPseudonymised]) -> Completeness:
    report = Completeness(UNITS)
    for each in itertools.chain(*taken):
        report.take(each)
    return report


def line(report: Completeness, group: str, site: str = "RDGM") -> GroupCounted:
    (found,) = [each for each in report.lines() if (each.site, each.group, each.sheet) == (site, group, "positive")]
    return found


def test_filled_missing_implausible_and_repaired_cells_are_counted_by_group() -> None:
    report = counted(
        rows(10, Age="40", Sex="1"),
        [replace(each, patient=f"{each.patient}x") for each in rows(5, Age="200", Sex="F", Ethnicity="A")],
    )
    found = line(report, "demographic")  # age, sex, ethnicity
    assert (found.patients, found.filled, found.missing, found.implausible, found.repaired) == (15, 35, 10, 5, 5)


def test_what_is_known_to_be_not_known_is_filled() -> None:
    assert line(counted(rows(10, Ethnicity="99")), "demographic").implausible == 0


def test_a_row_without_an_nhs_number_lacks_it() -> None:
    without = [replace(each, person=None) for each in rows(10, Hospital="Ridgemoor")]
    found = line(counted(without), "identity")
    assert (found.filled, found.missing) == (10, 10)


def test_a_negative_has_its_own_sheet() -> None:
    negatives = [replace(each, kind="negative", values={"Date of RT-PCR": "2020-05-01"}) for each in rows(10)]
    report = counted(negatives)
    assert {(each.sheet, each.group) for each in report.lines("RDGM")} == {
        ("negative", "identity"),
        ("negative", "dates"),
        ("negative", "outcome"),
    }


# --- small numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "patients", "shown"), [(0, 0, 0), (1, 1, None), (4, 4, None), (40, 4, None), (5, 5, 5), (7, 7, 5), (8, 8, 10)]
)
def test_counts_under_five_or_of_fewer_than_five_patients_are_not_told(cells: int, patients: int, shown: int | None) -> None:
    assert told(cells, patients) == shown


def test_what_is_told_is_rounded_to_five() -> None:
    assert [rounded(number) for number in (0, 2, 3, 7, 8, 12, 13)] == [0, 0, 5, 5, 10, 10, 15]


def test_a_count_whose_complement_is_small_is_not_told_either() -> None:
    assert told_pair(95, None) == told_pair(None, 95) == (None, None)
    report = counted(rows(20, Age="40", Sex="1", Ethnicity="A"), [replace(each, patient="CovidX") for each in rows(1, Age="40")])
    found = line(report, "demographic")
    assert (found.filled, found.missing) == (None, None)


def test_a_site_of_fewer_than_five_patients_is_not_told_at_all() -> None:
    found = line(counted(rows(4, Age="40")), "demographic")
    assert [getattr(found, name) for name in ("patients", *MEASURES)] == [None] * 5


def test_a_total_is_of_the_sites_that_are_told_so_that_no_subtraction_tells_of_the_others() -> None:
    told_ones = rows(20, "RDGM", Age="40"), rows(20, "EXMR", Age="40")
    total = line(counted(*told_ones, rows(3, "LARK", Age="40")), "demographic", "all")
    assert total == line(counted(*told_ones), "demographic", "all")
    assert (total.patients, total.filled, total.missing) == (40, 40, 80)
    nobody = counted(rows(3, "LARK", Age="40"), rows(4, "RDGM", Age="40"))
    assert {each.patients for each in nobody.lines()} == {None}


def test_no_total_tells_a_count_that_is_suppressed_of_one_site_alone() -> None:
    report = counted(rows(20, "RDGM", Sex="1"), rows(20, "EXMR", Sex="1"), rows(10, "RDGM", Sex="F"), rows(3, "EXMR", Sex="F"))
    assert [line(report, "demographic", site).repaired for site in ("RDGM", "EXMR", "all")] == [10, None, None]


def test_one_patient_more_cannot_be_seen_by_subtracting_two_reports() -> None:
    """Between 13 and 17 patients the report is the same."""
    reports = {tuple(counted(rows(number, "RDGM", Age="40")).lines("RDGM"))[1].patients for number in range(13, 18)}
    assert reports == {15}


@pytest.mark.parametrize("number", range(1, 30))
def test_no_number_from_one_to_four_is_ever_told(number: int) -> None:
    mixed = [rows(number, Age="40"), [replace(each, patient=f"{each.patient}x") for each in rows(number % 7, Sex="F", Age="300")]]
    for each in counted(*mixed).lines():
        assert all(value is None or value == 0 or value >= 5 for value in (getattr(each, name) for name in MEASURES))


# --- which rows count, and the three forms ------------------------------------------------------------------------------


def test_each_row_that_counts_is_counted_once_and_no_other() -> None:
    waiting = Waiting()
    for each in range(10):
        waiting.put(f"M{each}", [Counting(f"CovidRDGM{each}", "RDGM", "positive", "superseded", each)])
        waiting.put(f"M{each}", [Counting(f"CovidRDGM{each}", "RDGM", "positive", "upload-120000", each)])
    given = rows(10, Age="40")
    superseded = [replace(each, upload="older") for each in given]
    withdrawn = [replace(each, patient="CovidGONE") for each in given]

    def read(take: Callable[[Iterable[RowPseudonymised]], None]) -> None:
        for piece in (given, superseded, withdrawn, given):
            take(piece)

    report = count(UNITS, waiting, read)
    assert line(report, "demographic").patients == 10
    assert line(report, "demographic").filled == 10


def test_csv_and_table_have_a_line_for_each_and_show_what_is_suppressed() -> None:
    lines = counted(rows(4, Age="40"), rows(10, "EXMR", Age="40")).lines()
    table = list(csv.DictReader(io.StringIO(completeness_csv(lines))))
    assert len(table) == len(lines)
    assert table[0] == {
        "site": "EXMR",
        "sheet": "positive",
        "group": "identity",
        "patients": "10",
        "filled": "10",
        "missing": "10",
        "implausible": "0",
        "repaired": "0",
    }
    small = next(each for each in table if each["site"] == "RDGM")
    assert small["filled"] == small["patients"] == ""
    console = Console(record=True, width=150)
    console.print(completeness_table(lines))
    assert "*" in console.export_text()
