"""A destination by its name: a folder, or the address of an object store."""

from pathlib import Path

from handover.destination import Destination
from handover.folder import Folder


def destination(name: str) -> Destination:
    """The destination of this name.

    Args:
        name: a folder, or ``s3://bucket/below`` and the like.

    Raises:
        DestinationError, UnusableInputError: it cannot be used.
    """
    if "://" in name:
        from handover.objects import Objects

        return Objects(name)
    return Folder(Path(name))
