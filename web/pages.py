"""Pages that look like the NHS: one template engine, with the NHS's own components and the folders of a program."""

from functools import cache
from pathlib import Path

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PackageLoader
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from web.assets import address_of

SHARED = Path(__file__).with_name("templates")


@cache
def environment(templates: Path, scripts: Path) -> Environment:
    """The templates of a program, with what all programs share; everything is escaped, and ``asset(NAME)`` is an address.

    Args:
        templates: the program's own.
        scripts: the folder of its own scripts, as given to ``asset_router``.
    """
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader([templates, SHARED]), PackageLoader("nhsuk_frontend_jinja")]),
        undefined=ChainableUndefined,  # the NHS's components ask for parts of what was not given
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = address_of(scripts)
    return made


def template_config(templates: Path, scripts: Path) -> TemplateConfig[JinjaTemplateEngine]:
    """The same, as Litestar takes it."""
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment(templates, scripts)))
