"""Putting back what was delivered and is missing, where the row and the store still hold just that.

Nothing that is there is touched: what was changed has to be taken away first, by a person who has looked at it.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from handover import clinical, images
from handover.destination import Destination, digest_of_content
from handover.ledger import Delivered, File


class Restoring:
    """Restores the files of one patient; by several threads at once."""

    def __init__(self, destination: Destination, below: Path, records: Iterable[bytes]) -> None:
        """Touches nothing yet.

        Args:
            destination: where they are missing.
            below: where the store has this patient's studies.
            records: the clinical record and its typed copy as they would be delivered now.
        """
        self.restored: list[str] = []
        self.lost: list[str] = []  # missing, and what it held is not there any more
        self._to, self._below = destination, below
        self._records = {digest_of_content(content).sha256: content for content in records}

    def jobs(self, delivered: Delivered) -> Iterator[Callable[[], list[File]]]:
        """One for each file of a patient; none of them delivers anything new."""
        return (self._job(file) for file in delivered.files)

    def _job(self, file: File) -> Callable[[], list[File]]:
        def restore() -> list[File]:
            if self._to.digest(file.path) is None:
                content = self._content(file)
                if content is not None and digest_of_content(content).sha256 == file.sha256:
                    self._to.put(file.path, content)
                    self.restored.append(file.path)
                else:
                    self.lost.append(file.path)
            return []

        return restore

    def _content(self, file: File) -> bytes | Path | None:
        """What the file should hold, as far as it is still to be had."""
        image = self._below / f"{file.source}.dcm"
        match file.what:
            case "image":
                return image if image.is_file() else None
            case "metadata":
                return clinical.encoded(images.header(image).json) if image.is_file() else None
            case _:
                return self._records.get(file.sha256)
