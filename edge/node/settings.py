"""The node's settings, from environment variables."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.home import Home
from schemas.problems import UnusableInputError

_MIB = 1024 * 1024
_AE_TITLE = 16  # characters at most, PS3.5 section 6.2


@dataclass(frozen=True, slots=True)
class Tls:
    """DICOM over TLS: our certificate and its key, and who may have signed those of callers (None: callers need none)."""

    certificate: Path
    key: Path
    authority: Path | None


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How the node listens, and how much it takes."""

    host: str
    port: int  # 0 = any free one
    ae_title: str
    tls: Tls | None
    receivers: int  # processes
    associations: int  # open at once
    pdu_bytes: int  # longest PDU that is taken
    object_bytes: int  # longest data set that is taken
    free_bytes: int  # to be left on the disk of the store
    idle_seconds: float  # after which a caller that says nothing is dismissed
    watch: Path  # folder with one folder a site
    metrics: tuple[str, int] | None  # host and port of ``/metrics``


def node_settings(environment: Mapping[str, str], home: Home) -> NodeSettings:
    """What the environment says; ``docs/operate.md`` explains each variable.

    Raises:
        UnusableInputError: a value is not understood; says which and what would be right.
    """

    def number(name: str, default: int, least: int, most: int = 1 << 40) -> int:
        text = environment.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise UnusableInputError(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    title = environment.get("NCCID_NODE_AE_TITLE", "NCCID").strip()
    if not 0 < len(title) <= _AE_TITLE or not title.isascii() or "\\" in title or not title.isprintable():
        raise UnusableInputError(f"NCCID_NODE_AE_TITLE must be 1 to {_AE_TITLE} plain characters, no backslash")
    metrics = number("NCCID_NODE_METRICS_PORT", 0, 0, 65535)
    return NodeSettings(
        host=environment.get("NCCID_HOST", "127.0.0.1"),
        port=number("NCCID_PORT", 11112, 0, 65535),
        ae_title=title,
        tls=_tls(environment),
        receivers=number("NCCID_NODE_RECEIVERS", min(4, os.cpu_count() or 1), 1, 64),
        associations=number("NCCID_NODE_ASSOCIATIONS", 32, 1, 10_000),
        pdu_bytes=number("NCCID_NODE_PDU_BYTES", _MIB, 16 * 1024, 128 * _MIB),
        object_bytes=number("NCCID_NODE_OBJECT_BYTES", 512 * _MIB, 1024),
        free_bytes=number("NCCID_NODE_FREE_BYTES", 1024 * _MIB, 0),
        idle_seconds=float(number("NCCID_NODE_IDLE_SECONDS", 60, 1, 86_400)),
        watch=Path(environment["NCCID_NODE_WATCH"]) if environment.get("NCCID_NODE_WATCH") else home.incoming,
        metrics=(environment.get("NCCID_METRICS_HOST", "127.0.0.1"), metrics) if metrics else None,
    )


def _tls(environment: Mapping[str, str]) -> Tls | None:
    names = ("NCCID_NODE_TLS_CERT", "NCCID_NODE_TLS_KEY", "NCCID_NODE_TLS_CA")
    given = {name: Path(environment[name]) for name in names if environment.get(name)}
    if not given:
        return None
    if not {*names[:2]} <= given.keys():
        raise UnusableInputError(f"DICOM over TLS needs both {names[0]} and {names[1]}; {names[2]} is for callers' certificates")
    for name, path in given.items():
        if not os.access(path, os.R_OK):
            raise UnusableInputError(f"{name}: {path} cannot be read")
    return Tls(given[names[0]], given[names[1]], given.get(names[2]))


def tls_context(tls: Tls) -> ssl.SSLContext:
    """TLS for lines: 1.2 or newer, callers with a certificate of the authority where one is given (PS3.15 annex B).

    Raises:
        UnusableInputError: a file is not what it should be.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.authority)
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        problem = error.strerror or "not as PEM, or the key is another one's"
        raise UnusableInputError(f"NCCID_NODE_TLS_CERT, _KEY or _CA is not what it should be ({problem})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
