"""Takes a form with a file from the browser, piece by piece into memory; the file is read only once the token is found right."""

import contextlib
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass

import multipart  # type: ignore[import-untyped]  # it ships no types
from litestar.exceptions import HTTPException

from edge.portal.memory_file import MemoryFile

MEGABYTE = 1024 * 1024
LARGEST = 32 * MEGABYTE
"""Of one file: 20,000 rows of 60 columns are some 5 MB."""

_MOST_FIELD = 1_000
_MOST_PARTS = 8
TOKEN, FILE = "token", "file"


_MOST_DRAINED = 256 * MEGABYTE


class NotOursError(Exception):
    """The form does not come from a page of ours."""


class BrokenFormError(Exception):
    """What came is no form with a file in it."""


class TooLargeError(Exception):
    """The file is larger than is taken."""


@dataclass
class _Part:
    """One field of the form."""

    name: str
    value: bytearray | MemoryFile | None  # None: of no interest


async def received(content_type: str, body: AsyncIterable[bytes], is_ours: Callable[[str], bool]) -> MemoryFile:
    """The file in a form. The caller closes it.

    Args:
        content_type: the header, with the boundary.
        body: the request, piece by piece.
        is_ours: judges the token, which stands before the file.

    Raises:
        NotOursError: no token, a wrong one, or one behind the file.
        BrokenFormError: no form, or cut off, or without a file.
        TooLargeError: more than ``LARGEST``.
    """
    kind, options = multipart.parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BrokenFormError
    form = _Form(is_ours)
    try:
        with multipart.PushMultipartParser(
            options["boundary"], max_segment_size=LARGEST, max_segment_count=_MOST_PARTS, strict=True
        ) as parser:
            async for piece in body:
                for event in parser.parse(piece) if piece else ():
                    form.take(event)
    except multipart.MultipartError as error:
        form.close()
        if isinstance(error, multipart.ParserLimitReached):
            raise TooLargeError from None
        raise BrokenFormError from None
    except BaseException:
        form.close()
        raise
    return form.whole()


async def drained(body: AsyncIterable[bytes]) -> None:
    """Reads what is left of a request, and forgets it: a browser that is still sending would not hear the answer."""
    left = _MOST_DRAINED
    with contextlib.suppress(HTTPException):  # the browser has gone
        async for piece in body:
            left -= len(piece)
            if left < 0:
                return


class _Form:
    """What has been read so far."""

    def __init__(self, is_ours: Callable[[str], bool]) -> None:
        self._is_ours = is_ours
        self._ours = False
        self._part = _Part("", None)
        self._file: MemoryFile | None = None

    def take(self, event: multipart.MultipartSegment | bytes | bytearray | None) -> None:
        """The next that the parser has found: a field begins, a piece of its value, or its end."""
        match event:
            case None:
                self._end()
            case bytes() | bytearray():
                self._add(event)
            case _:
                self._begin(str(event.name))

    def _begin(self, name: str) -> None:
        if name == FILE:
            if not self._ours:
                raise NotOursError
            if self._file is not None:
                raise BrokenFormError
            self._file = MemoryFile()
        self._part = _Part(name, self._file if name == FILE else bytearray() if name == TOKEN else None)

    def _add(self, piece: bytes | bytearray) -> None:
        value = self._part.value
        if isinstance(value, MemoryFile):
            value.write(piece)
        elif value is not None:
            value += piece
            if len(value) > _MOST_FIELD:
                raise BrokenFormError

    def _end(self) -> None:
        if isinstance(self._part.value, bytearray):
            self._ours = self._is_ours(self._part.value.decode("utf-8", "replace"))
            if not self._ours:
                raise NotOursError
        self._part = _Part("", None)

    def whole(self) -> MemoryFile:
        """The file, once all is read."""
        if not self._ours:
            raise NotOursError
        if self._file is None:
            raise BrokenFormError
        return self._file

    def close(self) -> None:
        """Forgets what was read."""
        if self._file is not None:
            self._file.close()
