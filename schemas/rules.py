"""The rules as data: windows, deadlines, modalities, settling; for everybody, or for one site."""

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import Record

DEFAULT = Path(__file__).with_name("rules.toml")
"""The rules that ``nccid init`` writes."""

ImageKind = Literal["xray", "ct", "mr"]

_DURATION = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = dt.timedelta(days=36500)
"""Longer than any grace, and short enough that a date plus it is still a date."""


class RulesError(UnusableInputError):
    """The rules cannot be used; says where and what would be right."""


class Grace(Record, frozen=True, kw_only=True):
    """How long the missing half may take."""

    images: dt.timedelta
    spreadsheet: dt.timedelta


class Windows(Record, frozen=True, kw_only=True):
    """Which studies belong to a row."""

    positive_years_before: Annotated[int, msgspec.Meta(ge=0, le=100)]
    negative_days_either_side: Annotated[int, msgspec.Meta(ge=0, le=36500)]


class Modalities(Record, frozen=True, kw_only=True):
    """DICOM Modality by kind of image."""

    xray: list[str]
    ct: list[str]
    mr: list[str]
    complete: Annotated[list[ImageKind], msgspec.Meta(min_length=1)]

    def kind(self, modality: str) -> ImageKind | Literal["other"]:
        """The kind of image that a modality makes."""
        if modality in self.xray:
            return "xray"
        if modality in self.ct:
            return "ct"
        return "mr" if modality in self.mr else "other"


class Settling(Record, frozen=True, kw_only=True):
    """When a study is taken as settled."""

    quiet: dt.timedelta
    cap: dt.timedelta


class Alerting(Record, frozen=True, kw_only=True):
    """When a site as a whole is reported."""

    no_upload: dt.timedelta
    shift_share: Annotated[float, msgspec.Meta(gt=0, le=1)]
    shift_at_least: Annotated[int, msgspec.Meta(ge=1)]
    burst_at_least: Annotated[int, msgspec.Meta(ge=1)]


class SiteRules(Record, frozen=True, kw_only=True):
    """The rules that hold at one site."""

    grace: Grace
    windows: Windows
    modalities: Modalities
    settling: Settling
    alerts: Alerting


class Rules(Record, frozen=True, kw_only=True):
    """The rules for everybody, and those of sites that differ."""

    common: SiteRules
    sites: dict[str, SiteRules]

    def at(self, site: str) -> SiteRules:
        """The rules that hold at a site."""
        return self.sites.get(site, self.common)


def parse_rules(text: str, name: str = "rules.toml") -> Rules:
    """The rules in TOML; what is left out is as in the rules that ``nccid init`` writes.

    Raises:
        RulesError: not TOML (with the line), a name or value that is not understood (with where it stands).
    """
    try:
        given = tomllib.loads(text)
        sites = given.pop("site", {})
        common = _merged(tomllib.loads(DEFAULT.read_text(encoding="utf-8")), given)
        return Rules(
            common=_converted(common, ""),
            sites={code: _converted(_merged(common, own), f"site.{code}.") for code, own in _tables(sites).items()},
        )
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{name}: not TOML: {error}") from None
    except _NotUnderstoodError as error:
        where, what = error.args
        line = _line(text, where)
        raise RulesError(f"{name}{f', line {line}' if line else ''}: {where}: {what}") from None


def read_rules(path: Path) -> Rules:
    """The rules in a file.

    Raises:
        RulesError: as ``parse_rules``, and when the file cannot be read.
    """
    try:
        return parse_rules(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: cannot be read: {error}. `nccid init` makes a new home") from None


def default_rules() -> Rules:
    """The rules that ``nccid init`` writes."""
    return read_rules(DEFAULT)


class _NotUnderstoodError(Exception):
    """Where, what."""


def _tables(sites: object) -> dict[str, dict[str, Any]]:
    if not isinstance(sites, dict) or not all(isinstance(table, dict) for table in sites.values()):
        raise _NotUnderstoodError("site", "must be tables such as [site.RDGM.grace]")
    return sites


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both else value
    return merged


def _converted(tables: dict[str, Any], prefix: str) -> SiteRules:
    try:
        return msgspec.convert({**tables, **_durations(tables, prefix)}, SiteRules)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        where = where.rstrip("`")
        if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
            where, what = ".".join(filter(None, (where, unknown[1]))), "is not a name that the rules know"
        raise _NotUnderstoodError(prefix + where, what) from None


_PLAIN = {"shift_share", "shift_at_least", "burst_at_least"}
"""What stands beside durations, and is none."""


def _durations(tables: dict[str, Any], prefix: str) -> dict[str, dict[str, Any]]:
    converted = {}
    for table in ("grace", "settling", "alerts"):
        entries = tables[table]
        if not isinstance(entries, dict):
            raise _NotUnderstoodError(prefix + table, f"must be a table [{table}]")
        converted[table] = {
            key: value if key in _PLAIN else _duration(value, f"{prefix}{table}.{key}") for key, value in entries.items()
        }
    return converted


def _duration(value: object, where: str) -> dt.timedelta:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise _NotUnderstoodError(where, 'must be a number and s, m, h or d, such as "7d"')
    if len(match[1]) > 10 or int(match[1]) * _SECONDS[match[2]] > _LONGEST.total_seconds():
        raise _NotUnderstoodError(where, f"must not be longer than {_LONGEST.days}d")
    return dt.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _line(text: str, where: str) -> int | None:
    """The line on which ``where`` is set, or its table begins; None where it cannot be told."""
    *tables, key = names = re.sub(r"\[.*?\]", "", where).split(".")
    inside = not tables
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+([^\]]*)\]", line):
            path = [name.strip(" \"'") for name in header[1].split(".")]
            if path[: len(names)] == names:
                return number
            inside = path == tables
        elif inside and re.match(rf"\s*{re.escape(key)}\b", line):
            return number
    return None
