"""``nccid bench checker``: the hub's look-ups with a million cases, beside Redis behind the same web framework."""

import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer

from bench.cases import case_record, person_of
from bench.redis_client import Redis
from bench.servers import Server, broker, hub, messages_read, new_home, redis, redis_peer, until_known
from schemas.topics import COVERAGE_STATUS
from schemas.wire import Wire

Say = Callable[[str], None]

_CONNECTIONS = 4
_IDLE_SECONDS = 3.0
_CHUNK = 2_000
HUB, REDIS, BARE = "hub", "Redis", "Redis, bare"
BESIDE = (REDIS, BARE)
"""With what the hub is compared: the same program around a look-up in Redis, and the least that could be around it."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    cases: int
    runs: int
    seconds: float  # of asking, in each run
    tail: int  # cases that change while the hub is away
    at_once: tuple[int, ...] = (1, 100)


@dataclass(frozen=True, slots=True)
class Run:
    """What one server did in one turn."""

    took: list[float]  # seconds of each request
    busy: float  # seconds of processor time, of all that stands behind it, beyond what it takes when nobody asks
    seconds: float

    @property
    def rate(self) -> float:
        """Requests in a second."""
        return len(self.took) / self.seconds


FULL = Extent(1_000_000, 40, 0.75, 200_000)  # many short turns: other work on the machine then falls on both alike
QUICK = Extent(20_000, 3, 1.0, 20_000)


def measure(extent: Extent, say: Say) -> dict[str, Any]:
    """Loads the cases into the hub, through its topic, and into Redis; then asks both, in turn, run by run.

    Raises:
        UnusableInputError: Redis is not installed.
        WorkFailedError: something does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="nccid-bench-") as folder:
        return _measured(extent, Path(folder), say)


def _measured(extent: Extent, folder: Path, say: Say) -> dict[str, Any]:
    home, token = new_home(folder)
    with broker(folder) as bootstrap, redis(folder) as store:
        with hub(folder, home, bootstrap) as ours:
            empty = ours.resident()
            say(f"publishing {extent.cases:,} cases")
            began = time.monotonic()
            asyncio.run(_fill(bootstrap, store, extent.cases))
            until_known(ours, token, extent.cases, say)
            reading, full = time.monotonic() - began, ours.resident()
            with redis_peer(folder, store, home, token) as theirs, redis_peer(folder, store, home, token, bare=True) as least:
                servers = {HUB: (ours,), REDIS: (theirs, store), BARE: (least, store)}
                scenes = [asyncio.run(_scene(servers, token, count, extent, say)) for count in extent.at_once]
        say(f"the hub is away while {extent.tail:,} cases change")
        asyncio.run(_publish(bootstrap, extent.tail))
        began = time.monotonic()
        with hub(folder, home, bootstrap) as again:
            answering = time.monotonic() - began
            waiting = until_known(again, token, extent.cases, say)
            live, read = time.monotonic() - began, messages_read(again)
        redis_bytes = asyncio.run(_redis_memory(store))
    return {
        "cases": extent.cases,
        "runs": extent.runs,
        "scenes": scenes,
        "bytes_per_case": {HUB: round((full - empty) / extent.cases), REDIS: round(redis_bytes / extent.cases)},
        "seconds": {
            "published_and_read": round(reading, 1),
            "answering_after_restart": round(answering, 1),
            "live_after_restart": round(live, 1),
        },
        "tail": extent.tail,
        "read_after_restart": read,
        "while_catching_up": asdict(waiting),
    }


async def _fill(bootstrap: str, store: Server, cases: int) -> None:
    """Publishes each case, and sets in Redis the finished JSON of each person."""
    redis = await Redis.connect(str(store.socket))
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=512 * 1024)
    await producer.start()
    numbers = iter(range(cases))
    while chunk := list(itertools.islice(numbers, _CHUNK)):
        records = [case_record(number) for number in chunk]
        await redis.set_all(
            (person_of(number), Wire.encode([known.status for known in record.cases]))
            for number, record in zip(chunk, records, strict=True)
        )
        for record in records:
            await producer.send(COVERAGE_STATUS.name, Wire.encode(record), key=record.match.encode())
    await producer.stop()


