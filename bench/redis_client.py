"""As much of a Redis client as the measurement needs: SET in bulk, MGET and INFO over one connection (RESP2)."""

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
    async def connect(cls, port: int) -> Self:
        """A connection to the server on this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of these keys; what has come is taken apart in one go, which is the quickest way in Python."""
        async with self._turn:
            self._writer.write(_command("MGET", *(key.encode() for key in keys)))
            came = await self._reader.read(_PIECE)
            while (values := _values(came)) is None:
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


def _values(came: bytes) -> list[bytes | None] | None:
    """The values of an array of bulk strings; None while it is not whole."""
    at = came.find(b"\r\n")
    values: list[bytes | None] = []
    for _ in range(int(came[1:at]) if at > 0 else 1):
        begin = came.find(b"\r\n", at + 2) + 2
        if at < 0 or begin < 2:
            return None
        length = int(came[at + 3 : begin - 2])
        at = begin + length if length >= 0 else begin - 2
        values.append(came[begin:at] if length >= 0 else None)
    return values if len(came) >= at + 2 else None


def _command(name: str, *words: bytes) -> bytes:
    pieces = [b"*%d\r\n$%d\r\n%s\r\n" % (len(words) + 1, len(name), name.encode())]
    return b"".join([*pieces, *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
