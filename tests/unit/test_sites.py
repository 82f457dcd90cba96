"""The registry of sites: the example is sound, and whatever is wrong is named."""

import re
from pathlib import Path

import pytest

from schemas.sites import EXAMPLE, SitesError, parse_sites, read_sites

SITE = """
[[site]]
code = "RDGM"
name = "Ridgemoor"
pacs_identifier = "hospital"
hospital_number_pattern = 'RR\\d{8}'
ae_titles = ["RDGM_PACS"]
contact_email = "nccid.ridgemoor@example.org"
"""


def test_the_example_has_five_invented_sites() -> None:
    sites = read_sites(EXAMPLE)
    assert sorted(sites) == ["EXMR", "LARK", "NTHV", "PENM", "RDGM"]
    assert [code for code, site in sites.items() if site.pacs_identifier == "nhs"] == ["NTHV"]
    assert all(site.contact_email.endswith("@example.org") for site in sites.values())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('code = "RDGM"', 'code = "rdgm"', "`$.site[0].code`"),
        ('code = "RDGM"', 'code = "R"', "`$.site[0].code`"),
        ('code = "RDGM"', 'code = "RDGM/PENM"', "`$.site[0].code`"),
        ('code = "RDGM"\n', "", "missing required field `code`"),
        ('"hospital"', '"chi"', "pacs_identifier"),
        ("RR\\d{8}", "RR(\\d{8}", "RDGM: hospital_number_pattern is no regular expression"),
        ('"RDGM_PACS"', '"RDGM_PACS_OF_THE_WEST"', "ae_titles"),
        ('"RDGM_PACS"', '""', "ae_titles"),
        ('"RDGM_PACS"', '"RDGM_PACS", "RDGM_PACS"', "the AE title RDGM_PACS belongs to RDGM and to RDGM"),
        ("contact_email", "colour = 1\ncontact_email", "unknown field `colour`"),
        ("[[site]]", "[site]", "site"),
        (SITE, "", "missing required field `site`"),
        (SITE, "site = []", "site"),
        ('"RDGM_PACS"]', '"RDGM_PACS"', "not TOML"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, words: str) -> None:
    assert old in SITE
    with pytest.raises(SitesError, match=re.escape(words)) as caught:
        parse_sites(SITE.replace(old, new), "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")


def test_a_code_given_twice() -> None:
    with pytest.raises(SitesError, match="the site code RDGM is given twice"):
        parse_sites(SITE + SITE.replace("RDGM_PACS", "OTHER"))


def test_an_ae_title_of_two_sites() -> None:
    with pytest.raises(SitesError, match="the AE title RDGM_PACS belongs to RDGM and to PENM"):
        parse_sites(SITE + SITE.replace('"RDGM"', '"PENM"'))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    with pytest.raises(SitesError, match=r"cannot be read.*nccid init"):
        read_sites(file)
    file.write_bytes(b"\xff")
    with pytest.raises(SitesError, match="cannot be read"):
        read_sites(file)


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text(SITE)
    assert read_sites(file) == parse_sites(SITE)
    assert parse_sites(SITE)["RDGM"].ae_titles == ["RDGM_PACS"]
