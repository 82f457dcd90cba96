"""Promise 1 at the door: whatever stands wherever, no finding says who anybody is."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.spreadsheets.rows import Checked
from schemas.records import Kind
from schemas.sites import Site
from schemas.templates import HOSPITAL_KEY, NHS_KEY, template
from tests.sheets import NTHV, NUMBERS, PENM, RDGM, book, check, negative, positive, table

PLANTED: tuple[Any, ...] = (
    "9994621785", "999 545 1018", 9995181630, "9994621784", "RR12345678", "ZZ7654321", "X123456", 7654321, "7654321",
    "12-345-678",
    "joan.smith@example.org", "SW1A 1AA", "01632 960123", "Joan Smith",
)  # fmt: skip
SECRETS = [str(value) for value in PLANTED] + [digits[:9] for digits in NUMBERS] + ["345678", "654321", "Smith"]


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("site", [RDGM, NTHV, PENM], ids=lambda site: str(site.code))
def test_planted_in_every_cell_of_a_row(tmp_path: Path, planted: object, site: Site) -> None:
    rows: tuple[tuple[Kind, dict[str, Any]], ...] = (("positive", positive()), ("negative", negative()))
    for kind, row in rows:
        keys = [column.key for column in template(kind).columns]
        book(tmp_path / "sheet.xlsx", {"Sheet": table(kind, [row, dict.fromkeys(keys, planted)])})
        assert_silent(check(tmp_path / "sheet.xlsx", kind, site))


@pytest.mark.parametrize("planted", [str(value) for value in PLANTED if value != "Joan Smith"])
def test_planted_in_headers_and_titles(tmp_path: Path, planted: str) -> None:
    rows = table("negative", [negative()])
    rows[0] += [planted, planted]
    book(tmp_path / "sheet.xlsx", {planted: rows, f"{planted} too": [[NHS_KEY, planted], [planted]]}, hidden=[f"{planted} too"])
    assert_silent(check(tmp_path / "sheet.xlsx"))


def test_near_headers_are_not_repeated(tmp_path: Path) -> None:
    book(tmp_path / "sheet.xlsx", {"Sheet": [[NHS_KEY, f"{HOSPITAL_KEY[:-2]} RR12345678"]]})
    assert_silent(check(tmp_path / "sheet.xlsx"))


def assert_silent(checked: Checked) -> None:
    said = msgspec.json.encode([*checked.errors, *checked.warnings]).decode() + repr(checked)
    for row in checked.rows:
        said += repr(row)
    assert [secret for secret in SECRETS if secret in said] == []
