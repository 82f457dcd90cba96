"""A folder as destination: each file is written aside, synced, and renamed into its place."""

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from handover.destination import DestinationError, Digest, digest_of_file

_PARTIAL = ".partial"
_LOCK = ".lock"


class Folder:
    """A destination on this machine's disks."""

    owned = True
    workers = 4

    def __init__(self, root: Path) -> None:
        """Touches nothing yet; the folder is made when something is put into it."""
        self.root = root
        self._touched: set[Path] = set()
        self._guard = threading.Lock()

    def put(self, path: str, content: bytes | Path) -> None:
        """As ``Destination`` has it."""
        aside, target = self._aside(), self.root / path.rpartition("/")[0]
        with self._explained():
            try:
                with aside.open("xb") as file:
                    if isinstance(content, Path):
                        with content.open("rb") as source:
                            shutil.copyfileobj(source, file, 1 << 20)
                    else:
                        file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                self._make(target)
                os.replace(aside, self._named(path))  # noqa: PTH105  # as ``_named`` says
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
        self._touch(target)

    def _aside(self) -> Path:
        """Where this thread writes, one file at a time."""
        return self.root / _PARTIAL / f"{os.getpid()}-{threading.get_ident()}"

    def _named(self, path: str) -> str:
        """A file's place as text: pathlib interns each name, and Python's table of those is then made anew again and again."""
        return f"{self.root}/{path}"

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        self._touch(folder.parent)

    def _touch(self, folder: Path) -> None:
        with self._guard:
            self._touched.add(folder)

    def get(self, path: str) -> bytes | None:
        """As ``Destination`` has it."""
        with self._explained():
            try:
                with open(self._named(path), "rb") as file:  # noqa: PTH123  # as ``_named`` says
                    return file.read()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def digest(self, path: str) -> Digest | None:
        """As ``Destination`` has it."""
        with self._explained():
            try:
                return digest_of_file(self.root / path)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def paths(self, prefix: str) -> Iterator[str]:
        """As ``Destination`` has it; what begins with a dot is the folder's own. Folders are long: none is listed at once."""
        with (
            self._explained(),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(self.root / prefix) as found,
        ):
            for entry in found:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self.paths(f"{prefix}{entry.name}/")
                else:
                    yield f"{prefix}{entry.name}"

    def delete(self, path: str) -> None:
        """As ``Destination`` has it; folders that it leaves empty go too."""
        target = self.root / path
        with self._explained():
            target.unlink(missing_ok=True)
            self._touch(target.parent)
            for folder in target.parents:
                if folder == self.root or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()
                self._touch(folder.parent)

    def settle(self) -> None:
        """As ``Destination`` has it."""
        with self._guard:
            touched, self._touched = self._touched, set()
        for folder in touched:
            with contextlib.suppress(FileNotFoundError):  # it was left empty and is gone
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """As ``Destination`` has it; what a killed export left aside is cleared up."""
        with self._explained():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make(self.root / _PARTIAL)
            descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise DestinationError(
                    f"another export runs to {self.root}; wait until it is done, or end it: its lock ends with it"
                ) from None
            for left in (self.root / _PARTIAL).iterdir():
                left.unlink()
            yield
        finally:
            os.close(descriptor)

    def unlock(self) -> str:
        """As ``Destination`` has it: the kernel takes the lock from whoever ends."""
        return f"there is nothing to take away: whoever exports to {self.root} holds it while the process runs, and no longer"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DestinationError(
                f"{self.root} cannot be used ({error.strerror}): see that there is room and that it is yours, then export again"
            ) from None
