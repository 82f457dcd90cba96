"""A written world, read back from its files alone: rows as nurses typed them, images as PACS sent them."""

import datetime as dt
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import pydicom
from openpyxl import load_workbook

from schemas.records import Kind
from schemas.sites import EXAMPLE, Site, read_sites
from schemas.templates import template

SITES = read_sites(EXAMPLE)
DATES = ("StudyDate", "AcquisitionDate", "ContentDate")


@dataclass(frozen=True)
class Row:
    """A row as the file has it."""

    site: Site
    at: float
    sheet: str
    age: object
    nhs: object
    hospital: object
    swab: object
    result: object

    @property
    def nhs_number(self) -> str | None:
        return re.sub(r"\D", "", str(self.nhs)) if self.nhs else None

    @property
    def key(self) -> tuple[str, str]:
        """Site and PACS identifier."""
        by_nhs = self.site.pacs_identifier == "nhs"
        return self.site.code, str(self.nhs_number if by_nhs else str(self.hospital).strip().upper())

    @property
    def day(self) -> dt.date | None:
        match self.swab:
            case dt.datetime():
                return self.swab.date()
            case int():
                return dt.date(1899, 12, 30) + dt.timedelta(days=self.swab)
            case str() if "/" in self.swab:
                return dt.datetime.strptime(self.swab, "%d/%m/%Y").replace(tzinfo=dt.UTC).date()
            case str():
                return dt.date.fromisoformat(self.swab)
        return None


@dataclass(frozen=True)
class Image:
    """An image as the file has it."""

    site: Site
    at: float
    patient_id: str
    uid: str
    study: str
    modality: str
    days: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        number = self.patient_id.strip().upper()
        return self.site.code, number.replace(" ", "") if self.site.pacs_identifier == "nhs" else number

    @property
    def day(self) -> dt.date | None:
        text = next(filter(None, self.days), None)
        return dt.datetime.strptime(text, "%Y%m%d").replace(tzinfo=dt.UTC).date() if text else None


@dataclass(frozen=True)
class OptOut:
    """A number as the file of withdrawals has it."""

    site: Site
    at: float
    number: str

    @property
    def key(self) -> tuple[str, str]:
        """Site, and the number as it is compared."""
        plain = self.number.strip().upper()
        digits = re.sub(r"\D", "", plain)
        return self.site.code, digits if digits.startswith("999") and len(digits) == 10 else plain


@dataclass
class Written:
    """A written world, read back."""

    out: Path
    rows: list[Row] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    opted_out: list[OptOut] = field(default_factory=list)
    digests: list[tuple[str, str, str]] = field(default_factory=list)  # site, kind, content of each sheet in turn

    @cached_property
    def truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = json.loads((self.out / "truth.json").read_text(encoding="utf-8"))
        return truth

    @cached_property
    def flags(self) -> set[str]:
        return {flag for site in self.truth["sites"].values() for flag in site["flags"]}

    @cached_property
    def states(self) -> set[str]:
        return {state for site in self.truth["sites"].values() for state in site["states"]}

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        return [case for person in self.truth["people"].values() for case in person["cases"]]

    @cached_property
    def rows_of(self) -> dict[tuple[str, str], list[Row]]:
        return _grouped(self.rows)

    @cached_property
    def images_of(self) -> dict[tuple[str, str], list[Image]]:
        return _grouped(self.images)

    @cached_property
    def studies(self) -> dict[str, list[Image]]:
        studies: dict[str, list[Image]] = defaultdict(list)
        for image in self.images:
            studies[image.study].append(image)
        return studies

    def numbers_of(self) -> dict[tuple[str, str], list[Row]]:
        """Rows by site and NHS number, where the site's PACS goes by hospital numbers."""
        by_number = [row for row in self.rows if row.nhs_number and row.site.pacs_identifier == "hospital"]
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in by_number:
            found[row.site.code, row.nhs_number or ""].append(row)
        return found

    def around_opt_outs(self) -> Iterator[tuple[str, set[str]]]:
        """For each number that opted out: of which kind it is, and what came before it and what after."""
        for out in self.opted_out:
            site, number = out.key
            rows = [row for row in self.rows if row.site.code == site and number in {row.nhs_number, row.key[1]}]
            keys = {row.key for row in rows} | {out.key}
            images = [image for image in self.images if image.key in keys]
            kind = "hospital" if re.fullmatch(out.site.hospital_number_pattern, number) else "nhs"
            times = [("row", row.at) for row in rows] + [("images", image.at) for image in images]
            yield kind, {f"{what} {'before' if at < out.at else 'after'}" for what, at in times}

    def only_films(self, sheet: str) -> Iterator[tuple[dt.date, dt.date]]:
        """Swab and study date of patients with one study, and rows in one sheet that all say the same."""
        for key, rows in self.rows_of.items():
            images = self.images_of.get(key, [])
            one_row, one_study = len({(row.sheet, row.day) for row in rows}) == 1, len({image.study for image in images}) == 1
            if one_row and one_study and rows[0].sheet == sheet and rows[0].day and images[0].day:
                yield rows[0].day, images[0].day

    def days_apart(self) -> set[int]:
        return {(day - swab).days for swab, day in self.only_films("negative")}

    def misspelt(self) -> Iterator[tuple[str, str, str]]:
        """Site, number in the sheet and number on the images, of the same digits."""
        for (site, number), (other_site, other) in product(self.rows_of, self.images_of):
            if site == other_site and number != other and _digits(number) == _digits(other):
                yield site, number, other


def _grouped(things: list[Any]) -> dict[tuple[str, str], list[Any]]:
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for thing in things:
        groups[thing.key].append(thing)
    return groups


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number).lstrip("0")


def read(out: Path) -> Written:
    written = Written(out)
    for each in json.loads((out / "deliveries.json").read_text(encoding="utf-8")):
        site, at, path = SITES[each["site"]], each["at"], out / each["path"]
        if each["kind"] in {"images", "pacs"}:
            written.images += (_image(site, at, file) for file in sorted(path.iterdir()))
        elif each["kind"] == "withdraw":
            written.opted_out += (OptOut(site, at, line) for line in path.read_text(encoding="utf-8").splitlines())
        else:
            written.rows += _rows(site, at, each["kind"], path)
            written.digests.append((site.code, each["kind"], hashlib.sha256(path.read_bytes()).hexdigest()))
    return written


def _rows(site: Site, at: float, kind: Kind, path: Path) -> Iterator[Row]:
    form = template(kind)
    keys = [column.key for column in form.columns]
    for cells in list(load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True))[1:]:
        row = dict(zip(keys, cells, strict=False))  # empty cells at the end are left out
        result = row.get(form.result_key) if form.result_key else None
        yield Row(site, at, kind, row.get("Age"), cells[0], cells[1], row.get(form.swab_date_key), result)


def _image(site: Site, at: float, path: Path) -> Image:
    header = pydicom.dcmread(path, stop_before_pixels=True)
    raw = path.read_bytes()
    place = raw.index(b"\x10\x00\x20\x00LO")  # pydicom strips the spaces that PatientID is padded with
    length = int.from_bytes(raw[place + 6 : place + 8], "little")
    patient_id = raw[place + 8 : place + 8 + length].decode()
    days = tuple(str(header.get(keyword) or "") for keyword in DATES)
    return Image(site, at, patient_id, header.SOPInstanceUID, header.StudyInstanceUID, header.Modality, days)
