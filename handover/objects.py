"""A part of an object store as destination: Amazon S3 and what speaks like it, Google Cloud Storage, Azure.

How to get there and with which rights stands in the environment, under the names that the store's own programs use
(``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL`` and so on). An object is there as a whole or not at all, by the store's own promise.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import from_url

from handover import lock
from handover.destination import DestinationError, Digest, digest_of
from schemas.problems import UnusableInputError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

_RETRY: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(minutes=3)}


class Objects:
    """A destination in an object store."""

    owned = False
    workers = 16

    def __init__(self, url: str) -> None:
        """Reaches for the store.

        Args:
            url: such as ``s3://bucket/below``.

        Raises:
            UnusableInputError: no such kind of store, or settings that cannot be used.
        """
        self._url = url
        try:
            self._store = from_url(url, retry_config=_RETRY)
        except (BaseError, ValueError) as error:
            raise UnusableInputError(f"{url} is no destination: {_first_line(error)}; an example is s3://bucket/folder") from None

    def put(self, path: str, content: bytes | Path) -> None:
        """As ``Destination`` has it; large files go in parts, which become one object at the end."""
        with self._explained():
            obstore.put(self._store, path, content)

    def get(self, path: str) -> bytes | None:
        """As ``Destination`` has it."""
        with self._explained():
            try:
                return obstore.get(self._store, path).bytes().to_bytes()
            except FileNotFoundError:
                return None

    def digest(self, path: str) -> Digest | None:
        """As ``Destination`` has it."""
        with self._explained():
            try:
                return digest_of(bytes(chunk) for chunk in obstore.get(self._store, path).stream())
            except FileNotFoundError:
                return None

    def paths(self, prefix: str) -> Iterator[str]:
        """As ``Destination`` has it."""
        with self._explained():
            for chunk in obstore.list(self._store, prefix or None):
                yield from (found["path"] for found in chunk)

    def delete(self, path: str) -> None:
        """As ``Destination`` has it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, path)

    def settle(self) -> None:
        """Nothing to wait for: what was acknowledged is durable."""

    def create(self, path: str, content: bytes) -> bool:
        """Puts an object where there is none; whether it was this one that made it."""
        with self._explained():
            try:
                obstore.put(self._store, path, content, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """As ``Destination`` has it: an object ``lock.json``, which only one can make."""
        return lock.held(self, self._url)

    def unlock(self) -> str:
        """As ``Destination`` has it."""
        theirs = lock.owner(self)
        if theirs is None:
            return f"nobody has locked {self._url}"
        lock.release(self, theirs)
        return f"the lock of {theirs} is gone from {self._url}"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise DestinationError(f"{self._url} is not there: make the bucket first, or correct the name") from None
        except BaseError as error:
            raise DestinationError(
                f"{self._url} cannot be used ({type(error).__name__}: {_first_line(error)}); see the network, the endpoint and "
                "the rights, then export again"
            ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
