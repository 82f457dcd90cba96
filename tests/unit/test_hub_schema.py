"""The hub against its own OpenAPI: what it says of itself is so, whatever is sent."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.factories import NOON, Flow, raw_row, raw_study
from tests.hubs import AskedHub

ASKED = AskedHub(Path(tempfile.mkdtemp(prefix="nccid-hub-")), Flow().arrives(raw_row(), raw_study()).ticks(NOON))
ASKED.access.asking.per_second = ASKED.access.guessing.per_second = 1e9
SCHEMA = schemathesis.openapi.from_asgi("/schema/openapi.json", ASKED.client.app)


@SCHEMA.exclude(path="/v1/stream").parametrize()  # it never ends; tests/unit/test_hub_stream.py has it
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_schema_says(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(headers=ASKED.headers())


def test_the_schema_is_about_every_route_of_the_api() -> None:
    paths = ASKED.client.get("/schema").json()["paths"]
    assert sorted(paths) == [
        "/health/live",
        "/health/ready",
        "/v1/alerts",
        "/v1/sites",
        "/v1/status",
        "/v1/stream",
        "/v1/unclaimed",
    ]


@pytest.mark.parametrize("address", ["/schema", "/schema/openapi.json"])
def test_the_schema_is_for_everybody(address: str) -> None:
    answer = ASKED.client.get(address)
    assert (answer.status_code, answer.json()["info"]["title"]) == (200, "NCCID hub")
