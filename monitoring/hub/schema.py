"""What the hub says of itself: its OpenAPI, at ``/schema``."""

from importlib.metadata import version
from typing import Any

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIType, Reference, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPlugin

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


class AskedSchema(OpenAPISchemaPlugin):
    """Tells the form of a pseudonym, which Litestar leaves out of the items of a list."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:  # noqa: ANN401  # as Litestar declares it
        """Only for the one body that there is."""
        return value is Asked

    def to_openapi_schema(self, field_definition: Any, schema_creator: Any) -> Schema:  # noqa: ANN401, ARG002  # as above
        """The schema as msgspec itself checks it."""
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
