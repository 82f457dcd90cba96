"""Codes and numbers: carried as given, doubted where the template does not expect them."""

import datetime as dt

import pytest

from edge.spreadsheets.values import reads, reads_result, result
from edge.spreadsheets.workbook import Value
from schemas.templates import template

MAIN = template("positive")


def outcome(key: str, value: Value) -> tuple[str, list[str]]:
    verdict = reads(MAIN.column(key))(value)
    assert not any(remark.stops for remark in verdict.remarks)
    return verdict.text, [remark.problem for remark in verdict.remarks]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("PMH hypertension", 1, "1"),
        ("PMH hypertension", 1.0, "1"),
        ("PMH hypertension", "1.0", "1.0"),
        ("PMH hypertension", "yes", "yes"),
        ("PMH hypertension", " Unknown ", "Unknown"),
        ("PMH Lung disease", "5 Sarcoidosis", "5 Sarcoidosis"),
        ("PMH Lung disease", "copd", "copd"),
        ("COVID CODE", "CVCX1", "CVCX1"),
        ("COVID CODE 2", "cvcx3", "cvcx3"),
        ("Ethnicity", "a", "a"),
        ("1st RT-PCR result", "RNA DETECTED (SARS-CoV-2)", "RNA DETECTED (SARS-CoV-2)"),
        ("Sex", "Female", "Female"),
        ("Age", 63, "63"),
        ("Age", "63.5", "63.5"),
        ("Temperature on admission", 37.4, "37.4"),
        ("Temperature on admission", 0.1 + 37.2, "37.3"),
        ("NEWS2 score on arrival", 5.0, "5"),
        ("Hospital", " St Elsewhere ", "St Elsewhere"),
        ("Ferritin", "N/A", ""),
        ("PMH CKD", None, ""),
    ],
)
def test_what_is_expected_is_carried_as_given(key: str, value: Value, text: str) -> None:
    assert outcome(key, value) == (text, [])


@pytest.mark.parametrize(
    ("key", "value", "text", "problem"),
    [
        ("Sex", "F", "F", "Not one of the codes of this column: the text in this cell."),
        ("Sex", 2, "2", 'Not one of the codes of this column: "2".'),
        ("PMH hypertension", "1es", "1es", "Not one of the codes of this column: the text in this cell."),
        ("PMH hypertension", True, "TRUE", "Not one of the codes of this column: the text in this cell."),
        ("PMH hypertension", "CVCX1", "CVCX1", "Not one of the codes of this column: the text in this cell."),
        ("COVID CODE", "CVCX9", "CVCX9", "Not one of the codes of this column: the text in this cell."),
        ("Age", 130, "130", 'Outside the expected range: "130".'),
        ("Age", 12345678, "12345678", "Outside the expected range."),
        ("NEWS2 score on arrival", 18, "18", 'Outside the expected range: "18".'),
        ("NEWS2 score on arrival", 5.5, "5.5", 'Not a whole number: "5.5".'),
        ("Ferritin", "<5", "<5", "The cell does not hold just a number."),
        (
            "Temperature on admission",
            "37.4 (36 hours post admission)",
            "37.4 (36 hours post admission)",
            "The cell does not hold just a number.",
        ),
        ("Troponin T", dt.datetime(2020, 5, 12), "2020-05-12", "The cell holds a date or a time instead of a number."),  # noqa: DTZ001
        ("Age", True, "TRUE", "The cell does not hold just a number."),
    ],
)
def test_what_is_not_expected_is_a_warning_and_carried_all_the_same(key: str, value: Value, text: str, problem: str) -> None:
    assert outcome(key, value) == (text, [problem])


def test_a_warning_names_range_unit_and_codes() -> None:
    assert reads(MAIN.column("Age"))(3).remarks[0].expected == "a number from 12 to 109 years"
    assert reads(MAIN.column("Sex"))(3).remarks[0].expected == "0 = Female, 1 = Male"
    assert reads(MAIN.column("Pack year history"))(-1).remarks[0].expected == "a whole number from 0 pack-years"
    assert reads(MAIN.column("Ferritin"))("x").remarks[0].expected == "a number (ng/mL)"


@pytest.mark.parametrize(("value", "number"), [(0, 0), (1, 1), (1.0, 1), ("0", 0), ("1.0", 1), (" 1 ", 1)])
def test_a_result_is_0_or_1(value: Value, number: int) -> None:
    verdict = reads_result(value)
    assert (result(verdict), verdict.remarks) == (number, ())


@pytest.mark.parametrize("value", [None, "", "N/A"])
def test_a_blank_result_is_0_with_a_warning(value: Value) -> None:
    verdict = reads_result(value)
    assert (result(verdict), [remark.stops for remark in verdict.remarks]) == (0, [False])


@pytest.mark.parametrize("value", [2, "negative", "10", "01", True, 0.5, -1, "not done"])
def test_any_other_result_is_an_error(value: Value) -> None:
    verdict = reads_result(value)
    assert (result(verdict), [remark.stops for remark in verdict.remarks]) == (None, [True])
    assert verdict.remarks[0].expected == "0 for negative, 1 for positive"
