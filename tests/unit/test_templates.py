"""Both templates as data: all columns, no two of one name, headers compared as people write them."""

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Kind
from schemas.templates import HOSPITAL_KEY, NHS_KEY, Column, ColumnType, normalise_header, template

KINDS: tuple[Kind, ...] = get_args(Kind)
each_kind = pytest.mark.parametrize("kind", KINDS)

COLUMNS = [column for kind in KINDS for column in template(kind).columns]


def test_sixty_columns_and_four() -> None:
    assert [len(template(kind).columns) for kind in ("positive", "negative")] == [60, 4]


@each_kind
def test_positions_run_from_one_and_keys_and_headers_are_unique(kind: Kind) -> None:
    columns = template(kind).columns
    assert [column.position for column in columns] == list(range(1, len(columns) + 1))
    assert len({column.key for column in columns}) == len({column.header for column in columns}) == len(columns)


@each_kind
def test_both_begin_with_both_identifiers(kind: Kind) -> None:
    first, second = template(kind).columns[:2]
    assert (first.key, first.type, second.key, second.type) == (NHS_KEY, "nhs_or_chi", HOSPITAL_KEY, "hospital_number")


@each_kind
def test_every_column_is_found_by_its_header_its_key_and_its_aliases(kind: Kind) -> None:
    names = template(kind).names
    for column in template(kind).columns:
        assert names[normalise_header(column.header)] == (column, False)
        assert names[normalise_header(column.key)] == (column, False)
        for alias in column.aliases:
            assert names[normalise_header(alias)][0] == column


@each_kind
def test_no_name_means_two_columns(kind: Kind) -> None:
    own = Counter(
        name for column in template(kind).columns for name in {normalise_header(column.header), normalise_header(column.key)}
    )
    aliases = Counter(name for column in template(kind).columns for name in {normalise_header(alias) for alias in column.aliases})
    assert [name for name, times in own.items() if times > 1] == []
    assert [name for name, times in aliases.items() if times > 1] == []


@each_kind
def test_the_columns_that_the_flow_needs_are_there(kind: Kind) -> None:
    chosen = template(kind)
    assert chosen.column(chosen.swab_date_key).type == "date"
    assert chosen.result_key is None or chosen.column(chosen.result_key).codes == {"0": "Negative", "1": "Positive"}


def test_only_the_status_sheet_has_a_result() -> None:
    assert [template(kind).result_key for kind in ("positive", "negative")] == [None, "RT-PCR result"]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.key)
def test_every_column_is_sound(column: Column) -> None:
    assert column.type in get_args(ColumnType)
    assert (column.type == "code") == bool(column.codes)
    assert column.minimum is None or column.maximum is None or column.minimum < column.maximum
    assert column.header == column.header.strip()
    assert column.group


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Sex", "sex"),
        ("  SEX  ", "sex"),
        ("Date of   Positive\tCovid\nSwab", "date of positive covid swab"),
        ("Sex (Female = 0, Male = 1)", "sex"),
        ("Sex(Female = 0)", "sex"),
        ("Hospital (Internal) Number", "hospital (internal) number"),
        ("Hospital (Internal) Number (as in PACS)", "hospital (internal) number"),
        ("RT-PCR result (COVID-19 negative = 0, COVID-19 positive = 1)", "rt-pcr result"),
        ("(only a bracket)", ""),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
    ],
)
def test_how_a_header_is_compared(written: str, compared: str) -> None:
    assert normalise_header(written) == compared


def test_the_legend_is_cut_at_the_end_only() -> None:
    assert normalise_header("Hospital (Internal) Number") != normalise_header("Hospital")


@given(st.sampled_from(COLUMNS), st.text(" \t\n\u00a0", max_size=3), st.text(" \t\n", max_size=3))
def test_spaces_and_case_around_a_header_make_no_difference(column: Column, before: str, after: str) -> None:
    header = column.header
    for written in (header.upper(), header.lower(), header.replace(" ", "  ")):
        assert normalise_header(before + written + after) == normalise_header(header)


def test_a_template_is_read_once() -> None:
    assert template("positive") is template("positive")


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(StopIteration):
        template("negative").column("Sex")
