"""Free ports: nobody listens there, and no outgoing connection is given one of them."""

import socket
from pathlib import Path

import pytest

from local import ports
from local.broker import PortTakenError, choose_port


def test_a_free_port_can_be_listened_on_and_is_none_of_those_for_outgoing_connections() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for _ in range(50):
        port = ports.free_port()
        assert 10_000 <= port < first_outgoing
        with socket.create_server((ports.HOST, port)):
            assert not ports.is_free(ports.HOST, port)


def test_several_are_different() -> None:
    assert len(set(ports.free_ports(200))) == 200


@pytest.mark.parametrize("outgoing", ["1024 65535", "10000 65535", ""])
def test_where_no_range_is_left_or_told_a_port_is_found_all_the_same(
    outgoing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "range"
    told.write_text(outgoing, encoding="ascii")
    monkeypatch.setattr(ports, "_OUTGOING", told)
    assert ports.is_free(ports.HOST, ports.free_port())


def test_a_port_that_is_wanted_is_taken_or_refused() -> None:
    with socket.create_server((ports.HOST, ports.free_port())) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {taken} is taken by another program; choose another one with --port"):
            choose_port(taken, "--port")
    assert choose_port(taken, "--port") == taken
    assert choose_port(0, "--port") >= 10_000
