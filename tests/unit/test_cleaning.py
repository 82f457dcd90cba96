"""The typed copy: what really arrives (section 6 of the domain notes), what it means, and what is left alone."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from handover.cleaning.record import clean, cleaned_record, cleaned_values
from handover.cleaning.units import Units, UnitsError, own_units, read_units
from handover.cleaning.verdicts import Cleaned, Reason, Repair
from handover.clinical import encoded
from schemas.templates import template
from synth.clinical import _COLUMNS as INVENTED
from tests.factories import SITES, row

UNITS = own_units()


def lines(table: str) -> list[tuple[str, ...]]:
    """The lines of a text table under its header, as cells."""
    rows = [tuple(cell.strip() for cell in line.split("|")) for line in table.strip().splitlines()]
    return rows[1:]


COLUMNS = {column.key: column for column in template("positive").columns}


def meant(key: str, given: str, site: str = "RDGM", units: Units = UNITS) -> Cleaned:
    return clean(given, COLUMNS[key], site, units)


READ = """
column                        | given                                     | value | repair
Temperature on admission      | 37.4                                      | 37.4  |
Temperature on admission      | 39                                        | 39    |
Temperature on admission      | 37.4 (36 hours post admission)            | 37.4  | remark-set-apart
Temperature on admission      | 37.4 (36 hours post admission, 1st available) | 37.4 | remark-set-apart
Temperature on admission      | 37.4 (on arrival)                         | 37.4  | remark-set-apart
Temperature on admission      | 38.2 in ambulance                         | 38.2  | remark-set-apart
Temperature on admission      | 38.2 C                                    | 38.2  | unit-set-apart
Temperature on admission      | 38.2 oC                                   | 38.2  | unit-set-apart
Temperature on admission      | 37,4                                      | 37.4  | decimal-comma
CRP on admission              | [12.5] - 2020-05-12                       | 12.5  | date-set-apart
CRP on admission              | 12.5 - 2020-05-12                         | 12.5  | date-set-apart
CRP on admission              | 12 mg/L                                   | 12    | unit-set-apart
Systolic BP                   | [120/80] - 2020-05-12                     | 120   | date-set-apart pressure-pair
Diastolic BP                  | [120/80] - 2020-05-12                     | 80    | date-set-apart pressure-pair
Systolic BP                   | 120/80                                    | 120   | pressure-pair
Heart rate on admission       | 92 bpm                                    | 92    | unit-set-apart
Duration of symptoms          | 5 days                                    | 5     | unit-set-apart
D-dimer on admission          | 500 ng/mL                                 | 0.5   | unit-set-apart unit-converted
D-dimer on admission          | 500 ug/L                                  | 0.5   | unit-set-apart unit-converted
Creatinine on admission       | 1.2 mg/dL                                 | 106.08 | unit-set-apart unit-converted
Troponin I                    | 0.02 ng/mL                                | 20    | unit-set-apart unit-converted
FiO2                          | 21                                        | 21    |
FiO2                          | 0.35                                      | 35    | fraction-to-percent
FiO2                          | 2L                                        | 29    | litres-looked-up
FiO2                          | 2 l/min                                   | 29    | litres-looked-up
FiO2                          | 15 litres                                 | 100   | litres-looked-up
FiO2                          | 7                                         | 41    | litres-looked-up
FiO2                          | Venturi 35%                               | 35    | venturi
FiO2                          | blue venturi                              | 24    | venturi
FiO2                          | green                                     | 60    | venturi
FiO2                          | 28%                                       | 28    | unit-set-apart
PMH hypertension              | 1                                         | 1     |
PMH hypertension              | 1.0                                       | 1     | decimals-dropped
PMH hypertension              | Yes                                       | 1     | word-for-code
PMH hypertension              | no                                        | 0     | word-for-code
PMH hypertension              | 1es                                       | 1     | damaged-yes
PMH Lung disease              | 5 Bronchiectasis                          | 5     | text-set-apart
PMH Lung disease              | 5 (sleep apnoea)                          | 5     | text-set-apart
Current NSAID used            | 1 ibuprofen                               | 1     | text-set-apart
COVID CODE                    | CVCX1                                     | 1     | cvcx-prefix
COVID CODE 2                  | cvcx 3                                    | 3     | cvcx-prefix
1st RT-PCR result             | RNA DETECTED (SARS-CoV-2)                 | 1     | laboratory-words
Final COVID Status            | Positive                                  | 1     | word-for-code
Sex                           | F                                         | 0     | letter-for-sex
Sex                           | male                                      | 1     | letter-for-sex
Ethnicity                     | A                                         | A     |
Ethnicity                     | a                                         | A     |
Ethnicity                     | White British                             | A     | word-for-code
Ethnicity                     | A1                                        | A     | sub-code
CXR severity 3                | Moderate                                  | 2     | word-for-code
Date of admission             | 2020-05-12                                | 2020-05-12 |
Hospital                      | Ridgemoor                                 | Ridgemoor |
"""


@pytest.mark.parametrize(("key", "given", "value", "repairs"), lines(READ))
def test_what_is_meant_is_read_and_each_repair_named(key: str, given: str, value: str, repairs: str) -> None:
    found = meant(key, given)
    assert (str(found.value), " ".join(found.repairs), found.doubts) == (value, repairs, ())
    assert found.given == given


LEFT = """
column                        | given                | reason
Temperature on admission      | 38.2 then 39         | several-numbers
Temperature on admission      | 100 F                | other-unit
Temperature on admission      | warm                 | not-a-number
Duration of symptoms          | 3-4 days             | range
Duration of symptoms          | 3 to 4               | range
Duration of symptoms          | 2 weeks              | other-unit
Duration of symptoms          | unclear              | not-a-number
Pack year history             | approx 20            | approximate
Pack year history             | ~20                  | approximate
Pack year history             | 30+                  | limit
CRP on admission              | <5                   | limit
CRP on admission              | > 300 mg/L           | limit
CRP on admission              | <5 kPa               | other-unit
CRP on admission              | <5 (haemolysed)      | limit
Duration of symptoms          | 5/7                  | several-numbers
Ferritin                      | 1,234                | ambiguous-comma
Lymphocyte count on admission | 2020-05-12           | date-for-number
Troponin T                    | 12/05/2020           | date-for-number
PaO2                          | 9.4 kPa              | other-unit
Urea on admission             | 5.1 kPa              | other-unit
Systolic BP                   | 80/120               | several-numbers
Heart rate on admission       | 120/80               | several-numbers
Heart rate on admission       | 60 - 70 - 2020-05-12 | range
FiO2                          | 1                    | fio2-scale
FiO2                          | 0.1                  | fio2-scale
FiO2                          | 18                   | fio2-scale
FiO2                          | 40 L                 | fio2-scale
FiO2                          | room air             | not-a-number
PMH hypertension              | 3                    | not-a-code
PMH hypertension              | maybe                | not-a-code
PMH Lung disease              | 1/4                  | several-numbers
PMH Lung disease              | 9 Text               | not-a-code
COVID CODE                    | CVCX9                | not-a-code
CXR severity                  | CVCX1                | not-a-code
Smoking status                | 1es                  | not-a-code
Sex                           | 2                    | sex-neither-0-nor-1
Sex                           | 3.0                  | sex-neither-0-nor-1
Ethnicity                     | 99                   | not-known
Ethnicity                     | Z                    | not-known
Ethnicity                     | 0                    | not-a-code
Ethnicity                     | White                | not-a-code
Date of admission             | May 2020             | not-a-date
"""


@pytest.mark.parametrize(("key", "given", "reason"), lines(LEFT))
def test_where_two_things_could_be_meant_there_is_no_value_and_the_reason(key: str, given: str, reason: str) -> None:
    found = meant(key, given)
    assert (found.value, list(found.doubts)) == (None, [reason])
    assert found.implausible == (reason != Reason.NOT_KNOWN)


@pytest.mark.parametrize(
    ("key", "given", "value", "doubt"),
    [
        ("Temperature on admission", "50", 50, Reason.OUTSIDE_RANGE),
        ("Temperature on admission", "24.9", 24.9, Reason.OUTSIDE_RANGE),
        ("Age", "110", 110, Reason.OUTSIDE_RANGE),
        ("NEWS2 score on arrival", "18", 18, Reason.OUTSIDE_RANGE),
        ("Heart rate on admission", "92.5", 92.5, Reason.NOT_WHOLE),
    ],
)
def test_a_doubtful_number_is_kept_and_flagged(key: str, given: str, value: object, doubt: Reason) -> None:
    found = meant(key, given)
    assert (found.value, found.doubts, found.implausible) == (value, (doubt,), True)


def test_bounds_are_inside() -> None:
    assert [meant("Temperature on admission", given).doubts for given in ("25", "45")] == [(), ()]


def test_a_limit_keeps_its_bound_in_the_templates_unit() -> None:
    found = meant("D-dimer on admission", "<500 ng/mL")
    assert (found.value, found.limit, found.bound) == (None, "<", 0.5)
    assert (meant("Pack year history", "30+").limit, meant("Pack year history", "30+").bound) == (">=", 30)


def test_what_stood_beside_the_value_is_kept() -> None:
    assert meant("Temperature on admission", "37.4 (36 hours post admission)").text == "36 hours post admission"
    assert meant("PMH Lung disease", "5 Bronchiectasis").text == "Bronchiectasis"
    assert meant("Ethnicity", "A1").text == "A1"


def test_codes_have_their_meaning_and_numbers_their_unit() -> None:
    assert meant("PMH Lung disease", "4").meaning == "Asthma"
    assert (meant("Temperature on admission", "37").unit, meant("NEWS2 score on arrival", "3").unit) == ("degC", "")


# --- units by site, as data ----------------------------------------------------------------------------------------------


def test_a_site_that_writes_another_unit_throughout_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "units.toml"
    path.write_text('[site.RDGM]\n"D-dimer on admission" = "ng/mL"\n"PaO2" = "kPa"\n')
    units = read_units(path)
    there, elsewhere = (meant("D-dimer on admission", "500", site, units) for site in ("RDGM", "EXMR"))
    assert (there.value, there.repairs, there.unit) == (0.5, (Repair.UNIT_CONVERTED,), "mg/L")
    assert (elsewhere.value, elsewhere.repairs) == (500, ())
    assert meant("PaO2", "9.4", "RDGM", units).doubts == (Reason.OTHER_UNIT,)
    assert meant("D-dimer on admission", "0.5 mg/L", "RDGM", units).value == 0.5  # its own unit beside it counts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[site.RDGM]\n"D-dimer" = "ng/mL"\n', "no column 'D-dimer'"),
        ('[site.RDGM]\n"Ferritin" = "stone"\n', "no unit that is known"),
        ("[site.RDGM\n", "the form is"),
        ("[site]\nRDGM = 3\n", "the form is"),
    ],
)
def test_units_that_cannot_be_used_are_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "units.toml").write_text(text)
    with pytest.raises(UnitsError, match=words):
        read_units(tmp_path / "units.toml")


def test_a_home_without_a_table_has_the_repositorys() -> None:
    assert read_units(Path("nowhere.toml")) == UNITS


def test_the_look_up_of_oxygen_is_the_official_one() -> None:
    assert UNITS.litres == dict(zip(range(1, 16), (25, 29, 33, 37, 41, 45, 41, 47, 53, 60, 80, 85, 90, 95, 100), strict=True))
    assert UNITS.venturi == {"blue": 24, "white": 28, "orange": 31, "yellow": 35, "red": 40, "green": 60}


# --- the whole record ------------------------------------------------------------------------------------------------------


def test_the_copy_has_an_entry_for_each_filled_cell_under_the_templates_own_key() -> None:
    values = {"Age": "45.5", "Temperature on admission": "37.4 (on arrival)", "Sex": "2", "Nobody knows": "1"}
    copy = json.loads(encoded(cleaned_record(replace(row(), values=values), SITES["RDGM"], UNITS)))
    assert copy == {
        "Pseudonym": "CovidANN",
        "SubmittingCentre": SITES["RDGM"].name,
        "values": {
            "Age": {"given": "45.5", "value": 45.5, "unit": "years"},
            "Sex": {"given": "2", "value": None, "doubts": ["sex-neither-0-nor-1"]},
            "Temperature on admission": {
                "given": "37.4 (on arrival)",
                "value": 37.4,
                "unit": "degC",
                "text": "on arrival",
                "repairs": ["remark-set-apart"],
            },
        },
    }


def test_every_code_of_the_templates_is_read_as_itself() -> None:
    for kind in ("positive", "negative"):
        for column in template(kind).columns:
            for code, meaning in column.codes.items():
                found = clean(code, column, "RDGM", UNITS)
                assert (str(found.value), found.meaning, found.repairs, found.doubts) == (code, meaning, (), ())


def test_nothing_that_the_invented_sites_write_is_a_bug() -> None:
    odd = (
        "5 Sleep apnoea",
        "approx 20",
        "30+",
        "3-4 days",
        "2L",
        "Venturi 35%",
        "<1",
        ">2000",
        "1 ibuprofen",
        "White British",
        "99",
    )
    for given in odd:
        for key in INVENTED:
            if COLUMNS[key].type != "date":
                assert cleaned_values(replace(row(), values={key: given}), UNITS)[key].given == given
