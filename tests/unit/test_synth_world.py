"""make_world: the same arguments give the same world, and its people and numbers are what they should be."""

import datetime as dt
import random
import re
from collections import Counter
from itertools import islice, pairwise

import pytest
from nhs_number.validate import is_valid

from schemas.sites import EXAMPLE, parse_sites, read_sites
from synth.arrivals import arrivals
from synth.model import World
from synth.numbers import digits, hospital_numbers, misspellings, nhs_numbers
from synth.truth import truth
from synth.world import make_world

SITES = read_sites(EXAMPLE)
TODAY = dt.date(2026, 3, 2)
WORLDS = [make_world(seed, patients, SITES, TODAY) for seed, patients in ((1, 100), (2, 150), (3, 500), (4, 1200))]
ONE_SITE = """
[[site]]
code = "SOLE"
name = "The only one"
pacs_identifier = "nhs"
hospital_number_pattern = '[A-CX]{2}-\\d{3,9}'
ae_titles = ["SOLE"]
contact_email = "sole@example.org"
"""


@pytest.fixture(params=WORLDS, ids=lambda world: f"{len(world.people)} people")
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param
    return made


def test_the_same_arguments_make_the_same_world_and_truth() -> None:
    again = make_world(1, 100, SITES, TODAY)

    assert again == WORLDS[0]
    assert truth(again) == truth(WORLDS[0])


def test_another_seed_makes_another_world() -> None:
    assert make_world(9, 100, SITES, TODAY).people != WORLDS[0].people


def test_there_are_as_many_people_as_asked_for() -> None:
    counts = [1, 2, 10, 99, 100, 333]

    assert [len(make_world(5, count, SITES, TODAY).people) for count in counts] == counts


def test_a_world_without_people_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        make_world(1, 0, SITES, TODAY)


def test_nhs_numbers_are_valid_never_issued_and_given_once(world: World) -> None:
    numbers = [person.nhs_number for person in world.people] + list(world.strangers)

    assert len(set(numbers)) == len(numbers)
    assert all(is_valid(number) and number.startswith("999") for number in numbers)


def test_hospital_numbers_have_the_sites_form_and_differ_in_their_digits(world: World) -> None:
    for code, site in SITES.items():
        numbers = [patient.hospital_number for patient in world.patients if patient.site == code]
        assert all(re.fullmatch(site.hospital_number_pattern, number) for number in numbers)
        assert len({digits(number) for number in numbers}) == len(numbers)


def test_few_have_two_hospital_numbers_at_one_site_and_nobody_more(world: World) -> None:
    numbers = Counter((patient.person.nhs_number, patient.site) for patient in world.patients)

    assert Counter(numbers.values())[2] in range(2, 3 + len(world.people) // 100)
    assert max(numbers.values()) == 2


def test_one_site_is_impatient_unless_it_is_the_only_one(world: World) -> None:
    assert world.impatient == ("LARK",)
    assert make_world(1, 120, parse_sites(ONE_SITE), TODAY).impatient == ()


def test_a_number_is_given_in_for_opting_out_once(world: World) -> None:
    numbers = [each.number for delivery in world.deliveries for each in delivery.withdrawals]

    assert len(numbers) == len(set(numbers)) >= 9


def test_deliveries_run_from_0_to_1_with_no_two_at_once(world: World) -> None:
    times = [delivery.at for delivery in world.deliveries]

    assert (times[0], times[-1]) == (0, 1)
    assert all(one < other for one, other in pairwise(times))


def test_deliveries_are_modest_in_number_and_mix_sites_and_doors(world: World) -> None:
    assert 50 <= len(world.deliveries) <= 100
    first_third = {(delivery.site, delivery.door) for delivery in world.deliveries[: len(world.deliveries) // 3]}
    assert len(first_third) >= 12  # of five sites with three doors each


def test_no_patient_stands_twice_in_a_sheet_and_few_rows_misfit(world: World) -> None:
    for delivery in world.deliveries:
        rows = delivery.rows
        pattern = SITES[delivery.site].hospital_number_pattern
        misfits = sum(not re.fullmatch(pattern, row.hospital_number) for row in rows)
        assert len({row.patient for row in rows}) == len(rows)
        assert misfits <= max(1, 0.08 * len(rows))


def test_nothing_happens_in_the_future(world: World) -> None:
    rows = [row.swab_date for delivery in world.deliveries for row in delivery.rows if row.swab_date]
    studies = [sending.study.date for delivery in world.deliveries for sending in delivery.sendings if sending.study.date]

    assert max(rows + studies) <= TODAY
    assert all(patient.person.birth_date < patient.swab_date for patient in world.patients)


def test_a_large_world_has_the_proportions_of_the_real_one() -> None:
    cases = arrivals(WORLDS[-1]).values()
    groups = Counter(patient.group for patient in WORLDS[-1].patients)
    studies = [len(case.studies) for case in cases if case.studies]
    sites = truth(WORLDS[-1])["sites"].values()
    xray, ct = (sum(site["studies"][kind] for site in sites) for kind in ("xray", "ct"))

    assert groups["positive"] / groups.total() == pytest.approx(1 / 3, abs=0.05)
    assert sum(studies) / len(studies) == pytest.approx(2.8, abs=0.3)
    assert xray / (xray + ct) == pytest.approx(0.8, abs=0.05)


def test_any_registry_will_do() -> None:
    sites = parse_sites(ONE_SITE)

    world = make_world(1, 120, sites, TODAY)

    assert len(world.people) == len(world.patients) == 120
    assert all(re.fullmatch("[A-CX]{2}-\\d{3,9}", patient.hospital_number) for patient in world.patients)
    assert truth(world)["sites"]["SOLE"]["cases"] >= 120


def test_a_pattern_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot invent"):
        make_world(1, 1, parse_sites(ONE_SITE.replace("[A-CX]{2}", "(A|B)")), TODAY)


def test_a_pattern_with_too_few_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="too few hospital numbers"):
        make_world(1, 120, parse_sites(ONE_SITE.replace("[A-CX]{2}-\\d{3,9}", "\\d{2}")), TODAY)


def test_nhs_numbers_have_a_check_digit_by_the_weights_10_to_2() -> None:
    for number in islice(nhs_numbers(random.Random(1)), 500):
        remainder = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False)) % 11
        assert (11 - remainder) % 11 == int(number[9])


def test_some_hospital_numbers_begin_with_zeros_that_excel_would_drop() -> None:
    numbers = list(islice(hospital_numbers(random.Random(1), r"\d{7}"), 200))

    assert 20 < sum(number.startswith("0") for number in numbers) < 120


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("RR12345678", ["12345678", "RR-12345678", "RR123 45678", "RR012345678"]),
        ("XX0123456", ["0123456", "123456", "XX-0123456", "XX012 3456", "XX00123456"]),
        ("0123456", ["123456", "012 3456", "00123456"]),
    ],
)
def test_misspellings_keep_the_digits_and_change_the_text(number: str, others: list[str]) -> None:
    assert misspellings(number) == others
