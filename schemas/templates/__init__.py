"""Both spreadsheet templates as data: one CSV line a column, read once, with how a header is compared."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from schemas.records import Kind

ColumnType = Literal["nhs_or_chi", "hospital_number", "date", "code", "integer", "number", "text"]

NHS_KEY = "NHS/CHI Number"
HOSPITAL_KEY = "Hospital (Internal) Number"

_SPACES = re.compile(r"\s+")
_LEGEND = re.compile(r"\s*\([^()]*\)\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a template."""

    position: int
    header: str  # as the template prints it, legend included
    key: str  # as the records name it
    group: str
    type: ColumnType
    unit: str
    minimum: float | None  # expected range: outside is a warning
    maximum: float | None
    codes: dict[str, str]  # code -> meaning
    required: bool  # an empty cell is reported
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One spreadsheet template."""

    kind: Kind
    file_name: str  # of the template as the guideline names it
    sheet: str  # title of the worksheet in a template we write
    section: str  # the portal's menu entry for it
    swab_date_key: str
    result_key: str | None
    columns: tuple[Column, ...]

    def column(self, key: str) -> Column:
        """The column with this key."""
        return next(column for column in self.columns if column.key == key)

    @property
    def names(self) -> dict[str, tuple[Column, bool]]:
        """Every accepted header, normalised -> its column, and whether the name is an alias.

        The full header and the bare key both count as the column's own name: sheets with and without the legend are met.
        """
        return _names(self.kind)


@cache
def _names(kind: Kind) -> dict[str, tuple[Column, bool]]:
    columns = template(kind).columns
    aliases = {normalise_header(alias): (column, True) for column in columns for alias in column.aliases}
    own = {normalise_header(name): (column, False) for column in columns for name in (column.header, column.key)}
    return aliases | own


def normalise_header(text: str) -> str:
    """The header as it is compared: trimmed, runs of spaces collapsed, case ignored, a bracketed legend cut off at the end only.

    Cutting at the first bracket would turn "Hospital (Internal) Number" into "Hospital", which is another column.
    """
    folded = _SPACES.sub(" ", text).strip()
    return _LEGEND.sub("", folded).strip().casefold()


def _number(text: str) -> float | None:
    return float(text) if text else None


def _codes(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split("|") if entry)
    return {code.strip(): meaning.strip() for code, _, meaning in pairs}


def _column(line: dict[str, str]) -> Column:
    return Column(
        position=int(line["position"]),
        header=line["header"],
        key=line["key"],
        group=line["group"],
        type=cast("ColumnType", line["type"]),
        unit=line["unit"],
        minimum=_number(line["min"]),
        maximum=_number(line["max"]),
        codes=_codes(line["codes"]),
        required=line["required"] == "yes",
        aliases=tuple(alias for alias in line["aliases"].split("|") if alias),
    )


def _columns(kind: Kind) -> tuple[Column, ...]:
    with files(__name__).joinpath(f"{kind}.csv").open(encoding="utf-8") as lines:
        return tuple(_column(line) for line in csv.DictReader(lines))


@cache
def template(kind: Kind) -> Template:
    """The template of a kind of sheet; names and sections as in the guideline and on the portal's screens."""
    if kind == "positive":
        return Template(
            kind=kind,
            file_name="COVID-19_NCCID_covid_positive_data_template_v1_5.xlsx",
            sheet="Covid positive data",
            section="Upload Covid Data",
            swab_date_key="Date of Positive Covid Swab",
            result_key=None,
            columns=_columns(kind),
        )
    return Template(
        kind=kind,
        file_name="COVID-19_NCCID_covid_status_negative_data_template_v1_0.xlsx",
        sheet="Covid status",
        section="Upload Covid Status Data",
        swab_date_key="Date of RT-PCR",
        result_key="RT-PCR result",
        columns=_columns(kind),
    )
