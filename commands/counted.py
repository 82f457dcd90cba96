"""How the hub is given its counts of completeness: by a process that counts and ends, or from a file that others write."""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.home import Home
from schemas.problems import WorkFailedError

if TYPE_CHECKING:
    from monitoring.hub.completeness import Completeness, Counted

_LONGEST_SECONDS = 60 * 60.0


def completeness_of(home: Home, file: str | None, now: Callable[[], dt.datetime]) -> "Completeness":
    """What looks after the counts of a hub.

    Args:
        home: of the hub.
        file: where others put the counts; None where they are to be made here.
        now: the clock.
    """
    from monitoring.hub.completeness import Completeness

    if file:
        return Completeness(lambda: asyncio.to_thread(_in_file, Path(file)), is_free=True)
    return Completeness(lambda: _by_a_child(home, now()))


def _in_file(path: Path) -> "Counted":
    from monitoring.hub.completeness import Counted

    try:
        written = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        return Counted(path.read_bytes(), written)
    except OSError as error:
        raise WorkFailedError(
            f"{path} cannot be read ({error.strerror}); it is to be what `nccid completeness --to FILE --watch` writes"
        ) from None


async def _by_a_child(home: Home, at: dt.datetime) -> "Counted":
    """Rows, and the memory that they need, are in that process alone, and gone with it."""
    from local.children import own_command
    from monitoring.hub.completeness import Counted

    command = own_command("completeness", "--dir", str(home.root), "--json", "--for-parent")
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            content, words = await child.communicate()
    except TimeoutError:
        raise WorkFailedError("counting took more than an hour and was given up") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        said = words.decode(errors="replace").strip().splitlines()
        raise WorkFailedError(said[-1] if said else f"counting ended with status {child.returncode}")
    return Counted(content, at)
