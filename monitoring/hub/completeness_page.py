"""The page of completeness, and the same as CSV: of all sites for a national token, of its own site for a site's."""

from collections.abc import Sequence

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.response import Template

from monitoring.hub import filling, shown
from monitoring.hub.api import TheHub
from monitoring.hub.hub import Hub
from monitoring.hub.pages import Text, Viewer, page
from monitoring.hub.tokens import NATIONAL, Token
from schemas.completeness import ALL

PATH = "/completeness"


@get(PATH, include_in_schema=False)
async def completeness(viewer: Viewer, hub: TheHub, site: Text = None) -> Template:
    """How much of the clinical data is filled, missing, implausible, repaired; by field group, and by site."""
    chosen, codes = _chosen(hub, viewer, site)
    hub.completeness.ask()
    given = {
        "chosen": chosen,
        "whose": "All sites" if chosen == ALL else shown.name_of(hub, chosen),
        "sites": [(code, shown.name_of(hub, code)) for code in codes],
        "counted": hub.completeness,
        "sheets": filling.sheets(hub.completeness.of(chosen)),
        "compared": filling.compared(hub.completeness.groups, codes) if chosen == ALL else [],
        "parts": filling.PARTS,
    }
    return page(hub, viewer, "completeness.html", PATH, **given)


@get(f"{PATH}.csv", include_in_schema=False)
async def completeness_csv(viewer: Viewer, hub: TheHub, site: Text = None) -> Response[str]:
    """The counts for a spreadsheet: of one site, or of each and all together."""
    chosen, codes = _chosen(hub, viewer, site)
    wanted = {ALL, *codes} if chosen == ALL else {chosen}
    at = hub.completeness.at or hub.now()
    name = f"nccid-completeness-{chosen}-{at:%Y-%m-%dT%H%MZ}.csv"
    groups = [group for group in hub.completeness.groups if group.site in wanted]
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(filling.as_csv(groups), media_type="text/csv", headers=headers)


def _chosen(hub: Hub, viewer: Token, site: str | None) -> tuple[str, Sequence[str]]:
    """The site that is asked for, and those that may be.

    Raises:
        NotFoundException: there is no such site, or it is not for this one to see.
    """
    codes = shown.codes_for(hub, viewer)
    chosen = site or (ALL if viewer.scope == NATIONAL else viewer.scope)
    if chosen not in codes and not (chosen == ALL and viewer.scope == NATIONAL):
        raise NotFoundException
    return chosen, codes


COMPLETENESS = (completeness, completeness_csv)
