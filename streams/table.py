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
