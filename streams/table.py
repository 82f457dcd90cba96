"""The table of a step: Faust keeps and recovers it; its changelog is the published topic, which the runner writes.

One message an event: what is published is what the table is recovered from. The write is the runner's, because Faust's own is not
tied to the acknowledgement of the event (a failed send is only logged).
"""

from typing import Any

import faust
import faust.tables

from schemas.topics import AnyTopic


class PublishedTable(faust.Table):  # type: ignore[misc]  # Faust ships no types
    """A table of bytes to bytes that does not write its changelog; ``runner`` does."""

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Nothing: the message is on its way already."""


class PromptTables(faust.tables.TableManager):  # type: ignore[misc]  # as above
    """Faust's manager of tables without the second that it sleeps at each start: all tables are there before the application is.

    faust-streaming 0.15.3 sleeps in ``on_start`` for those who declare a table while it starts.
    """

    async def on_start(self) -> None:
        """Registers the tables and starts their recovery."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class RefoldedTables(PromptTables):
    """Tables that are never recovered: those of a worker that folds all its input anew, on the embedded broker.

    A changelog read there up to the end that the broker reports would go on being applied behind that end, over newer state.
    """

    def add(self, table: Any) -> Any:  # noqa: ANN401  # Faust's type
        """Takes a table in, and forgets that it has a changelog."""
        added = super().add(table)
        self._changelogs.clear()
        return added

    async def _update_channels(self) -> None:
        self._tables_finalized.set()
        for table in self.values():
            await table.maybe_start()
        self._tables_registered.set()


def published_table(app: faust.App, step: str, keeps: AnyTopic) -> Any:  # noqa: ANN401  # as above
    """The table of a step whose changelog is the topic that it publishes."""
    raw = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    table = PublishedTable(
        app,
        name=step,
        partitions=keeps.partitions,
        changelog_topic=app.topic(keeps.name, schema=raw, partitions=keeps.partitions),
        schema=raw,
    )
    return app.tables.add(table)
