"""Faust's manager of tables, of which there are none: what a step keeps is kept by ``streams.ownership``."""

import faust.tables


class PromptTables(faust.tables.TableManager):  # type: ignore[misc]  # Faust ships no types
    """Faust's manager of tables without the second that it sleeps at each start.

    faust-streaming 0.15.3 sleeps in ``on_start`` for those who declare a table while it starts.
    """

    async def on_start(self) -> None:
        """Has nothing to wait for: says at once that recovery may begin, which then finds nothing to recover."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()
