"""The typed copy of a whole clinical record: one entry for each cell that was filled, under the template's own key."""

import datetime as dt

import msgspec

from handover.cleaning.codes import clean_code
from handover.cleaning.numbers import clean_number
from handover.cleaning.units import Units
from handover.cleaning.verdicts import Cleaned, Reason, nothing
from schemas.records import RowPseudonymised
from schemas.sites import Site
from schemas.templates import Column, template

_IDENTITY = frozenset(("nhs_or_chi", "hospital_number"))


def cleaned_values(row: RowPseudonymised, units: Units) -> dict[str, Cleaned]:
    """What the cells of a row mean, in the order of the template."""
    columns = (column for column in template(row.kind).columns if column.type not in _IDENTITY)
    return {column.key: clean(row.values[column.key], column, row.site, units) for column in columns if column.key in row.values}


def cleaned_record(row: RowPseudonymised, site: Site, units: Units) -> dict[str, object]:
    """The typed copy as it is written beside the record that is carried as given."""
    values = {key: msgspec.to_builtins(value) for key, value in cleaned_values(row, units).items()}
    return {"Pseudonym": row.patient, "SubmittingCentre": site.name, "values": values}


def clean(given: str, column: Column, site: str, units: Units) -> Cleaned:
    """What one cell means."""
    match column.type:
        case "code":
            return clean_code(given, column)
        case "integer" | "number":
            return clean_number(given, column, site, units)
        case "date":
            return _date(given)
        case _:
            return Cleaned(given, given)


def _date(given: str) -> Cleaned:
    """Dates are ISO since the upload."""
    try:
        return Cleaned(given, dt.date.fromisoformat(given).isoformat())
    except ValueError:
        return nothing(given, Reason.NOT_A_DATE)
