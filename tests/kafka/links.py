"""Three brokers whose every connection to one another goes through a link of our own, which can be cut, one way or both.

Kafka tells all who ask the same address of a listener, so each broker has one listener for each of the others: broker 1 asks for
FROM_1 and finds behind it, at broker 2, the link from 1 to 2. Voters of the controllers are told each broker in its own settings.
What is sent into a link that is cut arrives when it is mended, as with TCP; nobody is told that it is cut.
"""

import asyncio
import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from local.apache.broker import KafkaBroker
from local.ports import free_ports
from tests.kafka.cluster import KafkaCluster

_PART = 64 * 1024


class Link:
    """One port that leads to another, as long as it is not cut."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self._target = port, target
        self._whole = asyncio.Event()
        self._whole.set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        for source, target in ((reader, far_writer), (far_reader, writer)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while part := await source.read(_PART):
                await self._whole.wait()
                target.write(part)
                await target.drain()
        except OSError:
            pass  # one of the two was killed
        finally:
            target.close()


class Links:
    """Links, in a thread of their own."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._links = list(links)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for link in self._links:
            asyncio.run_coroutine_threadsafe(link.open(), self._loop).result(10)

    def cut(self, links: Iterable[Link]) -> None:
        for link in links:
            self._loop.call_soon_threadsafe(link.cut)

    def mend(self) -> None:
        for link in self._links:
            self._loop.call_soon_threadsafe(link.mend)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class CutCluster(KafkaCluster):
    """Three brokers; who reaches whom is decided here. Clients reach all of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 3)
        self._links = Links(link for pair in self._between.values() for link in pair)

    def cut_off(self, broker: KafkaBroker) -> None:
        """It reaches none of the others, and none of them reaches it."""
        self._links.cut(link for pair, links in self._between.items() if broker.number in pair for link in links)

    def make_deaf(self, broker: KafkaBroker) -> None:
        """It reaches the others, and none of them reaches it."""
        self._links.cut(link for (_, target), links in self._between.items() if target == broker.number for link in links)

    def mend(self) -> None:
        """All reach all."""
        self._links.mend()

    def end(self) -> None:
        super().end()
        self._links.end()

    @cached_property
    def _listening(self) -> dict[tuple[int, int], int]:
        """By source and target, the port on which the target listens for the source."""
        pairs = [(one.number, other.number) for one in self.brokers for other in self.brokers]
        return dict(zip(pairs, free_ports(len(pairs)), strict=True))

    @cached_property
    def _between(self) -> dict[tuple[int, int], tuple[Link, Link]]:
        """By source and target, the links for what is copied and for the controllers."""
        pairs = [pair for pair in self._listening if pair[0] != pair[1]]
        ports = free_ports(2 * len(pairs))
        controllers = {broker.number: broker.controller_port for broker in self.brokers}
        return {
            pair: (Link(ports[2 * n], self._listening[pair]), Link(ports[2 * n + 1], controllers[pair[1]]))
            for n, pair in enumerate(pairs)
        }

    def _settings(self, broker: KafkaBroker) -> dict[str, str]:
        me, others = broker.number, [each.number for each in self.brokers if each is not broker]
        bound = {f"FROM_{one}": self._listening[one, me] for one in (me, *others)}
        told = {f"FROM_{one}": self._between[one, me][0].port for one in others} | {f"FROM_{me}": self._listening[me, me]}
        voters = {one: self._between[me, one][1].port for one in others} | {me: broker.controller_port}
        plain = super()._settings(broker)
        return {
            **plain,
            "listeners": f"{plain['listeners']},{_addresses(bound)}",
            "advertised.listeners": f"{plain['advertised.listeners']},{_addresses(told)}",
            "listener.security.protocol.map": ",".join(
                [plain["listener.security.protocol.map"], *(f"{name}:PLAINTEXT" for name in bound)]
            ),
            "inter.broker.listener.name": f"FROM_{me}",
            "controller.quorum.voters": ",".join(f"{one}@127.0.0.1:{port}" for one, port in sorted(voters.items())),
        }


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
