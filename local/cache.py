"""Where programs of others are kept that we fetch on demand: the user's cache folder. It may be deleted at any time."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """The folder of this name, made if it is missing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nccid" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
