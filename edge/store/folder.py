"""The store: de-identified images in a plain folder, ``<site>/<patient>/<study>/<series>/<instance>.dcm``, pseudonymous names.

A file is staged first, complete and synced, and put into its place by a rename. Which staged files belong in the store is decided
by the outbox alone (``edge.store.intake``). Whoever changes what the store holds has its lock, over its transaction too: so a
patient who is taken out cannot come back through another process.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from schemas.problems import WorkFailedError

STAGING = ".staging"
_LOCK = ".lock"
_SYNCS = 8  # at once
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Parts = Sequence[bytes | memoryview]


class StoreError(WorkFailedError):
    """The store cannot be written. Says what to do; names no file in it."""


class StoreFullError(StoreError):
    """There is no room left."""


class Store:
    """The store under one folder. Paths in it are relative to that folder, as text."""

    def __init__(self, root: Path) -> None:
        """Makes the folder where there is none.

        Raises:
            StoreError: it cannot be made.
        """
        self.root = root
        with explained():
            (root / STAGING).mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all processes."""
        with explained():
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.root / path).is_file()

    def place(self, staged: str, path: str) -> None:
        """Puts a staged file into its place."""
        target = self.root / path
        with explained():
            try:
                (self.root / STAGING / staged).rename(target)
            except FileNotFoundError:
                self._make(target.parent)
                (self.root / STAGING / staged).rename(target)

    def _make(self, folder: Path) -> None:
        for each in [*reversed(folder.relative_to(self.root).parents), folder.relative_to(self.root)]:
            (self.root / each).mkdir(mode=0o700, exist_ok=True)

    def is_staged(self, staged: str) -> bool:
        """Whether a file still lies where it was staged."""
        return (self.root / STAGING / staged).exists()

    def drop(self, staged: str) -> None:
        """Deletes a staged file."""
        (self.root / STAGING / staged).unlink(missing_ok=True)

    def sync(self, paths: Iterable[str]) -> None:
        """Makes the names of these files outlive a power cut: every folder on the way to them."""
        folders = {folder for path in paths for folder in Path(path).parents}
        with explained():
            for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
                with contextlib.suppress(FileNotFoundError):  # a patient was taken out meanwhile
                    sync_folder(self.root / folder)

    def forget(self, site: str, patient: str) -> bool:
        """Deletes all images of a patient; to be called with the lock, after it is decided that nothing more is taken of them.

        Returns:
            Whether there were any.
        """
        folder = self.root / site / patient
        if not folder.exists():
            return False
        with explained():
            shutil.rmtree(folder)
            sync_folder(folder.parent)
        return True

    def sites(self) -> list[str]:
        """The codes of the sites of which there are images."""
        return sorted(each.name for each in self.root.iterdir() if not each.name.startswith("."))

    def free(self) -> int:
        """Bytes that can still be written."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def abandoned(self) -> Iterator[str]:
        """The staging folders whose process has ended."""
        for folder in sorted((self.root / STAGING).iterdir()):
            with contextlib.suppress(OSError):  # somebody else clears up at this moment
                if (descriptor := _try_lock(folder)) is not None:
                    try:
                        yield folder.name
                        shutil.rmtree(folder)
                    finally:
                        os.close(descriptor)


class Staging:
    """One process's own folder of staged files; held, by a lock that the kernel frees, for as long as the process lives."""

    def __init__(self, store: Store) -> None:
        """Makes the folder.

        Raises:
            StoreError: it cannot be made.
        """
        self.name = uuid.uuid4().hex
        self._folder = store.root / STAGING / self.name
        with store.locked(), explained():  # so that nobody takes it for abandoned before it is held
            self._folder.mkdir(mode=0o700)
            self._held = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._held, fcntl.LOCK_EX)
        self._beside = ThreadPoolExecutor(_SYNCS)  # whose threads are started when they are needed: after a fork, in each process

    def write(self, parts: Parts) -> str:
        """A file of these parts, complete and synced, and its name too: both at once, which the file system does in one go.

        Returns:
            What it is called, for ``Store.place``.

        Raises:
            StoreFullError: there is no room; nothing is left of it.
            StoreError: it cannot be written; nothing is left of it.
        """
        name = uuid.uuid4().hex
        path = self._folder / name
        with explained():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                for part in parts:
                    _write(descriptor, part)
                named = self._beside.submit(os.fsync, self._held)
                os.fsync(descriptor)
                named.result()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            finally:
                os.close(descriptor)
        return f"{self.name}/{name}"

    def close(self) -> None:
        """Lets go of the folder, which is empty by now or left to who opens the store next."""
        self._beside.shutdown()
        with contextlib.suppress(OSError):
            self._folder.rmdir()
        os.close(self._held)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turns what the operating system says into ``StoreError``, without the name of the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFullError("the disk of the store is full: make room, then send again") from None
        raise StoreError(f"the store cannot be written ({error.strerror}): see that its folder is yours") from None


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, part: bytes | memoryview) -> None:
    left = memoryview(part)
    while left:
        left = left[os.write(descriptor, left) :]


def _try_lock(folder: Path) -> int | None:
    """The folder, locked; None where its process still lives."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
