"""A file that is nowhere but in this process's memory: what a nurse uploads is in clear, and a disk would keep it.

The kernel frees it when it is closed, and when the process ends, however it ends (``memfd_create``, Linux 3.17).
"""

import hashlib
import os
from pathlib import Path
from typing import Self


class MemoryFile:
    """Bytes with a path, for readers that want one; each opens them anew."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = os.memfd_create("nccid", os.MFD_CLOEXEC) if descriptor is None else descriptor
        self._digest = hashlib.sha256()
        self.size = os.fstat(self._descriptor).st_size

    def write(self, piece: bytes | bytearray) -> None:
        """Adds to it."""
        self._digest.update(piece)
        self.size += len(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]

    @property
    def path(self) -> Path:
        """Where this process finds it; nobody else does."""
        return Path(f"/proc/self/fd/{self._descriptor}")

    @property
    def digest(self) -> bytes:
        """By which the same bytes are known again, for as long as they are here."""
        return self._digest.digest()

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self._descriptor < 0

    def again(self) -> Self:
        """The same bytes to read, held a second time, so that closing this one does not take them away meanwhile.

        Raises:
            ValueError: it is closed already.
        """
        if self.closed:
            raise ValueError("the file is not kept any more")
        return type(self)(os.dup(self._descriptor))

    def close(self) -> None:
        """Frees the memory; a second time does nothing."""
        if not self.closed:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
