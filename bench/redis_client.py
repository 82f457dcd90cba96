"""As much of a Redis client as the measurement needs: SET in bulk, MGET and INFO over one connection (RESP2).

Made to be quick: a Unix socket, and an answer taken apart with one ``split``. redis-py with hiredis, which one would use, took
four times as long for one key and twice as long for a hundred.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Self

_PIECE = 2**20


class Redis:
    """One connection, asked by one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: str) -> Self:
        """A connection to the server that listens on this socket."""
        return cls(*await asyncio.open_unix_connection(path, limit=2**24))

    async def mget(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The values of these keys, none of which holds a line break."""
        command = f"*{len(keys) + 1}\r\n$4\r\nMGET\r\n" + "".join([f"${len(key)}\r\n{key}\r\n" for key in keys])
        async with self._turn:
            self._writer.write(command.encode())
            came = await self._reader.read(_PIECE)
            while (values := _values(came, len(keys))) is None:
                came += await self._reader.read(_PIECE)
            return values

    async def set_all(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Sets these keys, and waits until all are set."""
        async with self._turn:
            count = 0
            for key, value in pairs:
                self._writer.write(_command("SET", key.encode(), value))
                count += 1
            await self._writer.drain()
            for _ in range(count):
                await self._reader.readuntil(b"\r\n")

    async def used_memory(self) -> int:
        """Bytes that the server has allocated."""
        async with self._turn:
            self._writer.write(_command("INFO", b"memory"))
            words = (await self._bulk() or b"").decode().split()
        return int(next(word for word in words if word.startswith("used_memory:")).partition(":")[2])

    async def _bulk(self) -> bytes | None:
        length = int((await self._reader.readuntil(b"\r\n"))[1:-2])
        return None if length < 0 else (await self._reader.readexactly(length + 2))[:-2]


def _values(came: bytes, count: int) -> Sequence[bytes | None] | None:
    """The values of an array of so many bulk strings without line breaks; None while it is not whole."""
    lines = came.split(b"\r\n")[1:-1]  # those that are whole: the length and the value of each in turn
    if b"$-1" not in lines:
        return lines[1::2] if len(lines) == 2 * count else None
    values, rest = list[bytes | None](), iter(lines)
    for length in rest:
        if length != b"$-1" and (value := next(rest, None)) is None:
            return None
        values.append(None if length == b"$-1" else value)
    return values if len(values) == count else None


def _command(name: str, *words: bytes) -> bytes:
    pieces = [b"*%d\r\n$%d\r\n%s\r\n" % (len(words) + 1, len(name), name.encode())]
    return b"".join([*pieces, *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
