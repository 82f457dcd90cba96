"""The house: which room may import what. Imports are read from the code itself, also those inside functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROOMS = ("agents", "bench", "edge", "handover", "identity", "local", "monitoring", "schemas", "streams", "synth", "web")

IMPORTED_ONLY_IN: dict[str, tuple[str, ...]] = {
    "cryptography": ("identity",),
    "nhs_number": ("identity",),
    "faust": ("streams",),
    "mode": ("streams",),
    "aiokafka": ("streams", "monitoring", "handover"),  # Faust's client carries the agents and the status view
    "kafka": ("edge", "streams", "monitoring"),  # publishes for the outbox, administers
    "openpyxl": ("edge",),
    "defusedxml": ("edge",),
    "pydicom": ("edge", "handover"),
    "pynetdicom": ("edge",),
    "prometheus_client": ("web",),  # the others count through web.metrics
    "sqlite3": ("edge", "handover"),
    "litestar": ("edge", "monitoring", "web"),
    "uvicorn": ("web",),
    "argon2": ("edge",),
    "obstore": ("handover",),
    "httpx": ("edge",),
}
"""Library -> rooms. Tests may import anything; so may synth and bench, which make input with whatever a hospital has."""

UNBOUND = {"bench", "synth"}


def imports(file: Path) -> Iterator[str]:
    """The packages that a file imports, by their first name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name.partition(".")[0] for name in names)
            case ast.ImportFrom(module=str() as module, level=0):
                yield module.partition(".")[0]


FILES = {room: sorted((HOUSE / room).rglob("*.py")) for room in ROOMS}
IMPORTS = {(room, file.relative_to(HOUSE).as_posix(), name) for room in ROOMS for file in FILES[room] for name in imports(file)}


def test_every_room_is_there() -> None:
    assert [room for room, files in FILES.items() if not files] == []


def test_no_room_knows_the_front_door() -> None:
    assert [file for _, file, name in sorted(IMPORTS) if name == "nccid"] == []


@pytest.mark.parametrize("library", IMPORTED_ONLY_IN)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    allowed = UNBOUND.union(IMPORTED_ONLY_IN[library])
    assert [file for room, file, name in sorted(IMPORTS) if name == library and room not in allowed] == []


@pytest.mark.parametrize("library", ["cryptography", "faust", "openpyxl", "pydicom", "sqlite3", "kafka", "aiokafka"])
def test_the_rule_is_about_something(library: str) -> None:
    assert [file for room, file, name in IMPORTS if name == library and room in IMPORTED_ONLY_IN[library]] != []


def test_no_room_imports_the_tests() -> None:
    assert [file for _, file, name in sorted(IMPORTS) if name == "tests"] == []


@pytest.mark.parametrize("module", ["time", "random", "os", "logging", "socket", "pathlib", "threading", "asyncio", "subprocess"])
def test_a_step_has_no_clock_no_chance_no_environment_and_no_way_out(module: str) -> None:
    assert [file for room, file, name in sorted(IMPORTS) if room == "agents" and name == module] == []


def test_a_step_reads_no_clock() -> None:
    text = {file: (HOUSE / file).read_text(encoding="utf-8") for room, file, _ in IMPORTS if room == "agents"}
    assert [file for file, code in text.items() if ".now(" in code or ".today(" in code or "utcnow" in code] == []


def test_nobody_prints_but_who_talks_to_people() -> None:
    """Identity never logs: no logger in the room that sees identifiers."""
    assert [file for room, file, name in sorted(IMPORTS) if room in {"identity", "schemas", "agents"} and name == "logging"] == []