async def _publish(bootstrap: str, cases: int) -> None:
    """Publishes the first so many cases once more, as when they have changed."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=512 * 1024)
    await producer.start()
    for record in map(case_record, range(cases)):
        await producer.send(COVERAGE_STATUS.name, Wire.encode(record), key=record.match.encode())
    await producer.stop()


async def _redis_memory(store: Server) -> int:
    return await (await Redis.connect(str(store.socket))).used_memory()


async def _scene(servers: dict[str, tuple[Server, ...]], token: str, count: int, extent: Extent, say: Say) -> dict[str, Any]:
    """Both asked for so many pseudonyms at once, in turn, in a changing order. The first of each kind of server is asked."""
    found: dict[str, list[Run]] = {name: [] for name in servers}
    idle = {name: _busy_when_idle(each) for name, each in servers.items()}
    for run in range(extent.runs):
        names = list(servers)
        for name in names[run % len(names) :] + names[: run % len(names)]:
            before = sum(each.busy_seconds() for each in servers[name])
            took = await _ask(servers[name][0], token, count, extent)
            busy = sum(each.busy_seconds() for each in servers[name]) - before
            found[name].append(Run(took, busy - idle[name] * extent.seconds, extent.seconds))
        say(
            f"{count} at once, run {run + 1} of {extent.runs}: "
            + ", ".join(f"{name} {runs[-1].rate:,.0f}/s" for name, runs in found.items())
        )
    return {
        "pseudonyms": count,
        "servers": {name: _summary(runs) | {"idle_share": round(idle[name], 3)} for name, runs in found.items()},
        "hub_to": {name: _ratio(found[HUB], found[name]) for name in BESIDE},
    }


def _ratio(ours: list[Run], theirs: list[Run]) -> dict[str, float]:
    """How many times as many requests the hub has answered, turn by turn."""
    ratios = sorted(mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True))
    return {
        "median": round(statistics.median(ratios), 2),
        "least": round(ratios[0], 2),
        "most": round(ratios[-1], 2),
        "quarter": round(ratios[len(ratios) // 4], 2),
        "three_quarters": round(ratios[len(ratios) * 3 // 4], 2),
    }


def _busy_when_idle(servers: Sequence[Server]) -> float:
    """Processor time in a second while nobody asks: the hub goes on following the topics, which is no part of a question."""
    before = sum(each.busy_seconds() for each in servers)
    time.sleep(_IDLE_SECONDS)
    return (sum(each.busy_seconds() for each in servers) - before) / _IDLE_SECONDS


def _summary(runs: list[Run]) -> dict[str, float]:
    took = sorted(each for run in runs for each in run.took)
    return {
        "p50_ms": round(1000 * took[len(took) // 2], 2),
        "p99_ms": round(1000 * took[len(took) * 99 // 100], 2),
        "per_second": round(statistics.median(run.rate for run in runs), 1),
        "busy_ms_per_request": round(1000 * sum(run.busy for run in runs) / len(took), 3),
    }


async def _ask(server: Server, token: str, count: int, extent: Extent) -> list[float]:
    """Seconds of each request, over a few connections that ask again as soon as they are answered."""
    took: list[float] = []
    until = time.perf_counter() + extent.seconds
    await asyncio.gather(*(_connection(server, token, count, extent, until, took, seed) for seed in range(_CONNECTIONS)))
    return took


async def _connection(server: Server, token: str, count: int, extent: Extent, until: float, took: list[float], seed: int) -> None:
    chance = random.Random(seed)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    while time.perf_counter() < until:
        persons = [person_of(number) for number in chance.sample(range(extent.cases), count)]
        body = msgspec.json.encode({"patients": [], "persons": persons})
        sent = time.perf_counter()
        writer.write(_head(token, len(body)) + body)
        answer = await _answer(reader)
        took.append(time.perf_counter() - sent)
        if answer.count(b'"patient":') != count:
            raise ValueError("an answer lacks what was asked for")
    writer.close()


def _head(token: str, length: int) -> bytes:
    lines = ("POST /v1/status HTTP/1.1", "Host: hub", f"Authorization: Bearer {token}", "Content-Type: application/json")
    return ("\r\n".join((*lines, f"Content-Length: {length}")) + "\r\n\r\n").encode()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"the server said {head.split(b' ', 2)[1].decode()}")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))
