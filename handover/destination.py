"""Where an export goes: anything that can put a whole file into its place at once."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.problems import WorkFailedError

CHUNK = 1 << 20


class DestinationError(WorkFailedError):
    """The destination cannot be used now; says what to do. What is there is whole, and the next export goes on."""


class Digest(NamedTuple):
    """What a file holds."""

    sha256: str
    size: int


class Destination(Protocol):
    """A folder, or a part of an object store. Paths are relative, with slashes. Used by several threads at once."""

    @property
    def owned(self) -> bool:
        """Whether we delete there, or only say what is to be deleted."""
        ...

    @property
    def workers(self) -> int:
        """How many threads are worth while."""
        ...

    def put(self, path: str, content: bytes | Path) -> None:
        """Puts a whole file into its place: nobody ever sees a part of it. ``settle`` makes it outlive a power cut."""
        ...

    def get(self, path: str) -> bytes | None:
        """What a small file holds; None where there is none."""
        ...

    def digest(self, path: str) -> Digest | None:
        """What a file holds, without holding it; None where there is none."""
        ...

    def paths(self, prefix: str) -> Iterator[str]:
        """All files below a prefix that ends in a slash, or all."""
        ...

    def delete(self, path: str) -> None:
        """Deletes a file, if it is there."""
        ...

    def settle(self) -> None:
        """Waits until all that was put and deleted so far outlives a power cut."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Held while something is exported, so that two exports do not run at once.

        Raises:
            DestinationError: another one runs; says what to do.
        """
        ...

    def unlock(self) -> str:
        """Takes away the lock of an export that is no more; answers what was there, in words."""
        ...


def digest_of(chunks: Iterable[bytes]) -> Digest:
    """The digest of a content that comes in pieces."""
    sha, size = hashlib.sha256(), 0
    for chunk in chunks:
        sha.update(chunk)
        size += len(chunk)
    return Digest(sha.hexdigest(), size)


def digest_of_file(path: Path) -> Digest:
    """The digest of a file of this machine."""
    with path.open("rb") as file:
        return digest_of(iter(lambda: file.read(CHUNK), b""))


def digest_of_content(content: bytes | Path) -> Digest:
    """The digest of what is to be put."""
    return digest_of_file(content) if isinstance(content, Path) else digest_of((content,))
