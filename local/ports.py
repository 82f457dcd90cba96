"""Free ports for programs that are started a moment later.

Not from where the system takes the ports of outgoing connections: one of those could be given away in that moment, to a client of
whatever else starts, and then the program cannot listen.
"""

import secrets
import socket
from pathlib import Path

HOST = "127.0.0.1"

_LEAST = 10_000
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_OUTGOING = 32_768  # Linux's, where it does not say
_TRIES = 100


def free_port(host: str = HOST) -> int:
    """A port that nobody listens on, by chance, so that two who ask at once hardly get the same."""
    below = _first_outgoing()
    for _ in range(_TRIES if below > _LEAST else 0):
        port = _LEAST + secrets.randbelow(below - _LEAST)
        if is_free(host, port):
            return port
    with socket.socket() as probe:  # as good as this machine has it
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _first_outgoing() -> int:
    try:
        return int(_OUTGOING.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_OUTGOING
