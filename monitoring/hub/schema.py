"""What the hub says of itself: its OpenAPI, at ``/schema``."""

from dataclasses import dataclass
from importlib.metadata import version

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from monitoring.hub.answers import Asked

OPENAPI = OpenAPIConfig(
    title="NCCID hub",
    version=version("nccid-coverage"),
    description="Whose images and rows have arrived, whose are missing. Pseudonyms only, in bodies, never in addresses.",
    path="/schema",
    render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
    components=Components(
        security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", description="`nccid tokens add` makes one")}
    ),
    use_handler_docstrings=True,
)


def _asked() -> Schema:
    """The schema of the one body that there is, as msgspec itself checks it."""
    (_,), parts = msgspec.json.schema_components([Asked])
    lists: dict[str, Schema | Reference] = {
        name: Schema(
            type=OpenAPIType.ARRAY,
            max_items=each["maxItems"],
            items=Schema(type=OpenAPIType.STRING, pattern=each["items"]["pattern"], description=each["items"]["description"]),
        )
        for name, each in parts["Asked"]["properties"].items()
    }
    return Schema(type=OpenAPIType.OBJECT, title="Asked", properties=lists, additional_properties=False)


@dataclass
class AskingOperation(Operation):
    """Tells of the body of a route that decodes it itself."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=_asked())}, required=True)
