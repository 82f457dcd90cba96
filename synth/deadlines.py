"""Deadlines in an invented world: one site is impatient, so that what is missing there is overdue while somebody still watches.

Elsewhere the usual days of grace hold, which nobody waits for. So what is overdue in the end does not depend on who is how quick.
"""

import datetime as dt
from collections.abc import Collection

from schemas.rules import DEFAULT
from schemas.sites import Sites

GRACE = {"images": dt.timedelta(seconds=3), "spreadsheet": dt.timedelta(seconds=2)}
"""How long the missing half may take at an impatient site."""

LONGEST = max(GRACE.values())
"""So long after the last delivery, all that is missing at an impatient site is overdue."""


def impatient_sites(sites: Sites) -> tuple[str, ...]:
    """The last site of the registry; none where it is the only one, since then nobody would be left to wait."""
    return tuple(sites)[1:][-1:]


def rules_text(impatient: Collection[str]) -> str:
    """The rules that ``nccid init`` writes, with short deadlines for the impatient sites."""
    lines = [f'{what} = "{round(grace.total_seconds())}s"\n' for what, grace in GRACE.items()]
    tables = [f"\n[site.{code}.grace]  # so that deadlines can be seen to pass\n{''.join(lines)}" for code in impatient]
    default = DEFAULT.read_text(encoding="utf-8")
    return default.replace('quiet = "5m"', 'quiet = "1h"   # so that what PACS sends is still arriving in the end') + "".join(
        tables
    )
