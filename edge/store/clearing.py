"""Clearing: the images of patients who have opted out leave the store, as the outbox has them, whoever has told it."""

from collections.abc import Iterator
from contextlib import contextmanager

from edge.sending.outbox import Outbox
from edge.store.folder import Store


@contextmanager
def cleared(store: Store, outbox: Outbox, site: str) -> Iterator[None]:
    """Inside, patients of a site may opt out; afterwards none of their images is in the store, nor comes into it any more.

    Raises:
        StoreError: something could not be deleted; do the same again.
    """
    with store.locked():
        yield
        clear(store, outbox, [site])


def clear(store: Store, outbox: Outbox, sites: list[str]) -> None:
    """Deletes the images of all who have opted out; to be called with the store's lock.

    Raises:
        StoreError, OutboxError: something could not be deleted; do the same again.
    """
    for (event,) in outbox.query("SELECT event FROM message WHERE event GLOB 'withdrawn-Covid*'"):
        for site in sites:
            store.forget(site, event.removeprefix("withdrawn-"))
