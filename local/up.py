"""``nccid up``: everything on this machine. Says which roles there are, in which order, and what a death leads to."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from local.broker import broker_role, choose_port, wait_listening
from local.children import ChildError, Role, own_command
from local.ports import HOST
from local.running import Running, exclusive, publish_running
from local.supervisor import Supervisor
from schemas.home import ENVIRONMENT, Home
from schemas.kafka import KafkaSettings, to_environment

log = logging.getLogger(__name__)

READY_SECONDS = 60.0
STOP_SECONDS = 7.0  # within the ten that are promised
BROKER = "broker"

HOST_VARIABLE = "NCCID_HOST"
PORT_VARIABLE = "NCCID_PORT"
HUB_VARIABLE = "NCCID_HUB_URL"


@dataclass(frozen=True, slots=True)
class Listener:
    """A role that people or machines connect to: ``nccid NAME``, told its address by the environment."""

    name: str
    port: int  # 0 = any free one
    form: str = "http://{address}"  # how the ready line says where it is
    reads_broker: bool = False  # whether a broker that was lost takes it along

    def address(self, host: str, port: int) -> str:
        """How others reach it."""
        return self.form.format(address=f"{host}:{port}")


MakeTopics = Callable[[KafkaSettings, int], None]
"""Makes the topics on a cluster, with a replication factor (-1 = the cluster's own)."""


@dataclass
class Up:
    """A set-up on one home: a broker (embedded, unless a cluster is given), the sender, and the workers."""

    home: Home
    cluster: KafkaSettings | None
    broker_port: int
    workers: tuple[tuple[str, ...], ...]  # the steps of each worker process
    make_topics: MakeTopics
    listeners: tuple[Listener, ...] = ()
    host: str = HOST
    ports: dict[str, int] = field(default_factory=dict)
    supervisor: Supervisor = field(init=False)
    kafka: KafkaSettings = field(init=False)

    def run(self) -> None:
        """Runs until SIGINT or SIGTERM.

        Raises:
            HomeError: another one runs on this home.
            PortTakenError: a port is taken.
            ChildError: a role does not come up.
        """
        self.supervisor = Supervisor(self.home.logs)
        with exclusive(self.home):
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, self._told_to_stop)
            try:
                self._start()
                self.supervisor.watch(self._died)
            finally:
                self.supervisor.stop_all(STOP_SECONDS)

    def _told_to_stop(self, *_: object) -> None:
        self.supervisor.stopping = True

    def _start(self) -> None:
        if self.cluster is None:
            port = choose_port(self.broker_port, "--broker-port")
            self.kafka = KafkaSettings(bootstrap=f"{HOST}:{port}")
            self._start_broker(broker_role(port))
        else:
            self.kafka = self.cluster
            self.make_topics(self.kafka, -1)
        for listener in self.listeners:
            self.ports[listener.name] = choose_port(listener.port, f"--{listener.name}-port", self.host)
        for role in (*self._clients(), *self._listening(broker_only=False)):
            self.supervisor.start(role)
        self.supervisor.wait_ready(READY_SECONDS)
        if not self.supervisor.stopping:
            running = Running(
                pid=os.getpid(), bootstrap=self.kafka.bootstrap, embedded=self.cluster is None, listeners=self._addresses()
            )
            publish_running(self.home, running)
            sys.stdout.write(running.ready_line + "\n")
            sys.stdout.flush()

    def _start_broker(self, role: Role) -> None:
        self.supervisor.start(role)
        if not wait_listening(int(self.kafka.bootstrap.rpartition(":")[2]), READY_SECONDS):
            raise ChildError(f"the broker does not listen on {self.kafka.bootstrap}; see {self.home.logs}/{BROKER}.log")
        self.make_topics(self.kafka, 1)

    def _addresses(self) -> dict[str, str]:
        return {each.name: each.address(self.host, self.ports[each.name]) for each in self.listeners}

    def _environment(self) -> dict[str, str]:
        return {
            ENVIRONMENT: str(self.home.root.resolve()),
            "NCCID_EMBEDDED": "1" if self.cluster is None else "0",
            "NCCID_METRICS_PORT": "",  # several programs could not share one
            **to_environment(self.kafka),
        }

    def _listening(self, *, broker_only: bool) -> list[Role]:
        hub = {HUB_VARIABLE: self._addresses()["hub"]} if "hub" in self.ports else {}
        return [
            Role(
                each.name,
                own_command(each.name),
                {**self._environment(), **hub, HOST_VARIABLE: self.host, PORT_VARIABLE: str(self.ports[each.name])},
            )
            for each in self.listeners
            if each.reads_broker or not broker_only
        ]

    def _clients(self) -> list[Role]:
        environment = self._environment()
        workers = [
            Role("-".join(("worker", *steps)), own_command("worker", *_named(steps)), environment) for steps in self.workers
        ]
        alone = [Role(name, own_command(name), environment) for name in ("sender", "keeper")]
        return [*alone, *workers]

    def _died(self, role: Role) -> None:
        """A role is started again. A broker that forgot everything takes its clients with it; the sender fills the new one."""
        if role.name != BROKER:
            self.supervisor.start(role)
            return
        port = int(self.kafka.bootstrap.rpartition(":")[2])
        self._start_broker(broker_role(port))
        for client in (*self._clients(), *self._listening(broker_only=True)):
            self.supervisor.start(client)


def _named(steps: tuple[str, ...]) -> list[str]:
    return [word for step in steps for word in ("--step", step)]
