"""Runs a web program until it is told to stop: where it listens, whom it believes, and that it logs no address of a page."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import uvicorn
from litestar import Litestar

from schemas.problems import UnusableInputError

_STOP_SECONDS = 3  # for requests that are being answered when SIGTERM comes
_MOST_HEADER_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a program listens."""

    host: str
    port: int
    certificate: str | None = None  # with its key: HTTPS
    certificate_key: str | None = None
    proxies: str = ""  # addresses of reverse proxies, whose word on the client's address and scheme is believed

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], port: int) -> Self:
        """As the environment says; on the loopback address unless told.

        Raises:
            UnusableInputError: a port that is none, or a certificate without a key.
        """
        told = environment.get("NCCID_PORT", str(port))
        if not told.isdecimal() or int(told) > 65535:
            raise UnusableInputError("NCCID_PORT is no port; a number from 0 to 65535 would be")
        certificate, key = environment.get("NCCID_TLS_CERTFILE"), environment.get("NCCID_TLS_KEYFILE")
        if (certificate is None) != (key is None):
            raise UnusableInputError("NCCID_TLS_CERTFILE and NCCID_TLS_KEYFILE go together; set both or neither")
        proxies = environment.get("NCCID_PROXIES", "")
        return cls(environment.get("NCCID_HOST", "127.0.0.1"), int(told), certificate, key, proxies)


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it; then the word that it listens."""
        await super().startup(sockets)
        if self.started:
            self._when_ready()


def serve(app: Litestar, where: Listening, when_ready: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        UnusableInputError: the certificate cannot be read.
    """
    for path in filter(None, (where.certificate, where.certificate_key)):
        if not os.access(path, os.R_OK):
            raise UnusableInputError(f"{path} cannot be read; NCCID_TLS_CERTFILE and NCCID_TLS_KEYFILE name PEM files")
    config = uvicorn.Config(
        app,
        host=where.host,
        port=where.port,
        log_config=None,  # as the role logs
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=bool(where.proxies),
        forwarded_allow_ips=where.proxies or "",
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        timeout_graceful_shutdown=_STOP_SECONDS,
        ssl_certfile=where.certificate,
        ssl_keyfile=where.certificate_key,
    )
    _Server(config, when_ready).run()
