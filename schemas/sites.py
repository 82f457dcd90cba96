"""The registry of sites: who sends, how their PACS names patients, whom to write to."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import PacsIdentifier, Record

EXAMPLE = Path(__file__).with_name("sites.example.toml")
"""Five invented sites, the registry that ``nccid init`` writes when it is given none."""

Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{2,12}$")]
AETitle = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]  # DICOM PS3.5, value representation AE


class SitesError(UnusableInputError):
    """The registry cannot be used; says where and what would be right."""


class Site(Record, frozen=True, kw_only=True):
    """One hospital or trust that contributes."""

    code: Code
    name: str  # the exact SubmittingCentre string
    pacs_identifier: PacsIdentifier
    hospital_number_pattern: str  # for the whole hospital number
    ae_titles: list[AETitle]
    contact_email: str


class _Registry(Record, frozen=True, kw_only=True):
    site: Annotated[list[Site], msgspec.Meta(min_length=1)]


Sites = Mapping[str, Site]


def parse_sites(text: str, name: str = "sites.toml") -> Sites:
    """The registry by site code.

    Raises:
        SitesError: not TOML, a field missing or unknown, a pattern that is no regular expression, a code or AE title given twice.
    """
    try:
        registry = msgspec.convert(tomllib.loads(text), _Registry)
    except tomllib.TOMLDecodeError as error:
        raise SitesError(f"{name}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SitesError(f"{name}: {error}. The form of a site stands in the example that `nccid init` writes") from None
    sites: dict[str, Site] = {}
    titles: dict[str, str] = {}
    for site in registry.site:
        if site.code in sites:
            raise SitesError(f"{name}: the site code {site.code} is given twice")
        try:
            re.compile(site.hospital_number_pattern)
        except re.error as error:
            raise SitesError(f"{name}: {site.code}: hospital_number_pattern is no regular expression: {error}") from None
        for title in site.ae_titles:
            if title in titles:
                raise SitesError(f"{name}: the AE title {title} belongs to {titles[title]} and to {site.code}")
            titles[title] = site.code
        sites[site.code] = site
    return sites


def read_sites(path: Path) -> Sites:
    """The registry in a file.

    Raises:
        SitesError: as ``parse_sites``, and when the file cannot be read.
    """
    try:
        return parse_sites(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SitesError(f"{path}: cannot be read: {error}. `nccid init` makes a new home") from None
