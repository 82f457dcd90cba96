"""Units as data: what can be converted into the template's unit, and which site writes which column in another one."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from schemas.problems import UnusableInputError
from schemas.records import Record
from schemas.templates import template

OWN = Path(__file__).with_name("units.toml")
_SPACE = re.compile(r"\s+")


class UnitsError(UnusableInputError):
    """The table of units cannot be used; says where and what would be right."""


class _Fio2(Record, frozen=True, kw_only=True):
    litres: dict[str, float]
    venturi: dict[str, float]


class _Table(Record, frozen=True, kw_only=True):
    convert: dict[str, dict[str, float]]
    fio2: _Fio2
    site: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Units:
    """Unit tables, with names of units as they are compared."""

    _convert: Mapping[str, Mapping[str, float]]
    _sites: Mapping[str, Mapping[str, str]]
    litres: Mapping[int, float]  # of oxygen a minute -> per cent
    venturi: Mapping[str, float]  # colour -> per cent

    def factor(self, key: str, unit: str) -> float | None:
        """What to multiply by to get the template's unit; None where that cannot be."""
        return self._convert.get(key, {}).get(folded(unit))

    def at(self, site: str, key: str) -> str | None:
        """The unit in which a site writes a column, where it is another than the template's."""
        return self._sites.get(site, {}).get(key)

    @property
    def names(self) -> frozenset[str]:
        """Every unit that any column knows, as compared."""
        return frozenset(unit for table in self._convert.values() for unit in table) | _FOREIGN


_FOREIGN = frozenset(
    ("kpa", "mmhg", "l", "l/min", "litres", "liters", "lpm", "f", "hours", "hrs", "weeks", "wks", "months", "g/dl")
)
"""Units that no column converts from, and that must not be taken for a remark."""


def folded(unit: str) -> str:
    """A unit as it is compared: no spaces, no case, one kind of micro."""
    return _SPACE.sub("", unit.replace("µ", "u").replace("μ", "u")).casefold()  # the two micro signs


def read_units(home: Path | None = None) -> Units:
    """The tables of the repository, with the sites that a home declares besides.

    Args:
        home: a file of the same form with ``[site.CODE]`` tables; it need not exist.

    Raises:
        UnitsError: not TOML, a column that there is not, a unit that the column cannot be converted from.
    """
    own = _table(OWN.read_text(encoding="utf-8"), OWN.name)
    sites: dict[str, dict[str, str]] = dict(own.site)
    if home is not None and home.exists():
        sites |= _sites(home)
    convert = {key: {folded(unit): factor for unit, factor in table.items()} for key, table in own.convert.items()}
    units = Units(convert, sites, {int(litres): percent for litres, percent in own.fio2.litres.items()}, own.fio2.venturi)
    for code, columns in sites.items():
        for key, unit in columns.items():
            _require(code, key, unit, units)
    return units


@cache
def own_units() -> Units:
    """The tables of the repository."""
    return read_units()


def _sites(path: Path) -> dict[str, dict[str, str]]:
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(given.get("site", {}), dict[str, dict[str, str]])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError, OSError) as error:
        raise UnitsError(f'{path}: {error}; the form is [site.CODE] and lines such as "D-dimer on admission" = "ng/mL"') from None


def _table(text: str, name: str) -> _Table:
    try:
        return msgspec.convert(tomllib.loads(text), _Table)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UnitsError(f"{name}: {error}") from None


def _require(code: str, key: str, unit: str, units: Units) -> None:
    if key not in {column.key for column in template("positive").columns}:
        raise UnitsError(f"units of {code}: there is no column {key!r} in the main template")
    if units.factor(key, unit) is None and folded(unit) not in units.names:
        raise UnitsError(f"units of {code}: {unit!r} is no unit that is known; the known ones stand in {OWN.name}")
