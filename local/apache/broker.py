"""One broker of Apache Kafka on loopback, broker and controller in one process, that can be stopped, paused and killed."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.apache.jars import bring_jars, java_command
from local.children import die_with_parent
from schemas.problems import WorkFailedError

_STOP_SECONDS = 20.0
SMALL: tuple[str, ...] = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Java for tests: quick to start, and content with little."""

ROOMY: tuple[str, ...] = ("-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
"""Java as in production, but for the size of the heap: with the compiler that takes its time and makes the faster code."""


class KafkaBroker:
    """One process: broker and controller."""

    def __init__(self, folder: Path, number: int, ports: tuple[int, int], java: Sequence[str] = SMALL) -> None:
        self.folder, self.number = folder / f"broker-{number}", number
        self.port, self.controller_port = ports
        self.log = self.folder / "broker.log"
        self.data = self.folder / "data"
        self._java = java
        self._jars = bring_jars()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process.

        Raises:
            WorkFailedError: it was not started.
        """
        if self._process is None:
            raise WorkFailedError(f"broker {self.number} was not started")
        return self._process.pid

    def prepare(self, settings: Mapping[str, str], cluster_id: str, *formatting: str) -> None:
        """Writes the settings and formats the storage.

        Raises:
            WorkFailedError: the storage cannot be formatted.
        """
        self.folder.mkdir(parents=True)
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        arguments = ("format", "-t", cluster_id, "-c", str(properties), *formatting)
        command = java_command(self._jars, SMALL, "kafka.tools.StorageTool", *arguments)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise WorkFailedError(f"Apache Kafka could not format its storage: {ran.stdout}\n{ran.stderr}")

    def start(self) -> None:
        """Starts it; it answers some seconds later."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                java_command(self._jars, self._java, "kafka.Kafka", str(self.folder / "server.properties")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # also when whoever started it is killed
            )

    def kill(self) -> None:
        """Kill -9."""
        self._send(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to stop, and kills it when it does not."""
        self._send(signal.SIGTERM)

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _send(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def settings_of(broker: KafkaBroker, voters: Sequence[KafkaBroker], protocol: str = "PLAINTEXT") -> dict[str, str]:
    """The settings of one broker among these, without which it cannot start; what is not said is Kafka's default."""
    copies, quorum = str(len(voters)), str(max(1, len(voters) - 1))
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker.number),
        "controller.quorum.voters": ",".join(f"{each.number}@127.0.0.1:{each.controller_port}" for each in voters),
        "listeners": f"CLIENTS://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{broker.port}",
        "listener.security.protocol.map": f"CLIENTS:{protocol},CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "log.dirs": str(broker.data),
        "default.replication.factor": copies,
        "min.insync.replicas": quorum,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": quorum,
        "auto.create.topics.enable": "false",
    }
