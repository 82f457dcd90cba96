"""What pages fetch beside themselves: what ``make assets`` made of pinned packages, and our own scripts."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.datastructures import CacheControlHeader
from litestar.exceptions import NotFoundException
from litestar.static_files import create_static_files_router

from schemas.problems import UnusableInputError

BUILT = Path(__file__).with_name("static")
OURS = Path(__file__).with_name("scripts")
PATH = "/assets"
_NEEDED = ("pages.css", "nhsuk-frontend.min.js")
_LONGEST_NAME = 200
_DAY = 24 * 60 * 60


def require_assets() -> None:
    """Refuses to serve pages that would have no looks.

    Raises:
        UnusableInputError: they have not been made.
    """
    if missing := [name for name in _NEEDED if not (BUILT / name).is_file()]:
        raise UnusableInputError(f"{BUILT} lacks {', '.join(missing)}; make the assets of the pages with: make assets")


def asset_router(*own: Path) -> Router:
    """Serves the assets, and those in the given folders, under ``/assets``; browsers keep them for a day."""
    kept = CacheControlHeader(max_age=_DAY, public=True)
    return create_static_files_router(PATH, [BUILT, OURS, *own], cache_control=kept, name="assets", before_request=_plain)


async def _plain(request: Request[Any, Any, Any]) -> None:
    """A name that no file system takes is the name of no asset.

    Raises:
        NotFoundException: it is such a name.
    """
    path = request.url.path
    if len(path) > _LONGEST_NAME or not path.isprintable() or "%00" in path or "\0" in str(request.path_params.get("file_path")):
        raise NotFoundException


def address_of(*own: Path) -> Callable[[str], str]:
    """Name of an asset -> its address, which changes with its content, so that no browser shows an old one."""

    @cache
    def address(name: str) -> str:
        return f"{PATH}/{name}?v={_digest([BUILT, OURS, *own], name)}"

    return address


def _digest(folders: Sequence[Path], name: str) -> str:
    found = next((folder / name for folder in folders if (folder / name).is_file()), None)
    return hashlib.sha256(found.read_bytes()).hexdigest()[:10] if found else "none"
