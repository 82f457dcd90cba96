"""The rules: what is shipped, what a site may change, and errors that name file, line and what would be right."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import DEFAULT, RulesError, default_rules, parse_rules, read_rules

DAY = dt.timedelta(days=1)


def test_the_rules_as_shipped() -> None:
    rules = default_rules().common
    assert (rules.grace.images, rules.grace.spreadsheet) == (7 * DAY, 7 * DAY)
    assert (rules.windows.positive_years_before, rules.windows.negative_days_either_side) == (3, 28)
    assert (rules.modalities.xray, rules.modalities.ct, rules.modalities.mr) == (["CR", "DX"], ["CT"], ["MR"])
    assert rules.modalities.complete == ["xray", "ct"]
    assert (rules.settling.quiet, rules.settling.cap) == (dt.timedelta(minutes=5), dt.timedelta(hours=4))


def test_what_is_left_out_is_as_shipped() -> None:
    assert parse_rules("") == default_rules()


def test_one_site_may_differ_in_one_thing() -> None:
    rules = parse_rules('[site.RDGM.grace]\nimages = "14d"\n')
    assert (rules.at("RDGM").grace.images, rules.at("RDGM").grace.spreadsheet) == (14 * DAY, 7 * DAY)
    assert (rules.at("PENM"), rules.at("RDGM").windows) == (rules.common, rules.common.windows)


def test_a_site_follows_what_is_said_for_everybody_where_it_says_nothing() -> None:
    rules = parse_rules('[grace]\nspreadsheet = "2d"\n[site.RDGM.grace]\nimages = "14d"\n')
    assert rules.at("RDGM").grace.spreadsheet == 2 * DAY


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", dt.timedelta(seconds=90)),
        ("5m", dt.timedelta(minutes=5)),
        ("4h", dt.timedelta(hours=4)),
        ("7d", 7 * DAY),
        (" 7 d ", 7 * DAY),
        ("0s", dt.timedelta(0)),
        ("36500d", 36500 * DAY),
    ],
)
def test_durations(text: str, duration: dt.timedelta) -> None:
    assert parse_rules(f'[settling]\ncap = "{text}"\n').common.settling.cap == duration


@pytest.mark.parametrize(
    ("modality", "kind"),
    [("CR", "xray"), ("DX", "xray"), ("CT", "ct"), ("MR", "mr"), ("US", "other"), ("", "other"), ("ct", "other")],
)
def test_the_kind_of_a_modality(modality: str, kind: str) -> None:
    assert default_rules().common.modalities.kind(modality) == kind


A_DURATION = 'must be a number and s, m, h or d, such as "7d"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[grace]\nimages = "7 weeks"', f"rules.toml, line 2: grace.images: {A_DURATION}"),
        ("[grace]\nimages = 7", f"rules.toml, line 2: grace.images: {A_DURATION}"),
        ('[grace]\nimages = "-7d"', f"rules.toml, line 2: grace.images: {A_DURATION}"),
        ('[grace]\nimages = "1.5d"', f"rules.toml, line 2: grace.images: {A_DURATION}"),
        ('[grace]\nimages = "36501d"', "rules.toml, line 2: grace.images: must not be longer than 36500d"),
        ('[grace]\nimages = "99999999999999999999d"', "rules.toml, line 2: grace.images: must not be longer than 36500d"),
        ('# note\n\n[grace]\n# note\nimage = "7d"', "rules.toml, line 5: grace.image: is not a name that the rules know"),
        ('[grce]\nimages = "7d"', "rules.toml, line 1: grce: is not a name that the rules know"),
        ("grace = 7", "rules.toml, line 1: grace: must be a table [grace]"),
        ("days = 7", "rules.toml, line 1: days: is not a name that the rules know"),
        ("[windows]\npositive_years_before = -1", "rules.toml, line 2: windows.positive_years_before: Expected `int` >= 0"),
        ("[windows]\npositive_years_before = 101", "rules.toml, line 2: windows.positive_years_before: Expected `int` <= 100"),
        (
            '[windows]\npositive_years_before = "3"',
            "rules.toml, line 2: windows.positive_years_before: Expected `int`, got `str`",
        ),
        (
            "[windows]\npositive_years_before = true",
            "rules.toml, line 2: windows.positive_years_before: Expected `int`, got `bool`",
        ),
        ("[modalities]\ncomplete = []", "rules.toml, line 2: modalities.complete: Expected `array` of length >= 1"),
        (
            '[modalities]\nxray = ["CR"]\ncomplete = ["xry"]',
            "rules.toml, line 3: modalities.complete[0]: Invalid enum value 'xry'",
        ),
        ('[site.RDGM.grace]\nimages = "x"', f"rules.toml, line 2: site.RDGM.grace.images: {A_DURATION}"),
        (
            '[grace]\nimages = "1d"\n[site.RDGM.grace]\nimages = "1d"\n[site.PENM.grace]\nimages = "x"',
            f"rules.toml, line 6: site.PENM.grace.images: {A_DURATION}",
        ),
        ('[site.RDGM.grce]\nimages = "1d"', "rules.toml, line 1: site.RDGM.grce: is not a name that the rules know"),
        ("[site]\nRDGM = 3", "rules.toml, line 1: site: must be tables such as [site.RDGM.grace]"),
        ("site = 3", "rules.toml, line 1: site: must be tables such as [site.RDGM.grace]"),
        ('site = {RDGM = {grace = {images = "x"}}}', f"rules.toml: site.RDGM.grace.images: {A_DURATION}"),
    ],
)
def test_an_error_names_the_line_and_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_rules(text)
    assert str(caught.value) == words


def test_what_is_no_toml_names_the_line_too() -> None:
    with pytest.raises(RulesError, match=r"^rules.toml: not TOML: .*line 2"):
        parse_rules("[grace]\nimages =\n")


def test_a_file_is_named_as_it_was_given(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("days = 7")
    with pytest.raises(RulesError, match=r"mine.toml, line 1: days"):
        read_rules(file)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    with pytest.raises(RulesError, match="cannot be read"):
        read_rules(file)
    file.write_bytes(b"\xff")
    with pytest.raises(RulesError, match="cannot be read"):
        read_rules(file)


def complaint(text: str) -> str:
    """What is said of the text; nothing where it is rules."""
    try:
        parse_rules(text)
    except RulesError as error:
        return str(error)
    return ""


@given(st.text(max_size=60))
def test_any_text_is_rules_or_an_error_with_words(text: str) -> None:
    said = complaint(text)
    assert not said or said.startswith("rules.toml")


@given(st.integers(0, len(DEFAULT.read_text()) - 1), st.characters(codec="ascii"))
def test_one_character_spoilt_is_rules_or_an_error_with_words(at: int, character: str) -> None:
    shipped = DEFAULT.read_text()
    said = complaint(shipped[:at] + character + shipped[at + 1 :])
    assert not said or said.startswith("rules.toml")
