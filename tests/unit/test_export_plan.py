"""What an export remembers on disk: names, the newest of each match, and a plan whose memory does not grow with patients."""

import gc
import random
import tracemalloc
from collections.abc import Iterable
from contextlib import closing

import pytest

from bench.cases import case_record
from handover.aside import Kept, Names, Patients
from handover.plan import Plan, Planner
from schemas.coverage import CasesReconciled
from schemas.people import PersonWithdrawn
from schemas.records import PatientWithdrawn
from tests.factories import RULES, patient_withdrawn, person_withdrawn

COMPLETE = [case_record(number) for number in range(40) if number % 4]


def planned(cases: Iterable[CasesReconciled], *opted_out: PatientWithdrawn | PersonWithdrawn) -> Plan:
    planner = Planner(RULES)
    for each in cases:
        planner.published(each)
    for who in opted_out:
        planner.opted_out(who)
    return planner.plan()


def test_names_are_a_set_in_order() -> None:
    with closing(Names(["b", "a", "b"])) as names:
        names.add("c", "a")
        assert list(names) == ["a", "b", "c"]
        assert ("c" in names, "d" in names) == (True, False)


def test_two_sets_of_the_same_names_have_the_same_digest() -> None:
    one, other, third = Names(["a", "b"]), Names(["b", "a"]), Names(["ab"])
    assert one.digest() == other.digest() != third.digest()


def test_the_newest_of_a_match_takes_the_place_of_what_was() -> None:
    patients = Patients()
    patients.put("M1", [Kept("A", "P", b"1"), Kept("B", "P", b"2")])
    patients.put("M2", [Kept("C", "P", b"3")])
    patients.put("M1", [Kept("B", "P", None)])
    assert (patients.value("A"), patients.value("B"), patients.value("C")) == (None, None, b"3")
    assert patients.of_person("P") == ("B", "C")
    assert len(patients) == 1


def test_the_same_patient_under_two_matches_has_the_later_value_and_is_one() -> None:
    patients = Patients()
    patients.put("M1", [Kept("A", None, b"1")])
    patients.put("M2", [Kept("A", None, b"2")])
    assert (patients.value("A"), len(patients)) == (b"2", 1)
    patients.drop("A")
    assert (patients.value("A"), len(patients)) == (None, 0)


def test_the_digest_of_a_plan_says_whether_another_turn_is_needed() -> None:
    shuffled = random.Random(3).sample(COMPLETE, len(COMPLETE))
    assert planned(COMPLETE).digest() == planned(shuffled).digest() == planned([*COMPLETE, *shuffled]).digest()
    others = [planned(COMPLETE[1:]), planned(COMPLETE, patient_withdrawn()), planned(COMPLETE, person_withdrawn())]
    assert len({each.digest() for each in [planned(COMPLETE), *others]}) == 4


@pytest.mark.parametrize("how", ["patient", "person"])
def test_who_has_opted_out_is_in_no_plan(how: str) -> None:
    case = COMPLETE[0].cases[0].case
    who = patient_withdrawn() if how == "patient" else person_withdrawn()
    changed = type(who)(
        **{field: getattr(who, field) for field in who.__struct_fields__} | {how: getattr(case, how, case.persons[0])}
    )
    plan = planned(COMPLETE, changed)
    assert len(plan) == len(COMPLETE) - 1
    assert plan.of(case.patient) is None
    assert plan.has_opted_out(case.patient, case.persons[0])


def test_memory_does_not_grow_with_patients() -> None:
    """What Python holds for a plan is the same for 300 and for 3,000; kept in dictionaries it was 4 kB a patient."""
    planned(case_record(number) for number in range(300)).close()  # whatever is made once
    tracemalloc.start()
    try:
        held = []
        for patients in (300, 3_000):
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            plan = planned(case_record(number) for number in range(patients))
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0] - before)
            plan.close()
        assert held[1] - held[0] < 2_700 * 100
    finally:
        tracemalloc.stop()
