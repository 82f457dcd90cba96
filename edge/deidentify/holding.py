"""Which images are held back because their pixels may show who the patient is, and which are masked: by a reviewed table."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from edge.deidentify.header import Header
from edge.deidentify.masking import Region
from edge.deidentify.pixels import Picture
from edge.deidentify.syntaxes import Syntax

BURNED_IN = Path(__file__).with_name("burned_in.toml")

OPAQUE = "its pixels are compressed in a way that cannot be searched for names; send it uncompressed or as JPEG"
_CAPTURE = (
    "it is a secondary capture (a screenshot or a scan), which may show who the patient is; send the original image instead"
)
_NOT_SAID = "images of its kind often show who the patient is; send it only with Burned In Annotation = NO, if that is so"
_FIELDS = {
    "burned_in": "BurnedInAnnotation",
    "image_type": "ImageType",
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "series": "SeriesDescription",
    "conversion": "ConversionType",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What an object must look like, and what is done then."""

    name: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]  # keyword, and what its value must hold
    colour: bool | None
    hold: str | None
    mask: tuple[Region, ...]

    def matches(self, header: Header, *, colour: bool) -> bool:
        """Whether it is about this object."""
        if self.colour is not None and self.colour != colour:
            return False
        return all(pattern.search((header.get(keyword) or "").upper()) for keyword, pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole table."""

    trusted: frozenset[str]
    captures: str
    rules: tuple[Rule, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why an object is held back, in words, or what of its picture is masked."""

    hold: str | None = None
    mask: tuple[Region, ...] = ()


@cache
def policy() -> Policy:
    """The table beside this file."""
    table = tomllib.loads(BURNED_IN.read_text(encoding="utf-8"))
    kinds = table["kinds"]
    return Policy(frozenset(kinds["trusted"]), kinds["captures"], tuple(_rule(each) for each in table["rule"]))


def _rule(given: dict[str, Any]) -> Rule:
    return Rule(
        name=given["name"],
        patterns=tuple((keyword, re.compile(given[name])) for name, keyword in _FIELDS.items() if name in given),
        colour=given.get("colour"),
        hold=given.get("hold"),
        mask=tuple(Region(*each) for each in given.get("mask", ())),
    )


def judged(header: Header, sop_class: str, encoding: Syntax, size: Picture) -> Judgement:
    """What the table says of an object."""
    if sop_class.startswith(policy().captures):
        return Judgement(_CAPTURE)
    matching = [rule for rule in policy().rules if rule.matches(header, colour=size.samples > 1)]
    hold = next((rule.hold for rule in matching if rule.hold), None)
    if hold is None and sop_class not in policy().trusted and (header.get("BurnedInAnnotation") or "").upper() != "NO":
        hold = _NOT_SAID
    if hold is None and encoding.compression == "unknown":
        hold = OPAQUE
    return Judgement(hold, tuple(region for rule in matching for region in rule.mask))
